// Both sides take the scheduler's lock first, but only to find the first of their
// two locks: they let go of it before they wait for the second. At the moment
// each waits for the other, neither holds the scheduler. No gate: to be reported.
package main

import (
	"fmt"
	"sync"
)

type scheduler struct {
	mu    sync.Mutex
	cpu   cpu
	queue queue
}

type cpu struct {
	mu   sync.Mutex
	busy bool
}

type queue struct {
	mu   sync.Mutex
	jobs int
}

func (s *scheduler) dispatch() {
	s.mu.Lock()
	c := &s.cpu
	c.mu.Lock()
	s.mu.Unlock()
	defer c.mu.Unlock()
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	c.busy = true
	s.queue.jobs--
}

func (s *scheduler) enqueue() {
	s.mu.Lock()
	q := &s.queue
	q.mu.Lock()
	s.mu.Unlock()
	defer q.mu.Unlock()
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	s.cpu.busy = false
	q.jobs++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	s := &scheduler{}
	run(s.enqueue)
	run(s.dispatch)
	fmt.Println("jobs:", s.queue.jobs, "busy:", s.cpu.busy)
}
