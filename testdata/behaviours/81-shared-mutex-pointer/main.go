// Windows have no lock of their own: each keeps a pointer to the lock of its
// screen. So one mutex goes by two names, screen.mu and window.mu. A window locks
// by its pointer and then the clipboard; a screen locks by its field and then the
// clipboard. Two screens, with windows locked before and after: one order,
// silence.
package main

import (
	"fmt"
	"sync"
)

type screen struct {
	mu      sync.Mutex
	windows []*window
}

type window struct {
	mu   *sync.Mutex
	text string
}

type clipboard struct {
	mu   sync.Mutex
	text string
}

func (s *screen) open(text string) *window {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &window{mu: &s.mu, text: text}
	s.windows = append(s.windows, w)
	return w
}

func (w *window) copy(c *clipboard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text += w.text
}

func (s *screen) paste(c *clipboard) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range s.windows {
		w.text += c.text
	}
	return len(s.windows)
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c, s1, s2 := &clipboard{}, &screen{}, &screen{}
	early := &window{mu: &s2.mu, text: "early "}
	run(func() { early.copy(c) })
	run(func() { s1.open("one ").copy(c) })
	run(func() { s2.open("two ").copy(c) })
	run(func() { fmt.Println("pasted:", s1.paste(c)+s2.paste(c)) })
	fmt.Println(c.text)
}
