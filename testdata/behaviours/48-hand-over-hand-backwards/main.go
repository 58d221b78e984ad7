// As 47, with links both ways: newest walks from the tail, locking the previous
// node before it lets go of the one it stands on. Two walks that meet in the
// middle each hold the node the other wants: to be reported, naming newest.
package main

import (
	"fmt"
	"sync"
)

type node struct {
	mu         sync.Mutex
	key        int
	prev, next *node
}

type list struct{ head, tail *node }

func (l *list) oldest() (n int) {
	at := l.head
	at.mu.Lock()
	for at.next != nil {
		next := at.next
		next.mu.Lock()
		at.mu.Unlock()
		at = next
		n = n*10 + at.key
	}
	at.mu.Unlock()
	return n
}

func (l *list) newest() (n int) {
	at := l.tail
	at.mu.Lock()
	for at.prev != nil {
		n = n*10 + at.key
		prev := at.prev
		prev.mu.Lock()
		at.mu.Unlock()
		at = prev
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
	l.tail = l.head
	for k := range 4 {
		n := &node{key: k + 1, prev: l.tail}
		l.tail.next, l.tail = n, n
	}
	run(func() { fmt.Println("oldest:", l.oldest()) })
	run(func() { fmt.Println("newest:", l.newest()) })
}
