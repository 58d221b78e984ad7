// A goroutine waits, with a lock held, for a receiver that gave up: nothing can
// reach the channel any more. The rest of the program does not need the lock.
package main

import (
	"fmt"
	"sync"
	"time"
)

type feed struct {
	mu  sync.Mutex
	out chan int
}

func (f *feed) push(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out <- n
}

func read() int {
	f := &feed{out: make(chan int)}
	for n := range 3 {
		go f.push(n)
	}
	return <-f.out
}

func main() {
	read()
	time.Sleep(50 * time.Millisecond)
	fmt.Println("done")
}
