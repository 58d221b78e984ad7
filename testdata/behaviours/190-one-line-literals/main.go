// Function literals on one line, each of which takes two locks: a goroutine beside
// another one, arguments of a call, elements of a table, one in another one, in a
// method of a generic type, called on the spot. Each lock has its declared name, so
// that the orders that two values of a type have the other way round are seen. (gofmt
// lets no two statements stand on a line, programs that are made do.)
package main

import "sync"

type Go struct{ a, b sync.Mutex }
type Arg struct{ a, b sync.Mutex }
type Table struct{ a, b sync.Mutex }
type In struct{ a, b sync.Mutex }
type Generic[K any] struct{ a, b sync.Mutex }
type Spot struct{ a, b sync.Mutex }

func run(fs ...func()) {
	for _, f := range fs {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
		wg.Wait()
	}
}

func goes(v, w *Go, wg *sync.WaitGroup) {
	wg.Add(2)
//line main.go:200
	go func() { defer wg.Done(); v.a.Lock(); v.b.Lock(); v.b.Unlock(); v.a.Unlock() }()
//line main.go:200
	go func() { defer wg.Done(); w.b.Lock(); w.a.Lock(); w.a.Unlock(); w.b.Unlock() }()
}

//line main.go:40
func args(v, w *Arg) {
	run(func() { v.a.Lock(); v.b.Lock(); v.b.Unlock(); v.a.Unlock() }, func() { w.b.Lock(); w.a.Lock(); w.a.Unlock(); w.b.Unlock() })
}

func table(v, w *Table) {
	for _, t := range []struct{ f, g func() }{{func() {}, func() { v.a.Lock(); v.b.Lock(); v.b.Unlock(); v.a.Unlock() }}, {g: func() { w.b.Lock(); w.a.Lock(); w.a.Unlock(); w.b.Unlock() }}} {
		run(t.g)
	}
}

func in(v, w *In) {
	run(func() { run(func() {}, func() { v.a.Lock(); v.b.Lock(); v.b.Unlock(); v.a.Unlock() }) }, func() { run(func() { w.b.Lock(); w.a.Lock(); w.a.Unlock(); w.b.Unlock() }) })
}

func (v *Generic[K]) both(w *Generic[K]) {
	run(func() { v.a.Lock(); v.b.Lock(); v.b.Unlock(); v.a.Unlock() }, func() { w.b.Lock(); w.a.Lock(); w.a.Unlock(); w.b.Unlock() })
}

func spotted(v, w *Spot) {
//line main.go:300
	func() { v.a.Lock(); v.b.Lock(); v.b.Unlock(); v.a.Unlock() }()
//line main.go:300
	func() { w.b.Lock(); w.a.Lock(); w.a.Unlock(); w.b.Unlock() }()
}

//line main.go:80
func main() {
	var wg sync.WaitGroup
	goes(new(Go), new(Go), &wg)
	wg.Wait()
	args(new(Arg), new(Arg))
	table(new(Table), new(Table))
	in(new(In), new(In))
	new(Generic[int]).both(new(Generic[int]))
	new(Generic[string]).both(new(Generic[string]))
	spotted(new(Spot), new(Spot))
}
