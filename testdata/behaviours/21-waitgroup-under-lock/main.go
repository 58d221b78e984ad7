// close holds the pool while it waits for the workers; a worker takes the pool
// before it says Done. A live deadlock of a lock and a WaitGroup; Go's detector
// ends the program only because nothing else runs.
package main

import (
	"fmt"
	"sync"
)

type pool struct {
	mu   sync.Mutex
	wg   sync.WaitGroup
	done int
}

func (p *pool) work(start <-chan struct{}) {
	defer p.wg.Done()
	<-start
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
}

func (p *pool) close(start chan<- struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(start)
	p.wg.Wait()
}

func main() {
	p, start := &pool{}, make(chan struct{})
	p.wg.Add(1)
	go p.work(start)
	fmt.Println("closing")
	p.close(start)
	fmt.Println("closed:", p.done)
}
