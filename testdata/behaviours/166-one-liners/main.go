// Functions of one line each that take two locks, always in the order b, c, z. The
// line alone does not say which of its calls is meant: nothing may be named after
// its neighbour, as z would be after b.
package main

import "sync"

var b, c, z sync.Mutex

func first()  { b.Lock(); c.Lock(); c.Unlock(); b.Unlock() }
func second() { b.Lock(); z.Lock(); z.Unlock(); b.Unlock() }
func third()  { c.Lock(); z.Lock(); z.Unlock(); c.Unlock() }

type pair struct{ x, y sync.Mutex }

func (p *pair) use()  { p.x.Lock(); p.y.Lock(); p.y.Unlock(); p.x.Unlock() }
func (p *pair) late() { p.y.Lock(); z.Lock(); z.Unlock(); p.y.Unlock() }

func both(m, n *sync.Mutex) { m.Lock(); n.Lock(); n.Unlock(); m.Unlock() }

func main() {
	var p pair
	for _, f := range []func(){
		first, second, third, p.use, p.late,
		func() { both(&b, &p.x) }, func() { both(&c, &p.x) }, func() { both(&p.x, &z) },
		func() { func() { b.Lock() }(); z.Lock(); z.Unlock(); b.Unlock() },
	} {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
		wg.Wait()
	}
}
