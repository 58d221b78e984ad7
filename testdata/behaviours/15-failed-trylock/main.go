// While evict holds the cache, a probe on another goroutine tries it and fails.
// That must not disturb what is known of the holder: evict goes on to take the
// index while it still holds the cache, and lookup takes them the other way
// round. An ordinary inversion, to be reported.
package main

import (
	"fmt"
	"sync"
)

type cache struct {
	mu   sync.Mutex
	size int
}

type index struct {
	mu   sync.Mutex
	keys int
}

func (c *cache) probe() bool {
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	return true
}

func (c *cache) evict(ix *index) {
	c.mu.Lock()
	defer c.mu.Unlock()
	free := make(chan bool)
	go func() { free <- c.probe() }()
	fmt.Println("free:", <-free)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	c.size--
	ix.keys--
}

func (ix *index) lookup(c *cache) int {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return ix.keys + c.size
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c, ix := &cache{size: 2}, &index{keys: 2}
	run(func() { c.evict(ix) })
	run(func() { fmt.Println("lookup:", ix.lookup(c)) })
}
