// Package locals has local variables, and variables through which a lock may or
// may not be told.
package locals

import "sync"

type T struct {
	mu, other sync.Mutex
	keyed     map[string]*sync.Mutex
}

func (t *T) Method(k string, param *sync.Mutex) {
	var mu sync.Mutex
	mu.Lock()
	func() {
		var inner struct{ mu sync.Mutex }
		inner.mu.Lock()
		mu.Lock()
	}()
	fresh := new(sync.Mutex)
	fresh.Lock()
	same := &t.mu
	same.Lock()
	again := same
	again.Lock()
	l, ok := t.keyed[k]
	if !ok {
		l = &sync.Mutex{}
		t.keyed[k] = l
	}
	l.Lock()
	go func(mu *sync.Mutex) { mu.Lock() }(&t.other)
	type local struct{ mu sync.Mutex }
	new(local).mu.Lock()
	var locker sync.Locker = &t.mu
	locker.Lock()
}

// silent has only locks that cannot be told.
func silent(t *T, param *sync.Mutex, locker sync.Locker, ch chan *sync.Mutex, any any) {
	param.Lock()
	locker.Lock()
	(<-ch).Lock()
	any.(*sync.Mutex).Lock()
	result().Lock()
	either := &t.mu
	if t == nil {
		either = &t.other
	}
	either.Lock()
	loop := param
	loop = loop
	loop.Lock()
	_ = param.TryLock() && t.mu.TryLock()
	sync.NewCond(param).L.Lock()
}

func result() (mu *sync.Mutex) { return nil }
