// crawl holds the frontier, starts a helper and waits for it; the helper takes
// the robots cache. So robots is taken "under" frontier, although no goroutine
// ever holds both. refresh holds robots and takes frontier: if it runs meanwhile,
// crawl waits for the helper, the helper for refresh, refresh for crawl.
// To be reported as possible.
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
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.rules++
	}()
	wg.Wait()
	f.urls--
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
