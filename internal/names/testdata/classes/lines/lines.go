// Package lines has several locks on a line.
package lines

import "sync"

var a, b, c sync.Mutex

type T struct {
	mu   sync.Mutex
	rw   sync.RWMutex
	once sync.Once
	two  sync.Once
}

func (t *T) both() { t.mu.Lock(); t.rw.RLock() }

func same(t, u *T) { t.mu.Lock(); u.mu.Lock() }

func params(x, y *sync.Mutex) { x.Lock(); y.Lock() }

func one(x *sync.Mutex) { x.Lock() }

func mixed(x *sync.Mutex) { x.Lock(); a.Lock() }

func (t *T) onces() { t.once.Do(func() { t.mu.Lock() }); t.two.Do(func() { t.rw.Lock() }) }

func literal() { func() { a.Lock() }(); b.Lock() }

func literals() { func() { a.Lock() }(); func() { b.Lock() }() }

func deferred() { defer a.Lock(); b.Lock() }

func defers() {
	defer a.Lock()
	defer b.Lock()
}

func element(all []T, x *T) {
	for i := range all { all[i].mu.Lock(); x.rw.Lock() }
}

type G[K any] struct{ mu, in sync.Mutex }

func (g *G[K]) lock() { g.mu.Lock(); g.in.Lock() }

func generic[K any](g *G[K]) { g.mu.Lock(); func() { g.in.Lock() }() }

type Mutex struct{ mu, stats sync.Mutex }

func (m *Mutex) Lock() { m.mu.Lock(); a.Lock() }

func (m *Mutex) Unlock() { m.mu.Unlock() }

func wrapped(m, n *struct{ x, y Mutex }) { m.x.Lock(); m.y.Lock() }

func f1() {
//line made.go:7
	a.Lock()
//line made.go:7
	b.Lock()
}

func f2() {
//line made.go:8
	a.Lock()
}

func f3() {
//line made.go:8
	b.Lock()
}

func f4() {
//line made.go:9
	a.Lock()
}

func f5(x *sync.Mutex) {
//line made.go:9
	x.Lock()
}

func f6(all []T) {
//line made.go:10
	for { a.Lock(); all[0].mu.Lock() }
}

func f7(all []T) {
//line made.go:11
	for range all { a.Lock(); b.Lock() }
}

func f8(all []T) {
//line made.go:12
again: a.Lock(); all[0].mu.Lock(); goto again
}

func f9(yes bool) {
//line made.go:13
	a.Lock(); if yes { return }; b.Lock()
}

func f10(yes bool) {
//line made.go:14
	if yes { a.Lock() } else { b.Lock() }
}

func f11() {
//line made.go:15
	a.Lock(); go b.Lock(); c.Lock()
}

func do(fs ...func()) {}

func lits1() {
//line made.go:20
	go func() { a.Lock(); b.Lock() }(); do(func() { b.Lock(); a.Lock() }, func() { c.Lock() })
}

func (g *G[K]) lits2() {
//line made.go:21
	do(func() { g.mu.Lock(); do(func() { g.in.Lock(); g.mu.Lock() }) }, func() { g.in.Lock(); g.mu.Lock() })
}

func lits3(yes bool) {
	if false { do(func() {}) }
//line made.go:22
	do(func() { a.Lock(); b.Lock() }, func() { b.Lock(); a.Lock() })
}

func lits4(all func(func(int) bool)) {
	for range all {}
//line made.go:23
	do(func() { a.Lock(); b.Lock() }, func() { b.Lock(); a.Lock() })
}

func value[K any](k K) { }

func lits5[K any]() {
	f := value[K]
	_ = f
//line made.go:24
	do(func() { a.Lock(); b.Lock() }, func() { b.Lock(); a.Lock() })
}

func lits6(all []T) {
	for {
//line made.go:25
		do(func() { a.Lock(); all[0].mu.Lock() }, func() { b.Lock(); a.Lock() })
	}
}

func lits7(yes bool) {
	if yes { return }
//line made.go:26
	if yes { return; do(func() { a.Lock() }) }; do(func() { a.Lock(); b.Lock() }, func() { b.Lock(); a.Lock() })
}

//line made.go:27
var lits8 = []func(){func() { a.Lock(); b.Lock() }, func() { b.Lock(); a.Lock() }}

func init() {
//line made.go:28
	do(func() { a.Lock(); b.Lock() }, func() { b.Lock(); a.Lock() })
}

func lits9(yes bool) {
	if yes { return }
	_ = func() {}
//line made.go:29
	do(func() { a.Lock(); do(); b.Lock() }, func() { b.Lock(); c.Lock() }, func() { do(func() { c.Lock() }) })
}

func lits10() {
//line made.go:30
	func() { a.Lock(); do(); b.Lock() }(); func() { func() { b.Lock(); do(); c.Lock() }() }()
	for {
//line made.go:31
		func() { a.Lock(); do(); b.Lock() }(); func() { func() { b.Lock(); do(); c.Lock() }() }()
	}
}
