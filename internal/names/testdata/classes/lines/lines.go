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
