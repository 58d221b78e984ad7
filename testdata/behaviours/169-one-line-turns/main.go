// Two locks on a line, without a function literal to tell them apart: two calls of
// one method lie in the code in the order of the source, and calls of two methods
// differ anyway. So all have their declared names, and the orders that two values
// of the type have the other way round are seen.
package main

import "sync"

type T struct {
	a, b sync.Mutex
	rw   sync.RWMutex
}

func (t *T) forth() { t.a.Lock(); t.b.Lock(); t.b.Unlock(); t.a.Unlock() }
func (t *T) read()  { t.rw.RLock(); t.b.Lock(); t.b.Unlock(); t.rw.RUnlock() }

func (t *T) back() {
	t.b.Lock()
	t.a.Lock()
	t.a.Unlock()
	t.b.Unlock()
}

func (t *T) write() {
	t.b.Lock()
	t.rw.Lock()
	t.rw.Unlock()
	t.b.Unlock()
}

func main() {
	var v, w, x, y T
	for _, f := range []func(){v.back, w.forth, x.write, y.read} {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
		wg.Wait()
	}
}
