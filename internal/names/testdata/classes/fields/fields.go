// Package fields has locks in structs and in package variables.
package fields

import "sync"

type T struct {
	mu sync.RWMutex
	sync.Mutex
	outer struct {
		inner sync.Mutex
		deep  struct{ mu *sync.Mutex }
	}
	ptr  *sync.Mutex
	once sync.Once
	cond *sync.Cond
	wg   sync.WaitGroup
}

type child struct{ T }

type grandchild struct {
	*child
	up *grandchild
}

type (
	alias   = sync.Mutex
	defined T
)

type aliased struct{ alias }

var (
	mu    sync.Mutex
	p     = &sync.Mutex{}
	state struct {
		sync.Mutex
		rw sync.RWMutex
	}
	tree = new(grandchild)
)

func (t *T) own() {
	t.mu.Lock()
	t.mu.RLock()
	_ = t.mu.TryLock() && t.mu.TryRLock()
	t.Lock()
	t.Mutex.Lock()
	t.outer.inner.Lock()
	t.outer.deep.mu.Lock()
	t.ptr.Lock()
	(*t.ptr).Lock()
	(&t.mu).Lock()
	t.once.Do(func() { t.mu.Lock() })
	t.cond.Wait()
	t.wg.Wait()
	t.Unlock()
}

func others(c child, g *grandchild, d *defined, a *aliased) {
	c.Lock()
	g.Lock()
	g.up.up.child.T.mu.Lock()
	tree.up.outer.inner.Lock()
	d.mu.Lock()
	a.Lock()
	mu.Lock()
	p.Lock()
	state.Lock()
	state.rw.RLock()
	_ = mu.TryLock() && p.TryLock()
	_ = mu.TryLock() && mu.TryLock()
}

var early = func() int { mu.Lock(); return 1 }()
