// Both orders of src and dst exist, but whoever takes either pair holds the
// migration lock first. Only one goroutine can be inside at a time, so the two
// orders never meet: silence. The graph keeps the cycle and its reason.
package main

import (
	"fmt"
	"sync"
)

type migration struct {
	mu    sync.Mutex
	moves int
}

type shard struct{ rows int }

type source struct {
	mu sync.Mutex
	shard
}

type target struct {
	mu sync.Mutex
	shard
}

func forward(m *migration, s *source, t *target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.rows, t.rows = s.rows-1, t.rows+1
	m.moves++
}

func back(m *migration, s *source, t *target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows, t.rows = s.rows+1, t.rows-1
	m.moves++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	m, s, t := &migration{}, &source{shard: shard{9}}, &target{}
	run(func() { forward(m, s, t) })
	run(func() { forward(m, s, t) })
	run(func() { back(m, s, t) })
	fmt.Println("moves:", m.moves, "rows:", s.rows, t.rows)
}
