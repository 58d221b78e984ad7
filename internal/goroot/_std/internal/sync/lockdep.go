package sync

import (
	"internal/race"
	"sync/atomic"
	"unsafe"
)

// LockdepTry is the fast path of Lock; false: the lock is not free.
func (m *Mutex) LockdepTry() bool {
	if !atomic.CompareAndSwapInt32(&m.state, 0, mutexLocked) {
		return false
	}
	if race.Enabled {
		race.Acquire(unsafe.Pointer(m))
	}
	return true
}

// LockdepSlow is the rest of Lock, after [Mutex.LockdepTry]: a second try would
// take the lock's cache line away from the goroutine that has the lock.
func (m *Mutex) LockdepSlow() { m.lockSlow() }
