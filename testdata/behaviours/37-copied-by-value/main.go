// A page is copied by value while its lock is free, and both are used (go vet
// dislikes this; the language does not). The copy carries what was known of the
// original: it must keep the class but not the identity. edit holds both at once,
// which is no recursion, and lets go of both; then the journal is taken, and
// under it the copy. If the two pages were confused, one of them would still
// count as held there, and page -> journal -> page would be made up: silence.
package main

import (
	"fmt"
	"sync"
)

type page struct {
	mu   sync.Mutex
	text string
}

type journal struct {
	mu    sync.Mutex
	lines int
}

func edit(orig, draft *page) {
	orig.mu.Lock()
	draft.mu.Lock()
	draft.text = orig.text + "!"
	orig.mu.Unlock()
	draft.mu.Unlock()
}

func (j *journal) record(p *page) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	j.lines += len(p.text)
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	orig, j := &page{text: "hello"}, &journal{}
	run(func() {
		orig.mu.Lock()
		orig.text += " world"
		orig.mu.Unlock()
	})
	draft := *orig
	run(func() {
		edit(orig, &draft)
		j.record(&draft)
		j.record(orig)
	})
	run(func() { j.record(&draft) })
	fmt.Println(draft.text, j.lines)
}
