// Two instances of one generic type, and one more of another instantiation, all
// one class. The first is always locked before the second, and the second before
// the third: silence.
package main

import (
	"fmt"
	"sync"
)

type set[T comparable] struct {
	mu   sync.Mutex
	vals map[T]bool
}

func newSet[T comparable](vals ...T) *set[T] {
	s := &set[T]{vals: map[T]bool{}}
	for _, v := range vals {
		s.vals[v] = true
	}
	return s
}

func merge[T comparable](into, from *set[T]) int {
	into.mu.Lock()
	defer into.mu.Unlock()
	from.mu.Lock()
	defer from.mu.Unlock()
	for v := range from.vals {
		into.vals[v] = true
	}
	return len(into.vals)
}

func label(s *set[int], names *set[string]) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	names.mu.Lock()
	defer names.mu.Unlock()
	for v := range s.vals {
		names.vals[fmt.Sprint(v)] = true
	}
	return len(names.vals)
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	names := newSet[string]()
	a, b := newSet(1, 2), newSet(2, 3)
	run(func() { fmt.Println("merged:", merge(a, b)) })
	run(func() { fmt.Println("names:", label(b, names)) })
	run(func() { fmt.Println("names:", label(a, names)) })
}
