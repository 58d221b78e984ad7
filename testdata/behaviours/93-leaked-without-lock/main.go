// A goroutine leaks: its result is wanted by nobody. It holds no lock, so the
// program is only the larger for it.
package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

var mu sync.Mutex

func query(fast bool) (string, error) {
	answer := make(chan string)
	go func() {
		mu.Lock()
		mu.Unlock()
		answer <- "late"
	}()
	if fast {
		return "", errors.New("gave up")
	}
	return <-answer, nil
}

func main() {
	_, err := query(true)
	time.Sleep(20 * time.Millisecond)
	fmt.Println(err)
}
