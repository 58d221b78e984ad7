// drain takes the queue, then the sink, and waits for work. Wait frees the queue
// only; when woken, it takes the queue again while it holds the sink. flush takes
// the queue, then the sink: it can hold the queue and wait for the sink that the
// woken drain holds. To be reported: sink -> queue is inside Wait.
package main

import (
	"fmt"
	"sync"
)

type queue struct {
	mu    sync.Mutex
	work  *sync.Cond
	items int
}

type sink struct {
	mu      sync.Mutex
	written int
}

func (q *queue) drain(s *sink, waiting chan<- struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	close(waiting)
	for q.items == 0 {
		q.work.Wait()
	}
	s.written += q.items
	q.items = 0
}

// add can take the lock only when drain sits in Wait.
func (q *queue) add() {
	q.mu.Lock()
	q.items++
	q.mu.Unlock()
	q.work.Signal()
}

func (q *queue) flush(s *sink) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written += q.items
	q.items = 0
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	q, s := &queue{}, &sink{}
	q.work = sync.NewCond(&q.mu)
	run(func() { q.flush(s) })
	waiting, drained := make(chan struct{}), make(chan struct{})
	go func() { defer close(drained); q.drain(s, waiting) }()
	<-waiting
	q.add()
	<-drained
	fmt.Println("written:", s.written)
}
