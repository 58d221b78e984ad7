// A constructor locks ready and returns with it locked; the service unlocks it on
// its own goroutine once it is up. Only then does the first goroutine take the
// directory, with nothing held any more. A client takes the directory and waits
// at the latch under it: directory -> ready is the only order. Who leaves ready on
// the stack of the goroutine that locked it invents the other: silence.
package main

import (
	"fmt"
	"sync"
)

type service struct {
	ready sync.Mutex
	name  string
}

type directory struct {
	mu       sync.Mutex
	services map[string]*service
}

func newService(name string) (*service, <-chan struct{}) {
	s := &service{name: name}
	s.ready.Lock()
	up := make(chan struct{})
	go func() {
		s.ready.Unlock()
		close(up)
	}()
	return s, up
}

func (d *directory) add(s *service) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.services[s.name] = s
}

func (d *directory) call(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.services[name]
	s.ready.Lock()
	defer s.ready.Unlock()
	return s.name + " is up"
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	d := &directory{services: map[string]*service{}}
	run(func() {
		s, up := newService("mail")
		<-up
		d.add(s)
	})
	run(func() { fmt.Println(d.call("mail")) })
}
