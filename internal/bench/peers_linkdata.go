//go:build bench_linkdata && deadlock

package bench

import "github.com/linkdata/deadlock"

// The tag deadlock turns the package on; without it the package is plain sync,
// which would be measured as such. The build constraint above asks for both
// tags, so that a forgotten one is a build error.
type (
	// Mutex is the mutual exclusion lock under test.
	Mutex = deadlock.Mutex
	// RWMutex is the reader/writer lock under test.
	RWMutex = deadlock.RWMutex
)

// SetClass is nothing: linkdata/deadlock knows instances only.
func SetClass(m *Mutex, i int) {}
