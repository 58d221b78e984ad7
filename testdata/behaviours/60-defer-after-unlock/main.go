// Deferred calls run last in, first out. save defers its notification before it
// defers the unlock, so it notifies with nothing held. The listener takes the
// locks in the other order than the source text of save suggests: silence.
package main

import (
	"fmt"
	"sync"
)

type document struct {
	mu  sync.Mutex
	rev int
}

type listeners struct {
	mu    sync.Mutex
	calls int
}

func (l *listeners) notify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
}

func (d *document) save(l *listeners) {
	defer l.notify()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rev++
}

func (l *listeners) show(d *document) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("rev %d, calls %d", d.rev, l.calls)
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	d, l := &document{}, &listeners{}
	run(func() { d.save(l) })
	run(func() { fmt.Println(l.show(d)) })
}
