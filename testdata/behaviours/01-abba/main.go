// A store tells its index about each new row; a rebuild of the index reads the
// rows back from the store. put takes store.mu and then index.mu, rebuild takes
// them the other way round. The two never overlap here, so nothing hangs, but
// both orders were made on the same two locks by two goroutines with nothing to
// keep them apart: this must be reported, once, with the stacks of both sides.
package main

import (
	"fmt"
	"sync"
)

type store struct {
	mu   sync.Mutex
	rows map[string]int
}

type index struct {
	mu   sync.Mutex
	keys int
}

func (s *store) put(ix *index, key string, v int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[key] = v
	ix.add()
}

func (s *store) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

func (ix *index) add() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.keys++
}

func (ix *index) rebuild(s *store) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.keys = s.size()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	s, ix := &store{rows: map[string]int{}}, &index{}
	run(func() { s.put(ix, "apple", 3) })
	run(func() { ix.rebuild(s) })
	fmt.Println("keys:", ix.keys)
}
