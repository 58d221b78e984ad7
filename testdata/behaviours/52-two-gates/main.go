// Requests and maintenance both hold the server for reading, which excludes
// nobody; but below it requests hold the tenant for reading and maintenance holds
// it for writing, and that does. The two orders of jobs and logs never meet:
// silence. Who looks at the outermost common lock only gets this wrong.
package main

import (
	"fmt"
	"sync"
)

type jobs struct {
	mu   sync.Mutex
	open int
}

type logs struct {
	mu    sync.Mutex
	lines int
}

type server struct {
	life   sync.RWMutex
	tenant tenant
}

type tenant struct {
	gate sync.RWMutex
	jobs jobs
	logs logs
}

func (s *server) request() {
	s.life.RLock()
	defer s.life.RUnlock()
	s.tenant.gate.RLock()
	defer s.tenant.gate.RUnlock()
	s.tenant.jobs.mu.Lock()
	defer s.tenant.jobs.mu.Unlock()
	s.tenant.logs.mu.Lock()
	defer s.tenant.logs.mu.Unlock()
	s.tenant.jobs.open++
	s.tenant.logs.lines++
}

func (s *server) maintain() {
	s.life.RLock()
	defer s.life.RUnlock()
	s.tenant.gate.Lock()
	defer s.tenant.gate.Unlock()
	s.tenant.logs.mu.Lock()
	defer s.tenant.logs.mu.Unlock()
	s.tenant.jobs.mu.Lock()
	defer s.tenant.jobs.mu.Unlock()
	s.tenant.logs.lines = s.tenant.jobs.open
}

func (s *server) close() {
	s.life.Lock()
	defer s.life.Unlock()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	s := &server{}
	run(s.request)
	run(s.request)
	run(s.maintain)
	run(s.close)
	fmt.Println("open:", s.tenant.jobs.open, "lines:", s.tenant.logs.lines)
}
