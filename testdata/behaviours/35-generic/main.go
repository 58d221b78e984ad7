// One generic cache, instantiated twice. The cache of names is held when the
// quota is taken, the quota when the cache of sizes is taken. Both caches are one
// class, by the declared field of the generic type; the locks themselves differ,
// so the cycle closes on classes only: report it, as possible.
package main

import (
	"fmt"
	"sync"
)

type cache[K comparable, V any] struct {
	mu   sync.Mutex
	vals map[K]V
}

type quota struct {
	mu   sync.Mutex
	left int
}

func (c *cache[K, V]) put(q *quota, k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	c.vals[k] = v
	q.left--
}

func (c *cache[K, V]) drop(q *quota, k K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.vals, k)
	q.left++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	names := &cache[int, string]{vals: map[int]string{}}
	sizes := &cache[string, int]{vals: map[string]int{"big": 9}}
	q := &quota{left: 5}
	run(func() { names.put(q, 1, "ann") })
	run(func() { sizes.drop(q, "big") })
	fmt.Println("names:", len(names.vals), "sizes:", len(sizes.vals), "left:", q.left)
}
