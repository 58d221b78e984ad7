// Three functions of one line each take two of three locks, in a ring. Each
// dependency leads to the second lock of a line. A lock that had the name of its
// neighbour would hide the ring.
package main

import "sync"

var a, b, c sync.Mutex

func first()  { a.Lock(); b.Lock(); b.Unlock(); a.Unlock() }
func second() { b.Lock(); c.Lock(); c.Unlock(); b.Unlock() }
func third()  { c.Lock(); a.Lock(); a.Unlock(); c.Unlock() }

func main() {
	for _, f := range []func(){first, second, third} {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
		wg.Wait()
	}
}
