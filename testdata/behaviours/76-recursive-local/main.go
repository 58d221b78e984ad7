// A recursive function with a lock of its own in each call: the locks are one
// class, nested five deep, and each is a fresh one. Outer call before inner call
// is an order: silence.
package main

import (
	"fmt"
	"sync"
)

func walk(depth int) int {
	var mu sync.Mutex
	sum := 1
	var wg sync.WaitGroup
	mu.Lock()
	if depth > 0 {
		sum += walk(depth - 1)
	}
	mu.Unlock()
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			if depth > 0 {
				sum += walk(depth - 1)
			}
		}()
	}
	wg.Wait()
	return sum
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	run(func() { fmt.Println("calls:", walk(5)) })
	run(func() { fmt.Println("calls:", walk(4)) })
}
