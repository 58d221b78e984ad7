// Close waits under a lock for one of two loops. The other one, made elsewhere, makes
// the same order and is not waited for.
package main

import (
	"fmt"
	"sync"
	"time"
)

type service struct {
	closing sync.Mutex
	done    chan struct{}
	gone    sync.WaitGroup

	list  sync.Mutex
	state sync.Mutex
	n     int
}

func (s *service) step() {
	s.state.Lock()
	s.list.Lock()
	s.n++
	s.list.Unlock()
	s.state.Unlock()
}

func (s *service) loop() {
	defer close(s.done)
	s.step()
	time.Sleep(20 * time.Millisecond)
}

func (s *service) other() {
	defer s.gone.Done()
	time.Sleep(40 * time.Millisecond)
	s.step()
}

func (s *service) close() {
	s.closing.Lock()
	defer s.closing.Unlock()
	<-s.done
	s.list.Lock()
	s.state.Lock()
	s.n++
	s.state.Unlock()
	s.list.Unlock()
}

func main() {
	s := &service{done: make(chan struct{})}
	s.gone.Add(1)
	go s.loop()
	go s.other()
	s.close()
	s.gone.Wait()
	fmt.Println("steps:", s.n)
}
