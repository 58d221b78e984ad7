// The counterpart of 09: set holds the write lock and calls a reader of the same
// table, which waits for the writer: for itself. The report must be out before
// the hang; Go's detector ends the program.
package main

import (
	"fmt"
	"sync"
)

type table struct {
	mu   sync.RWMutex
	vals map[string]int
}

func (t *table) sum() (n int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, v := range t.vals {
		n += v
	}
	return n
}

func (t *table) set(key string, v int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.vals[key] = v
	return t.sum()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	t := &table{vals: map[string]int{"a": 1}}
	fmt.Println("sum:", t.sum())
	run(func() { fmt.Println("sum:", t.set("b", 2)) })
}
