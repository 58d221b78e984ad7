// A worker of each round makes two shelves of its own and many short-lived
// counters, all of them locks. Odd rounds take the second shelf inside the first,
// even rounds the other way round. No worker ever sees the locks of another one, but
// each gets the memory of the one before, and after 4,095 other locks a short
// number of a lock would be used again. The cycle is of classes only: the two shelves
// have fields of their own, and nobody has both orders of the same two locks. So
// it is possible and no more, whatever the memory.
package main

import (
	"fmt"
	"runtime"
	"sync"
)

type shelves struct {
	upper, lower struct {
		mu   sync.Mutex
		jars int
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

//go:noinline
func (s *shelves) move(down bool) {
	s.upper.mu.Lock()
	s.upper.mu.Unlock()
	s.lower.mu.Lock()
	s.lower.mu.Unlock()
	if down {
		s.upper.mu.Lock()
		s.lower.mu.Lock()
		s.upper.jars, s.lower.jars = s.upper.jars-1, s.lower.jars+1
		s.lower.mu.Unlock()
		s.upper.mu.Unlock()
	} else {
		s.lower.mu.Lock()
		s.upper.mu.Lock()
		s.upper.jars, s.lower.jars = s.upper.jars+1, s.lower.jars-1
		s.upper.mu.Unlock()
		s.lower.mu.Unlock()
	}
}

//go:noinline
func (c *counter) add() {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
}

func main() {
	runtime.GOMAXPROCS(1)
	total := 0
	for round := range 600 {
		done := make(chan int)
		go func() {
			var s shelves
			s.move(round%2 == 0)
			sum := 0
			for range 4091 + round%4 {
				var c counter
				c.add()
				sum += c.n
			}
			done <- sum
		}()
		total += <-done
		if round%100 == 0 {
			runtime.GC()
		}
	}
	fmt.Println(total)
}
