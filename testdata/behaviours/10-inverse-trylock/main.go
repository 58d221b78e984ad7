// flush takes queue, then disk; trim holds disk and only tries queue. A goroutine
// that tries does not wait, so it can be no link of a deadlock: silence.
package main

import (
	"fmt"
	"sync"
)

type queue struct {
	mu   sync.Mutex
	jobs int
}

type disk struct {
	mu   sync.Mutex
	used int
}

func flush(q *queue, d *disk) {
	q.mu.Lock()
	defer q.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used += q.jobs
	q.jobs = 0
}

func trim(d *disk, q *queue) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !q.mu.TryLock() {
		return false
	}
	defer q.mu.Unlock()
	d.used--
	q.jobs++
	return true
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	q, d := &queue{jobs: 3}, &disk{}
	run(func() { flush(q, d) })
	run(func() { fmt.Println("trimmed:", trim(d, q)) })
	fmt.Println("used:", d.used, "jobs:", q.jobs)
}
