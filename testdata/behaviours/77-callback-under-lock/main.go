// The cache calls its eviction callback with its lock held. The callback, given
// by the session table, locks that table; and the table looks things up in the
// cache while locked. The halves are written by two people who never saw each
// other's code: to be reported.
package main

import (
	"fmt"
	"sync"
)

type cache struct {
	mu      sync.Mutex
	keys    map[string]bool
	onEvict func(string)
}

func (c *cache) evict(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, key)
	if c.onEvict != nil {
		c.onEvict(key)
	}
}

func (c *cache) has(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[key]
}

type sessions struct {
	mu     sync.Mutex
	active map[string]bool
	cache  *cache
}

func (s *sessions) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, key)
}

func (s *sessions) cached() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.active {
		if s.cache.has(k) {
			n++
		}
	}
	return n
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c := &cache{keys: map[string]bool{"ann": true, "bob": true}}
	s := &sessions{active: map[string]bool{"ann": true, "bob": true}, cache: c}
	c.onEvict = s.forget
	run(func() { fmt.Println("cached:", s.cached()) })
	run(func() { c.evict("ann") })
	run(func() { fmt.Println("cached:", s.cached()) })
}
