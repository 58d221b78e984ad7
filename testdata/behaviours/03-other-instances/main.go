// Two pairs of the same two types. The first pair is locked user, then cart; the
// second cart, then user. The four locks themselves cannot deadlock, but nothing
// in the types says that only these pairs take those orders. The cycle closes on
// the classes alone: report it, as possible.
package main

import (
	"fmt"
	"sync"
)

type user struct {
	mu    sync.Mutex
	spent int
}

type cart struct {
	mu    sync.Mutex
	items int
}

func checkout(u *user, c *cart) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	u.spent += c.items
	c.items = 0
}

func adopt(c *cart, u *user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	c.items += u.spent
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	u1, c1 := &user{}, &cart{items: 2}
	u2, c2 := &user{spent: 4}, &cart{items: 1}
	run(func() { checkout(u1, c1) })
	run(func() { adopt(c2, u2) })
	fmt.Println("spent:", u1.spent, "items:", c2.items)
}
