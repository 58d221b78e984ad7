// Two goroutines read the catalogue together. One leaves; the other still holds
// it when it takes the price list. If the first RUnlock took away the second
// one's entry, the order catalogue -> prices would be lost. reprice takes prices,
// then the catalogue for writing: to be reported.
package main

import (
	"fmt"
	"sync"
)

type catalogue struct {
	mu    sync.RWMutex
	items int
}

type prices struct {
	mu  sync.Mutex
	sum int
}

func browse(c *catalogue, in chan<- struct{}, leave <-chan struct{}) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	in <- struct{}{}
	<-leave
}

func quote(c *catalogue, p *prices, in chan<- struct{}, otherLeft <-chan struct{}) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	in <- struct{}{}
	<-otherLeft
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.items * p.sum
}

func reprice(p *prices, c *catalogue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	p.sum += c.items
}

func main() {
	c, p := &catalogue{items: 3}, &prices{sum: 7}
	in, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(left); browse(c, in, leave) }()
	got := make(chan int)
	go func() { got <- quote(c, p, in, left) }()
	<-in
	<-in
	close(leave)
	fmt.Println("quote:", <-got)

	done := make(chan struct{})
	go func() { defer close(done); reprice(p, c) }()
	<-done
	fmt.Println("sum:", p.sum)
}
