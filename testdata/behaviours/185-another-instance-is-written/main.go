// Readers of one cache wait for each other only if somebody writes that very cache.
// Here hits is read twice by one goroutine, and names is read in both orders with
// the log's lock; but only other caches are ever written. And total reads its table
// twice and writes it later, all on one goroutine, which cannot come in between
// itself. Each is possible, as there is code that writes, and none is likely.
package main

import (
	"fmt"
	"sync"
)

type cache struct {
	mu sync.RWMutex
	m  map[string]int
}

func (c *cache) get(k string) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.m[k]
}

func (c *cache) both(a, b string) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.get(a) + c.get(b)
}

func (c *cache) put(k string, v int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[k] = v
}

type index struct {
	mu sync.RWMutex
	m  map[string]int
}

func (x *index) each(f func(string)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for k := range x.m {
		f(k)
	}
}

func (x *index) size() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.m)
}

func (x *index) put(k string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.m[k]++
}

type journal struct {
	mu    sync.Mutex
	lines int
}

func (j *journal) line() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines++
}

func (j *journal) report(x *index) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines * x.size()
}

type table struct {
	mu sync.RWMutex
	n  int
}

func (t *table) rows() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.n
}

func (t *table) total() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rows() + t.rows()
}

func (t *table) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	warm := &cache{m: map[string]int{}}
	hits := &cache{m: map[string]int{"a": 1, "b": 2}}
	run(func() { warm.put("a", 1) })
	run(func() { fmt.Println("hits:", hits.both("a", "b")) })
	run(func() { warm.put("b", 1) })

	old := &index{m: map[string]int{}}
	names := &index{m: map[string]int{"ann": 1, "bob": 1}}
	j := &journal{}
	run(func() { old.put("eve") })
	run(func() { names.each(func(string) { j.line() }) })
	run(func() { fmt.Println("report:", j.report(names)) })

	run(func() {
		t := &table{n: 1}
		fmt.Println("total:", t.total())
		t.add()
		fmt.Println("total:", t.total())
	})
}
