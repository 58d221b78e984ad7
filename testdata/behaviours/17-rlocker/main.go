// dump takes the table by its RLocker and then the output; append takes the
// output and then the table for writing. The reader stands behind an interface,
// but it is the same lock: a reader that waits for the output and a writer that
// waits for the reader. To be reported.
package main

import (
	"fmt"
	"sync"
)

type table struct {
	mu   sync.RWMutex
	rows int
}

type output struct {
	mu    sync.Mutex
	lines int
}

func (t *table) fill(rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = rows
}

func dump(t *table, o *output) {
	l := t.mu.RLocker()
	l.Lock()
	defer l.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines += t.rows
}

func appendFrom(o *output, t *table) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	t, o := &table{}, &output{}
	run(func() { t.fill(2) })
	run(func() { dump(t, o) })
	run(func() { appendFrom(o, t) })
	fmt.Println("rows:", t.rows, "lines:", o.lines)
}
