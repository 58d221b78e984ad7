// Both orders run in goroutines that one holder of the lock starts together:
// the lock keeps others out, not these two. The deadlock is as likely as ever.
package main

import (
	"fmt"
	"sync"
)

type registry struct {
	mu   sync.Mutex
	runs int
}

type reader struct {
	mu sync.Mutex
	n  int
}

type writer struct {
	mu sync.Mutex
	n  int
}

func main() {
	r, in, out := new(registry), new(reader), new(writer)
	r.mu.Lock()
	first := make(chan bool)
	var all sync.WaitGroup
	all.Add(2)
	go func() {
		defer all.Done()
		in.mu.Lock()
		out.mu.Lock()
		out.n, in.n = out.n+1, in.n+1
		out.mu.Unlock()
		in.mu.Unlock()
		close(first)
	}()
	go func() {
		defer all.Done()
		<-first // only so that this program ends
		out.mu.Lock()
		in.mu.Lock()
		out.n, in.n = out.n+1, in.n+1
		in.mu.Unlock()
		out.mu.Unlock()
	}()
	all.Wait()
	r.runs++
	r.mu.Unlock()
	fmt.Println("runs:", r.runs, in.n, out.n)
}
