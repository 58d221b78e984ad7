// flush holds the buffer's lock and calls size, which takes it again. Go's mutex
// does not nest: the goroutine waits for itself, for ever. The report must be
// out before that; the program then ends by Go's own detector, status 2.
package main

import (
	"fmt"
	"sync"
)

type buffer struct {
	mu   sync.Mutex
	data []byte
}

func (b *buffer) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.data)
}

func (b *buffer) flush() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.size()
	b.data = b.data[:0]
	return n
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	b := &buffer{data: []byte("hello")}
	fmt.Println("size:", b.size())
	run(func() { fmt.Println("flushed:", b.flush()) })
}
