// The right way to do what 09 does: look under the read lock, let go, take the
// write lock, look again, and read once more after that. The same lock three
// times in a row, never twice at a time: silence.
package main

import (
	"fmt"
	"sync"
)

type cache struct {
	mu   sync.RWMutex
	vals map[string]int
}

func (c *cache) get(key string) int {
	c.mu.RLock()
	v, ok := c.vals[key]
	c.mu.RUnlock()
	if ok {
		return v
	}
	c.mu.Lock()
	if _, ok = c.vals[key]; !ok {
		c.vals[key] = len(key)
	}
	c.mu.Unlock()
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.vals[key]
}

func main() {
	c := &cache{vals: map[string]int{}}
	var wg sync.WaitGroup
	sums := make(chan int, 8)
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			sums <- c.get("one") + c.get("three")
		}()
	}
	wg.Wait()
	total := 0
	for range 8 {
		total += <-sums
	}
	fmt.Println("total:", total)
}
