//go:build bench_godeadlock

package bench

import "github.com/sasha-s/go-deadlock"

// The defaults of go-deadlock are kept: order detection on, a timer of 30 s
// armed by each Lock, exit on a report. No case may give it one.
type (
	// Mutex is the mutual exclusion lock under test.
	Mutex = deadlock.Mutex
	// RWMutex is the reader/writer lock under test.
	RWMutex = deadlock.RWMutex
)

// SetClass is nothing: go-deadlock knows instances only.
func SetClass(m *Mutex, i int) {}
