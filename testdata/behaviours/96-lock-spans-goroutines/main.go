// Each order runs in a goroutine of its own, which whoever holds the registry's
// lock starts and waits for. The goroutine holds no common lock itself, but the
// one that made it does: never more than possible.
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

// under runs f elsewhere and keeps the lock until it is done.
func (r *registry) under(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := make(chan bool)
	go func() {
		f()
		close(done)
	}()
	<-done
	r.runs++
}

func main() {
	r, in, out := new(registry), new(reader), new(writer)
	var all sync.WaitGroup
	all.Add(2)
	go func() {
		defer all.Done()
		r.under(func() {
			in.mu.Lock()
			out.mu.Lock()
			out.n, in.n = out.n+1, in.n+1
			out.mu.Unlock()
			in.mu.Unlock()
		})
	}()
	go func() {
		defer all.Done()
		r.under(func() {
			out.mu.Lock()
			in.mu.Lock()
			out.n, in.n = out.n+1, in.n+1
			in.mu.Unlock()
			out.mu.Unlock()
		})
	}()
	all.Wait()
	fmt.Println("runs:", r.runs, in.n, out.n)
}
