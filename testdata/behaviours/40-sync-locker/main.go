// The pipeline knows its two locks only as sync.Locker, so the types cannot name
// them at the call: the class is the place of the first acquisition. The
// inversion is there all the same, and must be reported.
package main

import (
	"fmt"
	"sync"
)

type pipeline struct {
	in, out sync.Locker
	moved   int
}

func (p *pipeline) push() {
	p.in.Lock()
	defer p.in.Unlock()
	p.out.Lock()
	defer p.out.Unlock()
	p.moved++
}

func (p *pipeline) unread() {
	p.out.Lock()
	defer p.out.Unlock()
	p.in.Lock()
	defer p.in.Unlock()
	p.moved--
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	p := &pipeline{in: new(sync.Mutex), out: new(sync.RWMutex)}
	run(p.push)
	run(p.push)
	run(p.unread)
	fmt.Println("moved:", p.moved)
}
