// Lanes live in a slice by value, each with its lock. append moves them to a new
// array, locks and all, while all are free, and the old array is garbage that may
// become something else. Lower index before higher, before and after: silence.
package main

import (
	"fmt"
	"sync"
)

type lane struct {
	mu   sync.Mutex
	cars int
}

type road struct {
	mu    sync.Mutex
	lanes []lane
}

func (r *road) widen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lanes = append(r.lanes, lane{})
}

func (r *road) change(from, to int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, b := &r.lanes[min(from, to)], &r.lanes[max(from, to)]
	a.mu.Lock()
	defer a.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	r.lanes[from].cars--
	r.lanes[to].cars++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	r := &road{}
	run(r.widen)
	for n := range 200 {
		run(r.widen)
		run(func() { r.change(n, n+1) })
		run(func() { r.change(n+1, n/2) })
	}
	sum := 0
	for i := range r.lanes {
		sum += r.lanes[i].cars
	}
	fmt.Println("lanes:", len(r.lanes), "cars:", sum)
}
