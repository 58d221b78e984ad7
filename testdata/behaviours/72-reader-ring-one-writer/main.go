// Three tables read in a ring, x under y under z under x, and one of them has a
// writer. For a deadlock each reader in the ring would have to queue behind a
// writer of the lock it wants; two of the three have none, so whoever wants one
// of those gets it and goes on: silence.
package main

import (
	"fmt"
	"sync"
)

type users struct {
	mu sync.RWMutex
	n  int
}

type roles struct {
	mu sync.RWMutex
	n  int
}

type rights struct {
	mu sync.RWMutex
	n  int
}

func rolesOf(u *users, r *roles) int {
	u.mu.RLock()
	defer u.mu.RUnlock()
	r.mu.RLock()
	defer r.mu.RUnlock()
	return u.n + r.n
}

func rightsOf(r *roles, g *rights) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g.mu.RLock()
	defer g.mu.RUnlock()
	return r.n + g.n
}

func holders(g *rights, u *users) int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	u.mu.RLock()
	defer u.mu.RUnlock()
	return g.n + u.n
}

func (u *users) add() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	u, r, g := &users{n: 1}, &roles{n: 2}, &rights{n: 4}
	run(func() { fmt.Println(rolesOf(u, r)) })
	run(func() { fmt.Println(rightsOf(r, g)) })
	run(func() { fmt.Println(holders(g, u)) })
	run(u.add)
	run(func() { fmt.Println(rolesOf(u, r)) })
}
