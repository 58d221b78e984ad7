// As 07, but each table has a writer. A writer that waits for users holds back
// new readers of users, one that waits for groups those of groups: four parties
// stand still. The report must show both writers, or nobody believes it.
package main

import (
	"fmt"
	"sync"
)

type users struct {
	mu   sync.RWMutex
	byID map[int]string
}

type groups struct {
	mu   sync.RWMutex
	byID map[int][]int
}

func (u *users) rename(id int, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byID[id] = name
}

func (g *groups) join(id, user int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.byID[id] = append(g.byID[id], user)
}

func members(g *groups, u *users, id int) (names []string) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	u.mu.RLock()
	defer u.mu.RUnlock()
	for _, m := range g.byID[id] {
		names = append(names, u.byID[m])
	}
	return names
}

func groupsOf(u *users, g *groups, user int) (n int) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, ms := range g.byID {
		for _, m := range ms {
			if m == user {
				n++
			}
		}
	}
	return n
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	u := &users{byID: map[int]string{1: "ann", 2: "bob"}}
	g := &groups{byID: map[int][]int{7: {1}, 8: {2}}}
	run(func() { u.rename(2, "ben") })
	run(func() { g.join(7, 2) })
	run(func() { fmt.Println("members:", members(g, u, 7)) })
	run(func() { fmt.Println("groups of 2:", groupsOf(u, g, 2)) })
}
