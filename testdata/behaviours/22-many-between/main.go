// The two halves of an inversion lie far apart: between them 70,000 sessions are
// locked under the registry. A tool with a bounded memory of recent locks has
// forgotten the first half by then; this must be reported all the same.
package main

import (
	"fmt"
	"sync"
)

type account struct {
	mu    sync.Mutex
	funds int
}

type audit struct {
	mu    sync.Mutex
	lines int
}

type session struct {
	mu   sync.Mutex
	hits int
}

type registry struct {
	mu       sync.Mutex
	sessions []*session
}

func deposit(a *account, l *audit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	a.funds += 5
	l.lines++
}

func (r *registry) open(n int) {
	for range n {
		s := &session{}
		r.mu.Lock()
		s.mu.Lock()
		s.hits++
		r.sessions = append(r.sessions, s)
		s.mu.Unlock()
		r.mu.Unlock()
	}
}

func reconcile(l *audit, a *account) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.funds - l.lines
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	a, l, r := &account{}, &audit{}, &registry{}
	run(func() { deposit(a, l) })
	run(func() { r.open(70_000) })
	run(func() { fmt.Println("reconcile:", reconcile(l, a)) })
	fmt.Println("sessions:", len(r.sessions))
}
