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
