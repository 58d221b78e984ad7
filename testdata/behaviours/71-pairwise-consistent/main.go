// Three locks that are never all held together: a -> b in one place, b -> c in
// another, a -> c in a third, on several instances, and c alone. The three pairs
// agree with one order: silence.
package main

import (
	"fmt"
	"sync"
)

type city struct {
	mu     sync.Mutex
	people int
}

type street struct {
	mu     sync.Mutex
	houses int
}

type house struct {
	mu    sync.Mutex
	rooms int
}

func build(c *city, s *street) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.houses++
}

func furnish(s *street, h *house) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms++
}

func settle(c *city, h *house) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	c.people += h.rooms
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	var (
		cities  [2]city
		streets [3]street
		houses  [5]house
	)
	for i := range 30 {
		c, s, h := &cities[i%2], &streets[i%3], &houses[i%5]
		run(func() { settle(c, h) })
		run(func() { furnish(s, h) })
		run(func() { build(c, s) })
	}
	fmt.Println("people:", cities[0].people+cities[1].people)
}
