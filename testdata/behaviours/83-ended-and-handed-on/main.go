// The counterpart of 26: a goroutine locks the slot, hands it on by a channel and
// ends; the receiver unlocks it. Between the two the slot is held by a goroutine
// that is no more, and a third one waits for it meanwhile. Legal, and everybody
// gets on: silence.
package main

import (
	"fmt"
	"sync"
	"time"
)

type slot struct {
	mu   sync.Mutex
	body string
}

func main() {
	s, handed := &slot{}, make(chan *slot, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.mu.Lock()
		s.body = "hello"
		handed <- s
	}()
	<-ended
	waited := make(chan string)
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		waited <- s.body
	}()
	time.Sleep(50 * time.Millisecond)
	got := <-handed
	got.body += " world"
	got.mu.Unlock()
	fmt.Println(<-waited)
}
