// A pool hands out connections; a returned one is reset by assigning a fresh
// value over it, its free lock included. So a lock that was known becomes a
// zero one in the same place, again and again, under one order, conn -> stream:
// silence.
package main

import (
	"fmt"
	"sync"
)

type conn struct {
	mu     sync.Mutex
	stream stream
}

type stream struct {
	mu    sync.Mutex
	bytes int
}

type pool struct {
	mu   sync.Mutex
	free []*conn
	made int
}

func (p *pool) get() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		return c
	}
	p.made++
	return &conn{}
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*c = conn{}
	p.free = append(p.free, c)
}

func (c *conn) write(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	c.stream.bytes += n
	return c.stream.bytes
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	p, sum := &pool{}, 0
	for n := range 1000 {
		run(func() {
			c := p.get()
			sum += c.write(n)
			p.put(c)
		})
	}
	fmt.Println("made:", p.made, "sum:", sum)
}
