// load takes the cache's lock and returns early on an error path that forgets to
// unlock; its goroutine ends. Later goroutines find the lock taken, by nobody
// that could ever let go. They only try, so the program goes on; the report says
// who took the lock and ended. Possible, not more: another goroutine may still be
// meant to unlock it.
package main

import (
	"fmt"
	"sync"
)

type cache struct {
	mu   sync.Mutex
	vals map[string]string
}

func (c *cache) load(key string) {
	c.mu.Lock()
	if key == "" {
		return
	}
	c.vals[key] = key
	c.mu.Unlock()
}

func (c *cache) get(key string) (string, bool) {
	if !c.mu.TryLock() {
		return "", false
	}
	defer c.mu.Unlock()
	return c.vals[key], true
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c := &cache{vals: map[string]string{}}
	run(func() { c.load("a") })
	run(func() { c.load("") })
	misses := 0
	for range 3 {
		run(func() {
			if _, ok := c.get("a"); !ok {
				misses++
			}
		})
	}
	fmt.Println("misses:", misses)
}
