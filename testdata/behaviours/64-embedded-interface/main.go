// Two types embed a mutex, and a helper takes any of them by an interface. All
// locks pass the same two lines, so by place they are two classes at most, by
// type three. The order is spool -> printer -> paper at every call: silence.
package main

import (
	"fmt"
	"sync"
)

type lockable interface {
	Lock()
	Unlock()
}

type spool struct {
	sync.Mutex
	jobs int
}

type printer struct {
	sync.Mutex
	pages int
}

type paper struct {
	*sync.Mutex
	sheets int
}

func both(outer, inner lockable, f func()) {
	outer.Lock()
	defer outer.Unlock()
	inner.Lock()
	defer inner.Unlock()
	f()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	s, p, a := &spool{jobs: 3}, &printer{}, &paper{new(sync.Mutex), 9}
	run(func() { both(s, p, func() { s.jobs--; p.pages++ }) })
	run(func() { both(p, a, func() { p.pages++; a.sheets-- }) })
	run(func() { both(s, a, func() { s.jobs--; a.sheets-- }) })
	fmt.Println("jobs:", s.jobs, "pages:", p.pages, "sheets:", a.sheets)
}
