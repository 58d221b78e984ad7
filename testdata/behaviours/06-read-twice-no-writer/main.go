// As 05, but the table is filled before anybody shares it and no code ever takes
// the lock for writing. Readers do not wait for readers, so the second RLock can
// never block: silence.
package main

import (
	"fmt"
	"sync"
)

type routes struct {
	mu   sync.RWMutex
	hops map[string]string
}

func (r *routes) next(from string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.hops[from]
}

func (r *routes) path(from string) (n int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for at := from; at != ""; at = r.next(at) {
		n++
	}
	return n
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	r := &routes{hops: map[string]string{"oslo": "bergen", "bergen": "voss"}}
	for range 3 {
		run(func() { fmt.Println("hops:", r.path("oslo")) })
	}
}
