// The polite protocol: take your own lock, try the other's, and if that fails let
// go and begin again. Both directions are used, concurrently, on one pair. Nobody
// ever waits with a lock held: silence.
package main

import (
	"fmt"
	"sync"
	"time"
)

type peer struct {
	mu    sync.Mutex
	coins int
}

func give(from, to *peer) {
	for {
		from.mu.Lock()
		if to.mu.TryLock() {
			from.coins--
			to.coins++
			to.mu.Unlock()
			from.mu.Unlock()
			return
		}
		from.mu.Unlock()
		time.Sleep(time.Microsecond)
	}
}

func main() {
	a, b := &peer{coins: 500}, &peer{coins: 500}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		for range 300 {
			give(a, b)
		}
	}()
	go func() {
		defer wg.Done()
		for range 100 {
			give(b, a)
		}
	}()
	wg.Wait()
	fmt.Println("a:", a.coins, "b:", b.coins)
}
