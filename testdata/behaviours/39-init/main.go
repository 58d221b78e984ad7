// init takes config, then routes; a request takes routes, then config. While init
// runs there are no requests, so these two cannot meet. The order is broken all
// the same, and init's code tends to become reload's code: report it, as
// possible, and say that one side ran during init.
package main

import (
	"fmt"
	"sync"
)

var (
	config   = map[string]string{}
	configMu sync.Mutex

	routes   = map[string]string{}
	routesMu sync.Mutex
)

func init() {
	configMu.Lock()
	defer configMu.Unlock()
	config["host"] = "localhost"
	routesMu.Lock()
	defer routesMu.Unlock()
	routes["/"] = config["host"]
}

func serve(path string) string {
	routesMu.Lock()
	defer routesMu.Unlock()
	configMu.Lock()
	defer configMu.Unlock()
	return config["host"] + path + " -> " + routes[path]
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	run(func() { fmt.Println(serve("/")) })
}
