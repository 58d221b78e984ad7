// Close waits under a lock for a loop that says it has stopped, and that takes the
// locks once more after that: the two orders can meet.
package main

import (
	"fmt"
	"sync"
	"time"
)

type service struct {
	closing sync.Mutex
	stop    chan struct{}
	stopped chan struct{}
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
	defer s.gone.Done()
	s.step()
	<-s.stop
	close(s.stopped)
	time.Sleep(20 * time.Millisecond)
	s.step() // the last one
}

func (s *service) close() {
	s.closing.Lock()
	defer s.closing.Unlock()
	time.AfterFunc(20*time.Millisecond, func() { close(s.stop) })
	<-s.stopped
	s.list.Lock()
	s.state.Lock()
	s.n++
	s.state.Unlock()
	s.list.Unlock()
}

func main() {
	s := &service{stop: make(chan struct{}), stopped: make(chan struct{})}
	s.gone.Add(1)
	go s.loop()
	s.close()
	s.gone.Wait()
	fmt.Println("steps:", s.n)
}
