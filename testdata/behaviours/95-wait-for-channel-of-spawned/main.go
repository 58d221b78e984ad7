// As 16, but crawl waits for its helper by a channel. To be reported as possible.
package main

import (
	"fmt"
	"sync"
)

type frontier struct {
	mu   sync.Mutex
	urls int
}

type robots struct {
	mu    sync.Mutex
	rules int
}

func crawl(f *frontier, r *robots) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rules := make(chan int)
	go func() {
		r.mu.Lock()
		r.rules++
		n := r.rules
		r.mu.Unlock()
		rules <- n
	}()
	f.urls -= <-rules
}

func refresh(r *robots, f *frontier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.urls += r.rules
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	f, r := &frontier{urls: 3}, &robots{}
	run(func() { crawl(f, r) })
	run(func() { refresh(r, f) })
	fmt.Println("urls:", f.urls)
}
