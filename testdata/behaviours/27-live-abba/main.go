// Two goroutines really do deadlock on two package-level mutexes, while the rest
// of the program runs on: Go's own detector stays silent, since main is alive.
// A live wait-for cycle, proved, to be reported within 100 ms of the hang. The
// program's own result is that of a service that lost two workers: status 0.
package main

import (
	"fmt"
	"sync"
	"time"
)

var (
	accounts sync.Mutex
	audit    sync.Mutex
)

func transfer(mine chan<- struct{}, theirs <-chan struct{}) {
	accounts.Lock()
	defer accounts.Unlock()
	close(mine)
	<-theirs
	audit.Lock()
	defer audit.Unlock()
}

func review(mine chan<- struct{}, theirs <-chan struct{}) {
	audit.Lock()
	defer audit.Unlock()
	close(mine)
	<-theirs
	accounts.Lock()
	defer accounts.Unlock()
}

func main() {
	a, b := make(chan struct{}), make(chan struct{})
	finished := make(chan string, 2)
	go func() { transfer(a, b); finished <- "transfer" }()
	go func() { review(b, a); finished <- "review" }()
	beats := 0
	for range 10 {
		time.Sleep(50 * time.Millisecond)
		beats++
	}
	fmt.Println("beats:", beats, "finished:", len(finished))
}
