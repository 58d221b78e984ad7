// A first batch of requests locks header, then body; all of them are gone and
// collected when a second batch, which locks body, then header, is made in the
// same memory. A tool that knows locks by address sees the same pair in both
// orders. They are different locks: the cycle is of classes only, so possible and
// no more.
package main

import (
	"fmt"
	"runtime"
	"sync"
)

type header struct {
	mu     sync.Mutex
	fields int
}

type body struct {
	mu    sync.Mutex
	bytes int
}

type request struct {
	header  header
	body    body
	scratch [256]byte
}

var last *request

func (r *request) read() {
	r.header.mu.Lock()
	defer r.header.mu.Unlock()
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	r.header.fields++
	r.body.bytes += len(r.scratch)
}

func (r *request) measure() {
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	r.header.mu.Lock()
	defer r.header.mu.Unlock()
	r.body.bytes += len(r.scratch)
	r.header.fields++
}

func batch(n int, each func(*request)) (fields int) {
	for range n {
		last = &request{}
		each(last)
		fields += last.header.fields
	}
	last = nil
	return fields
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	run(func() { fmt.Println("read:", batch(5000, (*request).read)) })
	runtime.GC()
	runtime.GC()
	run(func() { fmt.Println("measured:", batch(5000, (*request).measure)) })
}
