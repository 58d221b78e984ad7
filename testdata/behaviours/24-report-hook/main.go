// The program reads its own standard error back through a pipe, as log shippers
// do, and the reader takes the same two locks for each line. Its own goroutines
// write to standard error while they hold both. A report that is written with
// these locks held, by way of os.Stderr, or under a checked lock of its own,
// hangs here. The report must come, and the program must end.
package main

import (
	"fmt"
	"os"
	"sync"
)

type ledger struct {
	mu    sync.Mutex
	total int
}

type shipper struct {
	mu    sync.Mutex
	lines int
}

func post(l *ledger, s *shipper) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	l.total++
	fmt.Fprintln(os.Stderr, "posted")
}

func report(s *shipper, l *ledger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(os.Stderr, "total", l.total)
}

// ship runs for each line read back, on the reader's goroutine.
func ship(l *ledger, s *shipper) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	l, s := &ledger{}, &shipper{}
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	os.Stderr = w
	shipped := make(chan struct{})
	go func() {
		b := make([]byte, 1)
		for {
			if _, err := r.Read(b); err != nil {
				close(shipped)
				return
			}
			if b[0] == '\n' {
				ship(l, s)
				shipped <- struct{}{}
			}
		}
	}()
	run(func() { post(l, s) })
	<-shipped
	run(func() { report(s, l) })
	<-shipped
	w.Close()
	<-shipped
	fmt.Println("total:", l.total, "lines:", s.lines)
}
