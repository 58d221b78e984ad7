// A test harness locks all 100 slots of a pool, and a second goroutine frees them
// one by one. From then on the first takes the journal, and slots under it, for a
// long while. Anything stale on its stack would give slot -> journal, and with
// journal -> slot a cycle that never was: silence.
package main

import (
	"fmt"
	"sync"
)

type pool struct {
	slots [100]sync.Mutex
}

type journal struct {
	mu    sync.Mutex
	lines int
}

func (p *pool) freeAll() {
	for i := range p.slots {
		p.slots[i].Unlock()
	}
}

func (j *journal) visit(p *pool, i int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p.slots[i].Lock()
	defer p.slots[i].Unlock()
	j.lines++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	p, j := &pool{}, &journal{}
	run(func() {
		for i := range p.slots {
			p.slots[i].Lock()
		}
		run(p.freeAll)
		for n := range 20_000 {
			j.visit(p, n%len(p.slots))
		}
	})
	fmt.Println("lines:", j.lines)
}
