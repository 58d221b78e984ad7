//go:build !bench_godeadlock && !bench_linkdata && !bench_gvisor

package bench

import "sync"

type (
	// Mutex is the mutual exclusion lock under test.
	Mutex = sync.Mutex
	// RWMutex is the reader/writer lock under test.
	RWMutex = sync.RWMutex
)

// SetClass puts m into lock class i. Only implementations that are told their
// classes need it; here it is nothing.
func SetClass(m *Mutex, i int) {}
