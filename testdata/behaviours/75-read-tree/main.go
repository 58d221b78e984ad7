// As 29 with read locks, and with writers: a walk holds a section for reading
// while it reads its children, and rename writes to single sections. The nested
// RLock is of the same class but never of the same lock, and parent comes before
// child: no recursion, one order, silence.
package main

import (
	"fmt"
	"sync"
)

type section struct {
	mu       sync.RWMutex
	title    string
	children []*section
}

func (s *section) words() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 1
	for _, c := range s.children {
		n += c.words()
	}
	return n
}

func (s *section) rename(title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.title = title
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	leaf := &section{title: "leaf"}
	root := &section{children: []*section{{title: "a", children: []*section{leaf}}, {title: "b"}}}
	run(func() { root.rename("book") })
	run(func() { leaf.rename("end") })
	run(func() { fmt.Println("words:", root.words()) })
	run(func() { root.children[0].rename("first") })
	run(func() { fmt.Println("words:", root.words()) })
}
