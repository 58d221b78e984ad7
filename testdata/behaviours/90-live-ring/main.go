// Three of a ring of locks of one class hang, while contended locks that hang
// nowhere are taken all the time, some of them nested.
package main

import (
	"fmt"
	"sync"
	"time"
)

type fork struct{ mu sync.Mutex }

func main() {
	forks := make([]*fork, 3)
	for i := range forks {
		forks[i] = new(fork)
	}
	var all sync.WaitGroup
	all.Add(3)
	for i := range forks {
		go func() {
			forks[i].mu.Lock()
			all.Done()
			all.Wait()
			forks[(i+1)%3].mu.Lock()
			forks[(i+1)%3].mu.Unlock()
			forks[i].mu.Unlock()
		}()
	}
	var outer, inner sync.Mutex
	var work sync.WaitGroup
	n := 0
	for range 8 {
		work.Add(1)
		go func() {
			defer work.Done()
			for range 200 {
				outer.Lock()
				inner.Lock()
				n++
				time.Sleep(time.Microsecond)
				inner.Unlock()
				outer.Unlock()
				inner.Lock()
				n++
				inner.Unlock()
			}
		}()
	}
	work.Wait()
	time.Sleep(100 * time.Millisecond)
	fmt.Println(n)
}
