// The standard library's own locks are watched too. A tree of contexts is
// cancelled from the middle, from the top and by deadline, with callbacks that
// take the program's lock, and contexts are made under that lock. context keeps
// parent before child and calls out with nothing held: silence.
package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

type calls struct {
	mu   sync.Mutex
	live map[string]context.CancelFunc
	over int
}

func (c *calls) begin(parent context.Context, name string, ended *sync.WaitGroup) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithCancel(parent)
	c.live[name] = cancel
	ended.Add(1)
	context.AfterFunc(ctx, func() {
		defer ended.Done()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.live, name)
		c.over++
	})
	return ctx
}

func (c *calls) cancel(name string) {
	c.mu.Lock()
	cancel := c.live[name]
	c.mu.Unlock()
	cancel()
}

func main() {
	c, ended := &calls{live: map[string]context.CancelFunc{}}, &sync.WaitGroup{}
	root, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	a := c.begin(root, "a", ended)
	b := c.begin(a, "b", ended)
	c.begin(b, "c", ended)
	d := c.begin(root, "d", ended)
	short, stopShort := context.WithTimeout(d, time.Millisecond)
	defer stopShort()
	c.begin(short, "e", ended)
	<-short.Done()
	c.cancel("b")
	c.cancel("a")
	stop()
	ended.Wait()
	fmt.Println("over:", c.over, "live:", len(c.live), short.Err(), root.Err())
}
