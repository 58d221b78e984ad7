// accept starts a goroutine while it holds the listener, and does not wait for
// it. The goroutine takes the connection table, whose own code takes the listener
// under it. A go statement waits for nobody and hands no lock on: silence.
package main

import (
	"fmt"
	"sync"
)

type listener struct {
	mu       sync.Mutex
	accepted int
}

type conns struct {
	mu   sync.Mutex
	open int
}

func (l *listener) accept(c *conns, served *sync.WaitGroup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted++
	served.Add(1)
	go func() {
		defer served.Done()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open++
	}()
}

func (c *conns) balance(l *listener) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted - c.open
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	l, c := &listener{}, &conns{}
	var served sync.WaitGroup
	for range 3 {
		run(func() { l.accept(c, &served) })
	}
	served.Wait()
	run(func() { fmt.Println("balance:", c.balance(l)) })
}
