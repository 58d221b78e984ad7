// A house wrapper counts acquisitions and is the lock of two types. sender.mu is
// held when the wire is taken, the wire when receiver.mu is taken. If all uses of
// the wrapper were one class, sender.mu -> wire -> receiver.mu would look like a
// cycle. They are two classes: silence.
package main

import (
	"fmt"
	"sync"
)

type countedMutex struct {
	sync.Mutex
	taken int
}

func (m *countedMutex) Lock() {
	m.Mutex.Lock()
	m.taken++
}

type wire struct {
	mu    sync.Mutex
	bytes int
}

type sender struct {
	mu   countedMutex
	sent int
}

type receiver struct {
	mu  countedMutex
	got int
}

func (s *sender) send(w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	s.sent++
	w.bytes += 8
}

func (r *receiver) poll(w *wire) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got += w.bytes
	w.bytes = 0
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	s, r, w := &sender{}, &receiver{}, &wire{}
	run(func() { s.send(w) })
	run(func() { r.poll(w) })
	fmt.Println("sent:", s.sent, "got:", r.got, "taken:", s.mu.taken+r.mu.taken)
}
