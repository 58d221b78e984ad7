// route reads the config and then the members; join changes the members and then
// reads the config; reload changes the config. route and join alone pass: a
// reader does not wait for a reader. With a reload that waits for route, join
// waits behind reload, and route waits for join. Three parties, and the scenario
// table must show all three.
package main

import (
	"fmt"
	"sync"
)

type config struct {
	mu    sync.RWMutex
	limit int
}

type members struct {
	mu    sync.RWMutex
	names []string
}

func route(c *config, m *members) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	m.mu.RLock()
	defer m.mu.RUnlock()
	return min(c.limit, len(m.names))
}

func join(m *members, c *config, name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(m.names) == c.limit {
		return false
	}
	m.names = append(m.names, name)
	return true
}

func reload(c *config, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = limit
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c, m := &config{limit: 1}, &members{}
	run(func() { fmt.Println("route:", route(c, m)) })
	run(func() { fmt.Println("join:", join(m, c, "ann")) })
	run(func() { reload(c, 2) })
	run(func() { fmt.Println("join:", join(m, c, "bob")) })
}
