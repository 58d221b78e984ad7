// get finds no value under the read lock and calls fill, which wants the write
// lock. A writer waits for all readers, this goroutine among them: it waits for
// itself. The report must be out before the hang; Go's detector ends the program.
package main

import (
	"fmt"
	"sync"
)

type cache struct {
	mu   sync.RWMutex
	vals map[string]int
}

func (c *cache) fill(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vals[key] = len(key)
	return c.vals[key]
}

func (c *cache) get(key string) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if v, ok := c.vals[key]; ok {
		return v
	}
	return c.fill(key)
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c := &cache{vals: map[string]int{"warm": 4}}
	run(func() { fmt.Println("warm:", c.get("warm")) })
	run(func() { fmt.Println("cold:", c.get("cold")) })
}
