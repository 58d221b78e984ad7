// A connection's Close holds a lock, comes to its wait when the loop that reads has long
// ended, mostly, and takes the locks in the other order: the two cannot meet.
package main

import (
	"fmt"
	"sync"
	"time"
)

type conn struct {
	closing sync.Mutex
	closed  bool
	late    bool
	stop    chan struct{}
	done    chan struct{}

	list    sync.Mutex
	streams []*stream
}

type stream struct {
	state sync.Mutex
	conn  *conn
	open  bool
}

// read is the loop: a stream that ends leaves the list.
func (c *conn) read() {
	defer close(c.done)
	for i := range 3 {
		s := c.streams[i]
		s.state.Lock()
		c.list.Lock()
		s.open = i == 0
		c.list.Unlock()
		s.state.Unlock()
	}
	<-c.stop
	if !c.late {
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *conn) close() {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	close(c.stop)
	if c.late {
		time.Sleep(10 * time.Millisecond)
	}
	<-c.done
	c.list.Lock()
	defer c.list.Unlock()
	for _, s := range c.streams {
		s.state.Lock()
		s.open = false
		s.state.Unlock()
	}
}

func main() {
	open := 0
	for i := range 5 {
		c := &conn{stop: make(chan struct{}), done: make(chan struct{}), late: i > 0}
		for range 3 {
			c.streams = append(c.streams, &stream{conn: c, open: true})
		}
		go c.read()
		c.close()
		for _, s := range c.streams {
			if s.open {
				open++
			}
		}
	}
	fmt.Println("open:", open)
}
