// Both sides hold a connection's write lock first, so by class it looks like a
// gate. But it is a lock per connection: the two requests come over two
// connections and hold two different locks. They can meet at users and rooms: to
// be reported.
package main

import (
	"fmt"
	"sync"
)

type conn struct {
	mu   sync.Mutex
	reqs int
}

type users struct {
	mu     sync.Mutex
	online int
}

type rooms struct {
	mu   sync.Mutex
	full int
}

func (c *conn) enter(u *users, r *rooms) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	c.reqs++
	u.online++
	r.full++
}

func (c *conn) clear(r *rooms, u *users) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	c.reqs++
	u.online -= r.full
	r.full = 0
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	c1, c2, u, r := &conn{}, &conn{}, &users{}, &rooms{}
	run(func() { c1.enter(u, r) })
	run(func() { c2.clear(r, u) })
	fmt.Println("online:", u.online, "requests:", c1.reqs+c2.reqs)
}
