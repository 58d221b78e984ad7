// A bounded queue with two conditions on one lock. Wait frees the lock and takes
// it again, so while a goroutine waits it holds nothing; what it took before and
// what others take meanwhile follow one order, queue -> stats: silence.
package main

import (
	"fmt"
	"sync"
)

type queue struct {
	mu       sync.Mutex
	notEmpty sync.Cond
	notFull  sync.Cond
	items    []int
	stats    stats
}

type stats struct {
	mu        sync.Mutex
	put, took int
}

func newQueue() *queue {
	q := &queue{}
	q.notEmpty.L, q.notFull.L = &q.mu, &q.mu
	return q
}

func (q *queue) put(v int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 2 {
		q.notFull.Wait()
	}
	q.items = append(q.items, v)
	q.stats.mu.Lock()
	q.stats.put++
	q.stats.mu.Unlock()
	q.notEmpty.Signal()
}

func (q *queue) take() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		q.notEmpty.Wait()
	}
	v := q.items[0]
	q.items = q.items[1:]
	q.stats.mu.Lock()
	q.stats.took++
	q.stats.mu.Unlock()
	q.notFull.Signal()
	return v
}

func main() {
	q := newQueue()
	var wg sync.WaitGroup
	sums := make(chan int, 4)
	for range 4 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for v := range 100 {
				q.put(v)
			}
		}()
		go func() {
			defer wg.Done()
			sum := 0
			for range 100 {
				sum += q.take()
			}
			sums <- sum
		}()
	}
	wg.Wait()
	fmt.Println("sum:", <-sums+<-sums+<-sums+<-sums, "put:", q.stats.put, "took:", q.stats.took)
}
