// As 67, but a move locks the source first and the target second. Two moves in
// opposite directions between the same two keys can deadlock: to be reported.
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
	f.byKey[from].Lock()
	defer f.byKey[from].Unlock()
	f.byKey[to].Lock()
	defer f.byKey[to].Unlock()
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
	fmt.Println("pear:", f.sizes["pear"], "keys:", len(f.sizes))
}
