// One lock per key, made on demand and kept in a map by pointer; a move locks its
// two keys in the order of their names. Names and addresses have nothing in
// common. One order: silence.
package main

import (
	"fmt"
	"sync"
)

type files struct {
	mu    sync.Mutex
	byKey map[string]*sync.Mutex
	sizes map[string]int
}

func (f *files) ensure(keys ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range keys {
		if f.byKey[k] == nil {
			f.byKey[k] = new(sync.Mutex)
			f.sizes[k] = len(k)
		}
	}
}

func (f *files) move(from, to string) {
	f.ensure(from, to)
	a, b := min(from, to), max(from, to)
	f.byKey[a].Lock()
	defer f.byKey[a].Unlock()
	f.byKey[b].Lock()
	defer f.byKey[b].Unlock()
	f.sizes[to] += f.sizes[from]
	f.sizes[from] = 0
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	f := &files{byKey: map[string]*sync.Mutex{}, sizes: map[string]int{}}
	run(func() { f.move("pear", "apple") })
	run(func() { f.move("apple", "pear") })
	run(func() { f.move("fig", "pear") })
	run(func() { f.move("pear", "fig") })
	run(func() { f.move("fig", "apple") })
	fmt.Println("apple:", f.sizes["apple"], "keys:", len(f.sizes))
}
