package sync

import (
	"internal/lockdep"
	"internal/runtime/sys"
	isync "internal/sync"
	"runtime"
	"unsafe"
)

// lockdepMap returns the validator's view of a mutex: its own two words.
func lockdepMap(m *isync.Mutex) *lockdep.Map { return (*lockdep.Map)(unsafe.Pointer(m)) }

const _ = -(unsafe.Sizeof(isync.Mutex{}) ^ unsafe.Sizeof(lockdep.Map{})) // they have one size

// lockdepGen returns the validator's word of a WaitGroup: its padding, which is
// no field, so that neither printing nor comparing a WaitGroup shows it.
func lockdepGen(wg *WaitGroup) *uint32 {
	return (*uint32)(unsafe.Add(unsafe.Pointer(wg), unsafe.Offsetof(wg.sema)+4))
}

const _ = -((unsafe.Offsetof(WaitGroup{}.sema) + 8) ^ unsafe.Sizeof(WaitGroup{})) // sema is last, with padding behind

// lockdepRTaken records a reader that has to wait or not, and returns wait.
func (rw *RWMutex) lockdepRTaken(wait bool, pc uintptr) bool {
	if wait {
		lockdep.RLock(lockdepMap(&rw.w.mu), pc)
		lockdep.Blocked(unsafe.Pointer(&rw.w.mu))
	} else if !lockdep.RAgain(lockdepMap(&rw.w.mu), pc) {
		lockdep.RTaken(lockdepMap(&rw.w.mu), pc)
	}
	return wait
}

func init() {
	lockdep.GiveBack = lockdepGiveBack
	lockdep.TakeAgain = lockdepTakeAgain
}

func lockdepGiveBack(m unsafe.Pointer, read bool) {
	if !read {
		(*isync.Mutex)(m).Unlock()
		return
	}
	rw := (*RWMutex)(m)
	if r := rw.readerCount.Add(-1); r < 0 {
		rw.rUnlockSlow(r)
	}
}

func lockdepTakeAgain(m unsafe.Pointer, read bool) {
	if !read {
		(*isync.Mutex)(m).Lock()
		return
	}
	rw := (*RWMutex)(m)
	if rw.readerCount.Add(1) < 0 {
		lockdep.Blocked(m)
		runtime_SemacquireRWMutexR(&rw.readerSem, false, 0)
	}
}

const _ = -unsafe.Offsetof(RWMutex{}.w) // a RWMutex starts with its map

// What the runtime reads of a RWMutex stands where it reads it.
const (
	_ = -(unsafe.Offsetof(RWMutex{}.readerCount) ^ runtime.LockdepReaderCount)
	_ = -(unsafe.Offsetof(RWMutex{}.readerWait) ^ runtime.LockdepReaderWait)
)

// TryLock tries to lock m and reports whether it succeeded.
//
// Note that while correct uses of TryLock do exist, they are rare,
// and use of TryLock is often a sign of a deeper problem
// in a particular use of mutexes.
func (m *Mutex) TryLock() bool {
	if !m.lockdepTryLock() {
		lockdep.TryFailed(lockdepMap(&m.mu), sys.GetCallerPC())
		return false
	}
	lockdep.TryLocked(lockdepMap(&m.mu), sys.GetCallerPC())
	return true
}

// TryRLock tries to lock rw for reading and reports whether it succeeded.
//
// Note that while correct uses of TryRLock do exist, they are rare,
// and use of TryRLock is often a sign of a deeper problem
// in a particular use of mutexes.
func (rw *RWMutex) TryRLock() bool {
	if !rw.lockdepTryRLock() {
		lockdep.TryFailed(lockdepMap(&rw.w.mu), sys.GetCallerPC())
		return false
	}
	lockdep.TryRLocked(lockdepMap(&rw.w.mu), sys.GetCallerPC())
	return true
}

// TryLock tries to lock rw for writing and reports whether it succeeded.
//
// Note that while correct uses of TryLock do exist, they are rare,
// and use of TryLock is often a sign of a deeper problem
// in a particular use of mutexes.
func (rw *RWMutex) TryLock() bool {
	if !rw.lockdepTryLock() {
		lockdep.TryFailed(lockdepMap(&rw.w.mu), sys.GetCallerPC())
		return false
	}
	lockdep.TryWLocked(lockdepMap(&rw.w.mu), sys.GetCallerPC())
	return true
}
