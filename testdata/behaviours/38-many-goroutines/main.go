// 100,000 goroutines come and go in waves, each with two mutexes of its own that
// it nests. Nothing of a goroutine or of its locks may be kept once they are
// gone: memory stays flat, and there is one order only: silence.
package main

import (
	"fmt"
	"sync"
)

type session struct {
	mu     sync.Mutex
	outbox outbox
}

type outbox struct {
	mu   sync.Mutex
	sent int
}

func (s *session) send() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	s.outbox.sent++
	return s.outbox.sent
}

func main() {
	const waves, width = 100, 1000
	total := 0
	sent := make(chan int, width)
	for range waves {
		var wg sync.WaitGroup
		wg.Add(width)
		for range width {
			go func() {
				defer wg.Done()
				s := &session{}
				sent <- s.send()
			}()
		}
		wg.Wait()
		for range width {
			total += <-sent
		}
	}
	fmt.Println("sent:", total)
}
