// The main goroutine makes both orders itself, one after the other. Alone it
// cannot deadlock; the day either call moves to a goroutine of its own, it can.
// Report it, as possible.
package main

import (
	"fmt"
	"sync"
)

type config struct {
	mu  sync.Mutex
	rev int
}

type server struct {
	mu   sync.Mutex
	seen int
}

func (c *config) push(s *server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	c.rev++
	s.seen = c.rev
}

func (s *server) pull(c *config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.seen = c.rev
}

func main() {
	c, s := &config{}, &server{}
	c.push(s)
	s.pull(c)
	fmt.Println("seen:", s.seen)
}
