package sync

import (
	"internal/lockdep"
	"internal/runtime/sys"
)

// TryLock tries to lock m and reports whether it succeeded.
//
// Note that while correct uses of TryLock do exist, they are rare,
// and use of TryLock is often a sign of a deeper problem
// in a particular use of mutexes.
func (m *Mutex) TryLock() bool {
	if !m.lockdepTryLock() {
		lockdep.TryFailed(&m.dep, sys.GetCallerPC())
		return false
	}
	lockdep.TryLocked(&m.dep, sys.GetCallerPC())
	return true
}

// TryRLock tries to lock rw for reading and reports whether it succeeded.
//
// Note that while correct uses of TryRLock do exist, they are rare,
// and use of TryRLock is often a sign of a deeper problem
// in a particular use of mutexes.
func (rw *RWMutex) TryRLock() bool {
	if !rw.lockdepTryRLock() {
		lockdep.TryFailed(&rw.w.dep, sys.GetCallerPC())
		return false
	}
	lockdep.TryRLocked(&rw.w.dep, sys.GetCallerPC())
	return true
}

// TryLock tries to lock rw for writing and reports whether it succeeded.
//
// Note that while correct uses of TryLock do exist, they are rare,
// and use of TryLock is often a sign of a deeper problem
// in a particular use of mutexes.
func (rw *RWMutex) TryLock() bool {
	if !rw.lockdepTryLock() {
		lockdep.TryFailed(&rw.w.dep, sys.GetCallerPC())
		return false
	}
	lockdep.TryWLocked(&rw.w.dep, sys.GetCallerPC())
	return true
}
