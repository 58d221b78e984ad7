// Ten times both orders are taken under the gate, as in 12. Then one shortcut
// takes the first of the two orders without it. What was learned of that order
// under the gate must not hide that it exists without: to be reported, naming
// the shortcut.
package main

import (
	"fmt"
	"sync"
)

type migration struct {
	mu    sync.Mutex
	moves int
}

type source struct {
	mu   sync.Mutex
	rows int
}

type target struct {
	mu   sync.Mutex
	rows int
}

func move(s *source, t *target, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.rows -= n
	t.rows += n
}

func forward(m *migration, s *source, t *target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	move(s, t, 1)
	m.moves++
}

func back(m *migration, s *source, t *target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows++
	t.rows--
	m.moves++
}

func shortcut(s *source, t *target) {
	move(s, t, 5)
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	m, s, t := &migration{}, &source{rows: 9}, &target{}
	for range 10 {
		run(func() { forward(m, s, t) })
		run(func() { back(m, s, t) })
	}
	run(func() { shortcut(s, t) })
	fmt.Println("moves:", m.moves, "rows:", s.rows, t.rows)
}
