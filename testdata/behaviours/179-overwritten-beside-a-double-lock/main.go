// A table is overwritten while its mutex is held, and locked again, which is no
// double lock. Then it is really locked twice.
package main

import (
	"fmt"
	"sync"
)

type table struct {
	mu   sync.Mutex
	rows int
}

// rollback leaves the mutex unlocked.
func (t *table) rollback(saved table) {
	t.mu.Lock()
	*t = saved
}

func main() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := new(table)
		t.mu.Lock()
		t.mu.Unlock()
		saved := *t
		for range 100 {
			t.rollback(saved)
		}
		t.mu.Lock()
		fmt.Println("locked")
		t.mu.Lock()
	}()
	<-done
}
