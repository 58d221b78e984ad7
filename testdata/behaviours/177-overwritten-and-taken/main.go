// A mutex is overwritten with an unlocked copy while it is held, and another
// goroutine takes it. The first one does not hold it any more, but that cannot be
// seen: it could be the other one. It waits for a lock whose holder waits for the
// mutex. Nothing hangs: what could be a knot of the three is not proved.
package main

import (
	"fmt"
	"sync"
	"time"
)

type table struct {
	mu   sync.Mutex
	rows int
}

func (t *table) rollback(saved table) {
	t.mu.Lock()
	*t = saved
}

func main() {
	tab, other := &table{}, &sync.Mutex{}
	tab.mu.Lock()
	tab.rows = 1
	tab.mu.Unlock()
	saved := *tab
	var wg sync.WaitGroup
	wg.Add(3)
	reset := make(chan bool)
	go func() { // it does not hold the mutex after rollback
		defer wg.Done()
		tab.rollback(saved)
		close(reset)
		time.Sleep(200 * time.Millisecond)
		other.Lock()
		other.Unlock()
	}()
	<-reset
	go func() { // it does
		defer wg.Done()
		tab.mu.Lock()
		time.Sleep(500 * time.Millisecond)
		tab.mu.Unlock()
	}()
	time.Sleep(100 * time.Millisecond)
	go func() {
		defer wg.Done()
		other.Lock()
		tab.mu.Lock()
		tab.mu.Unlock()
		other.Unlock()
	}()
	wg.Wait()
	fmt.Println("done")
}
