// Tables are overwritten while their mutex is held, and one of them is taken by
// another goroutine then. Beside that two goroutines really wait for each other,
// one of them at a mutex of the same class: that is a knot as ever.
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

// rollback leaves the mutex unlocked.
func (t *table) rollback(saved table) {
	t.mu.Lock()
	*t = saved
}

var audit sync.Mutex

func transfer(t *table, mine chan<- struct{}, theirs <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(mine)
	<-theirs
	audit.Lock()
	defer audit.Unlock()
}

func review(t *table, mine chan<- struct{}, theirs <-chan struct{}) {
	audit.Lock()
	defer audit.Unlock()
	close(mine)
	<-theirs
	t.mu.Lock()
	defer t.mu.Unlock()
}

func main() {
	var lost table
	lost.mu.Lock()
	lost.mu.Unlock()
	saved := lost
	lost.rollback(saved)
	taken := make(chan struct{})
	go func() {
		lost.mu.Lock()
		close(taken)
		select {}
	}()
	<-taken

	t := new(table)
	t.rollback(table{rows: 1})
	a, b := make(chan struct{}), make(chan struct{})
	finished := make(chan string, 2)
	go func() { transfer(t, a, b); finished <- "transfer" }()
	go func() { review(t, b, a); finished <- "review" }()
	beats := 0
	for range 10 {
		time.Sleep(50 * time.Millisecond)
		beats++
	}
	fmt.Println("beats:", beats, "finished:", len(finished))
}
