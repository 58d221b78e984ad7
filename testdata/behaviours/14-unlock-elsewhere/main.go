// A request locks its slot and hands it to a worker, which unlocks it: legal in
// Go, a mutex has no owner. The request then takes the stats lock, with nothing
// held. The other place takes stats, then the slot. There is one order only, and
// a tool that leaves the slot on the request's stack invents the other: silence.
package main

import (
	"fmt"
	"sync"
)

type slot struct {
	mu   sync.Mutex
	body string
}

type stats struct {
	mu   sync.Mutex
	sent int
}

func (s *slot) finish() {
	s.body = ""
	s.mu.Unlock()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	sl, st := &slot{}, &stats{}

	sl.mu.Lock()
	sl.body = "hello"
	run(sl.finish)
	st.mu.Lock()
	st.sent++
	st.mu.Unlock()

	run(func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		sl.mu.Lock()
		defer sl.mu.Unlock()
		st.sent += len(sl.body)
	})
	fmt.Println("sent:", st.sent)
}
