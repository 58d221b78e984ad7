// A fan-out in the manner of errgroup: the first error is kept by a Once, results
// and metrics have a lock each, a semaphore channel bounds the workers, and the
// context is cancelled on the first error. Nobody waits with a lock held: silence.
package main

import (
	"context"
	"fmt"
	"sync"
)

type group struct {
	wg     sync.WaitGroup
	once   sync.Once
	err    error
	cancel context.CancelFunc
	slots  chan struct{}
}

func (g *group) run(f func() error) {
	g.wg.Add(1)
	g.slots <- struct{}{}
	go func() {
		defer func() { <-g.slots; g.wg.Done() }()
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel()
			})
		}
	}()
}

func (g *group) wait() error {
	g.wg.Wait()
	g.cancel()
	return g.err
}

type results struct {
	mu   sync.Mutex
	vals map[int]int
}

type metrics struct {
	mu    sync.Mutex
	calls int
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	g := &group{cancel: cancel, slots: make(chan struct{}, 4)}
	r, m := &results{vals: map[int]int{}}, &metrics{}
	for i := range 100 {
		g.run(func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			m.mu.Lock()
			m.calls++
			m.mu.Unlock()
			r.vals[i] = i * i
			if i == 99 {
				return fmt.Errorf("item %d is odd", i)
			}
			return nil
		})
	}
	err := g.wait()
	fmt.Println(len(r.vals), m.calls, err, ctx.Err())
}
