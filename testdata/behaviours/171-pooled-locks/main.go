// Objects with a lock go through a pool, are copied into new places while nobody
// holds them, and are reset between uses. Each use nests a buffer in a session and
// then, in another use, the other way round, by two goroutines, one after the
// other. The pool gives the very same two objects to both: these are the same
// locks, so the inversion is likely.
package main

import (
	"fmt"
	"runtime"
	"sync"
)

type session struct {
	mu   sync.Mutex
	uses int
}

type buffer struct {
	mu sync.Mutex
	b  []byte
}

type pair struct {
	s *session
	b *buffer
}

var (
	mu   sync.Mutex
	free []*pair // a pool that keeps what it has
)

func get() *pair {
	mu.Lock()
	defer mu.Unlock()
	if n := len(free); n > 0 {
		p := free[n-1]
		free = free[:n-1]
		return p
	}
	return &pair{new(session), new(buffer)}
}

func put(p *pair) {
	mu.Lock()
	free = append(free, p)
	mu.Unlock()
}

func fill() {
	p := get()
	p.s.mu.Lock()
	p.b.mu.Lock()
	p.b.b = append(p.b.b, 'x')
	p.b.mu.Unlock()
	p.s.uses++
	p.s.mu.Unlock()
	put(p)
}

func drain() {
	p := get()
	p.b.mu.Lock()
	p.s.mu.Lock()
	p.b.b = p.b.b[:0]
	p.s.uses++
	p.s.mu.Unlock()
	p.b.mu.Unlock()
	put(p)
}

func main() {
	for _, f := range []func(){fill, drain, fill, drain} {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() { defer wg.Done(); f() }()
		wg.Wait()
		runtime.GC()
		for range 10000 {
			x := new(session)
			x.mu.Lock()
			x.mu.Unlock()
		}
	}
	fmt.Println(get().s.uses)
}
