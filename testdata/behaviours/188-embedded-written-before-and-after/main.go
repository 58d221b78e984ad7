// Three locks that one goroutine reads twice, and of each an earlier instance was
// written by somebody else, so that there is nothing new about the class. The route
// table is written before its readers come, the feed after them, the board by the
// goroutine that made it, but when its readers run already. The second reader takes
// the lock through RLocker, an embedded field, or after a TryRLock. All are likely.
package main

import (
	"fmt"
	"sync"
)

type routes struct {
	sync.RWMutex
	n int
}

func (r *routes) add() { r.Lock(); defer r.Unlock(); r.n++ }
func (r *routes) len() int {
	l := r.RLocker()
	l.Lock()
	defer l.Unlock()
	return r.n
}

func (r *routes) twice() int {
	r.RLock()
	defer r.RUnlock()
	return r.len() + r.len()
}

type feed struct {
	state struct {
		sync.RWMutex
		n int
	}
}

func (f *feed) post() { f.state.Lock(); defer f.state.Unlock(); f.state.n++ }
func (f *feed) last() int {
	f.state.RLock()
	defer f.state.RUnlock()
	return f.state.n
}

func (f *feed) page() int {
	if !f.state.TryRLock() {
		return 0
	}
	defer f.state.RUnlock()
	return f.last()
}

type board struct {
	mu sync.RWMutex
	n  int
}

func (b *board) set(n int) { b.mu.Lock(); defer b.mu.Unlock(); b.n = n }
func (b *board) at() int   { b.mu.RLock(); defer b.mu.RUnlock(); return b.n }
func (b *board) sum() int  { b.mu.RLock(); defer b.mu.RUnlock(); return b.at() + b.at() }

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	run(new(routes).add)
	run(new(feed).post)
	run(func() { new(board).set(1) })

	r := &routes{}
	run(r.add)
	run(func() { fmt.Println("routes:", r.twice()) })

	f := &feed{}
	run(func() { fmt.Println("page:", f.page()) })
	run(f.post)

	b := &board{}
	b.set(2)
	run(func() { fmt.Println("sum:", b.sum()) })
	run(func() { fmt.Println("sum:", b.sum()) })
	b.set(3)
}
