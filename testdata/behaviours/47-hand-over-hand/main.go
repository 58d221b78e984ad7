// A sorted list with a lock in each node. A walk locks the next node before it
// lets go of the one it stands on, always from head to tail; nodes are inserted
// at the front and in the middle, so addresses follow no order. Each pair has one
// order: silence.
package main

import (
	"fmt"
	"sync"
)

type node struct {
	mu   sync.Mutex
	key  int
	next *node
}

type list struct{ head *node }

func (l *list) insert(key int) {
	at := l.head
	at.mu.Lock()
	for at.next != nil {
		next := at.next
		next.mu.Lock()
		if next.key > key {
			next.mu.Unlock()
			break
		}
		at.mu.Unlock()
		at = next
	}
	at.next = &node{key: key, next: at.next}
	at.mu.Unlock()
}

func (l *list) sum() (n int) {
	at := l.head
	at.mu.Lock()
	for at.next != nil {
		next := at.next
		next.mu.Lock()
		at.mu.Unlock()
		at = next
		n += at.key
	}
	at.mu.Unlock()
	return n
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	l := &list{head: &node{}}
	for _, k := range []int{50, 10, 30, 70, 20, 60, 40} {
		run(func() { l.insert(k) })
	}
	run(func() { fmt.Println("sum:", l.sum()) })
	var wg sync.WaitGroup
	for k := range 20 {
		wg.Add(1)
		go func() { defer wg.Done(); l.insert(k) }()
	}
	wg.Wait()
	run(func() { fmt.Println("sum:", l.sum()) })
}
