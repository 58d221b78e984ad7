// Two goroutines read two locks in opposite orders, and writers queue between
// the readers: none of the four can go on, though nobody writes anything.
package main

import (
	"fmt"
	"sync"
	"time"
)

var (
	users  sync.RWMutex
	groups sync.RWMutex
)

func members(ready *sync.WaitGroup, inner <-chan struct{}) {
	users.RLock()
	defer users.RUnlock()
	ready.Done()
	<-inner
	groups.RLock()
	defer groups.RUnlock()
}

func owners(ready *sync.WaitGroup, inner <-chan struct{}) {
	groups.RLock()
	defer groups.RUnlock()
	ready.Done()
	<-inner
	users.RLock()
	defer users.RUnlock()
}

func addUser()  { users.Lock(); defer users.Unlock() }
func addGroup() { groups.Lock(); defer groups.Unlock() }

func main() {
	var ready sync.WaitGroup
	ready.Add(2)
	inner := make(chan struct{})
	go members(&ready, inner)
	go owners(&ready, inner)
	ready.Wait()
	go addUser()
	go addGroup()
	for users.TryRLock() {
		users.RUnlock()
		time.Sleep(time.Millisecond)
	}
	for groups.TryRLock() {
		groups.RUnlock()
		time.Sleep(time.Millisecond)
	}
	close(inner)
	time.Sleep(300 * time.Millisecond)
	fmt.Println("main goes on")
}
