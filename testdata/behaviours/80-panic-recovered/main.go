// parse panics three calls deep with two locks held; deferred unlocks run while
// it unwinds, and serve recovers. The same goroutine goes on and takes the locks
// in an order that would be a cycle if either still counted as held: silence.
package main

import (
	"fmt"
	"sync"
)

type arena struct {
	mu   sync.Mutex
	used int
}

type lexer struct {
	mu  sync.Mutex
	pos int
}

type stats struct {
	mu     sync.Mutex
	failed int
}

func (a *arena) parse(l *lexer, text string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used++
	return l.number(text)
}

func (l *lexer) number(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(text[l.pos] - '0')
}

func serve(a *arena, l *lexer, s *stats, text string) (v int, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("bad text %q", text)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failed++
			a.mu.Lock()
			defer a.mu.Unlock()
			a.used--
		}
	}()
	return a.parse(l, text), nil
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	a, l, s := &arena{}, &lexer{}, &stats{}
	run(func() {
		for _, text := range []string{"7", "", "3", ""} {
			fmt.Println(serve(a, l, s, text))
		}
	})
	fmt.Println("used:", a.used, "failed:", s.failed)
}
