// Locks that are written, but never when two readers of them could meet. A
// constructor fills its registry under the lock, and then starts the goroutines that
// read it, also by way of another goroutine. The settings are only ever written
// under the lock that their nested readers hold as well. And who evicts does so by
// TryLock: it does not wait, so no reader waits behind it. Silence.
package main

import (
	"fmt"
	"sync"
)

type registry struct {
	sync.RWMutex
	m map[string]int
}

func newRegistry(names ...string) *registry {
	r := &registry{m: map[string]int{}}
	for _, n := range names {
		r.add(n)
	}
	return r
}

func (r *registry) add(name string) {
	r.Lock()
	defer r.Unlock()
	r.m[name] = len(name)
}

func (r *registry) get(name string) int {
	r.RLock()
	defer r.RUnlock()
	return r.m[name]
}

func (r *registry) sum(names ...string) (sum int) {
	r.RLock()
	defer r.RUnlock()
	for _, n := range names {
		sum += r.get(n)
	}
	return sum
}

type settings struct {
	admin sync.Mutex
	mu    sync.RWMutex
	n     int
}

func (s *settings) get() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.n
}

func (s *settings) double() int {
	s.admin.Lock()
	defer s.admin.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.get() + s.get()
}

func (s *settings) set(n int) {
	s.admin.Lock()
	defer s.admin.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n = n
}

type pool struct {
	mu sync.RWMutex
	n  int
}

func (p *pool) size() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.n
}

func (p *pool) load() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.size() * 10
}

func (p *pool) evict() bool {
	if !p.mu.TryLock() {
		return false
	}
	defer p.mu.Unlock()
	p.n--
	return true
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	r := newRegistry("ann", "eve")
	run(func() { fmt.Println("sum:", r.sum("ann", "eve")) })
	run(func() { run(func() { fmt.Println("sum:", r.sum("ann", "eve")) }) })
	run(func() { // made on a goroutine, read on one that it starts
		r := newRegistry("bob")
		run(func() { fmt.Println("made:", r.sum("bob", "bob")) })
	})

	s := &settings{n: 1}
	run(func() { s.set(2) })
	run(func() { fmt.Println("double:", s.double()) })
	run(func() { s.set(3) })

	p := &pool{n: 3}
	run(func() { fmt.Println("evicted:", p.evict()) })
	run(func() { fmt.Println("load:", p.load()) })
	run(func() { fmt.Println("evicted:", p.evict()) })
}
