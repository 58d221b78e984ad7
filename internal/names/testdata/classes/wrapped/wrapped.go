// Package wrapped uses the wrappers of another package.
package wrapped

import "example.com/classes/syncutil"

type A struct {
	mu syncutil.Mutex
	rw syncutil.RWMutex
}

type B struct {
	mu     syncutil.Mutex
	traced *syncutil.Traced
	spin   syncutil.SpinLock
	syncutil.RWMutex
}

var global syncutil.Mutex

func use(a *A, b *B, s *syncutil.Server, k *syncutil.Block, unknown *syncutil.RWMutex) {
	a.mu.Lock()
	a.mu.AssertHeld()
	b.mu.Lock()
	b.mu.Mutex.Lock()
	a.rw.Lock()
	a.rw.RLock()
	_ = a.rw.TryLock()
	a.rw.LockWithTimeout(1)
	b.traced.Lock()
	b.spin.Lock()
	b.Lock()
	global.Lock()
	var local syncutil.Mutex
	local.Lock()
	var many [3]syncutil.RWMutex
	many[1].Lock()
	k.Lock()
	// No entries: the first takes its lock itself, the second is not known.
	s.Lock()
	unknown.Lock()
}
