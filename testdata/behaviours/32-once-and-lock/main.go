// The registry is filled once, and fill takes its lock. lookup takes the lock and
// then makes sure that the registry is filled. Here warm came first, so Do
// returned at once in lookup. Were lookup first in the middle of warm, it would
// hold the lock and wait for the Once, whose function waits for the lock. A Once
// counts as a lock: to be reported.
package main

import (
	"fmt"
	"sync"
)

type registry struct {
	mu   sync.Mutex
	once sync.Once
	vals map[string]int
}

func (r *registry) fill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.vals = map[string]int{"one": 1}
}

func (r *registry) warm() {
	r.once.Do(r.fill)
}

func (r *registry) lookup(key string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.once.Do(r.fill)
	return r.vals[key]
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	r := &registry{}
	run(r.warm)
	run(func() { fmt.Println("one:", r.lookup("one")) })
}
