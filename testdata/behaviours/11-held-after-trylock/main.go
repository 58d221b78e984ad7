// steal holds its own worker and tries the victim's queue. That attempt waits for
// nobody; but once it has succeeded the queue is held like any other lock, and
// steal then waits for the log. drain holds the log and waits for the queue:
// queue -> log -> queue is a deadlock and must be reported.
package main

import (
	"fmt"
	"sync"
)

type worker struct {
	mu    sync.Mutex
	stole int
}

type queue struct {
	mu   sync.Mutex
	jobs int
}

type log struct {
	mu    sync.Mutex
	lines int
}

func steal(w *worker, q *queue, l *log) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !q.mu.TryLock() {
		return false
	}
	defer q.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	w.stole++
	q.jobs--
	l.lines++
	return true
}

func drain(l *log, q *queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	l.lines += q.jobs
	q.jobs = 0
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	w, q, l := &worker{}, &queue{jobs: 4}, &log{}
	run(func() { fmt.Println("stole:", steal(w, q, l)) })
	run(func() { drain(l, q) })
	fmt.Println("lines:", l.lines)
}
