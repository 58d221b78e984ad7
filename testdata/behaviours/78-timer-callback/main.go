// A timer's function runs on a goroutine that no go statement of the program
// started. It takes timeouts, then requests; requests are begun in the other
// order: to be reported.
package main

import (
	"fmt"
	"sync"
	"time"
)

type requests struct {
	mu   sync.Mutex
	open int
}

type timeouts struct {
	mu    sync.Mutex
	fired int
}

func begin(r *requests, t *timeouts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	r.open++
}

func expire(t *timeouts, r *requests) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open--
	t.fired++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	r, t := &requests{}, &timeouts{}
	run(func() { begin(r, t) })
	expired := make(chan struct{})
	time.AfterFunc(time.Millisecond, func() {
		defer close(expired)
		expire(t, r)
	})
	<-expired
	fmt.Println("open:", r.open, "fired:", t.fired)
}
