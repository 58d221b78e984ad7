// As 60 with two lines of save swapped: the notification is deferred after the
// unlock, so it runs before it, with the document held: to be reported.
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
	d.mu.Lock()
	defer d.mu.Unlock()
	defer l.notify()
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
