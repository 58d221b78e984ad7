// A goroutine waits under a lock for a loop that ends, lets go of that lock, and then
// takes the others the other way round than the loop did: that it did so after the
// loop keeps nothing apart.
package main

import (
	"fmt"
	"sync"
	"time"
)

type service struct {
	closing sync.Mutex
	done    chan struct{}

	list  sync.Mutex
	state sync.Mutex
	n     int
}

func (s *service) loop() {
	defer close(s.done)
	s.state.Lock()
	s.list.Lock()
	s.n++
	s.list.Unlock()
	s.state.Unlock()
	time.Sleep(20 * time.Millisecond)
}

func (s *service) join() {
	s.closing.Lock()
	defer s.closing.Unlock()
	<-s.done
}

func (s *service) close() {
	s.join()
	s.list.Lock()
	s.state.Lock()
	s.n++
	s.state.Unlock()
	s.list.Unlock()
}

func main() {
	s := &service{done: make(chan struct{})}
	go s.loop()
	s.close()
	fmt.Println("steps:", s.n)
}
