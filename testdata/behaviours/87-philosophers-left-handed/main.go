// As 86, but the last philosopher takes the right fork first, and they all dine
// at once, many times. No ring: silence.
package main

import (
	"fmt"
	"sync"
)

type fork struct {
	mu   sync.Mutex
	used int
}

func dine(first, second *fork) {
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	first.used++
	second.used++
}

func main() {
	var forks [5]*fork
	for i := range forks {
		forks[i] = &fork{}
	}
	var wg sync.WaitGroup
	for i := range forks {
		first, second := forks[i], forks[(i+1)%len(forks)]
		if i == len(forks)-1 {
			first, second = second, first
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 200 {
				dine(first, second)
			}
		}()
	}
	wg.Wait()
	fmt.Println("used:", forks[0].used, forks[4].used)
}
