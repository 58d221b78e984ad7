// Two locks on a line, one of them in a function literal: the function tells which
// is which, so both have their declared names, and an order that two values of the
// type have the other way round is seen.
package main

import "sync"

type T struct{ a, b sync.Mutex }

func (t *T) forth() { func() { t.a.Lock() }(); t.b.Lock(); t.b.Unlock(); t.a.Unlock() }

func (t *T) back() {
	t.b.Lock()
	t.a.Lock()
	t.a.Unlock()
	t.b.Unlock()
}

func main() {
	var x, y T
	for _, f := range []func(){x.forth, y.back} {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
		wg.Wait()
	}
}
