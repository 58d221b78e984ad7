// Five philosophers, each takes the fork on the left and then the one on the
// right. No pair of forks is ever taken both ways, but the five pairs close a
// ring: to be reported, whether or not they ever dine at once. They dine one
// after the other.
package main

import (
	"fmt"
	"sync"
)

type fork struct {
	mu   sync.Mutex
	used int
}

func dine(left, right *fork) {
	left.mu.Lock()
	defer left.mu.Unlock()
	right.mu.Lock()
	defer right.mu.Unlock()
	left.used++
	right.used++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	var forks [5]*fork
	for i := range forks {
		forks[i] = &fork{}
	}
	for i := range forks {
		run(func() { dine(forks[i], forks[(i+1)%len(forks)]) })
	}
	fmt.Println("used:", forks[0].used, forks[4].used)
}
