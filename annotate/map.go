package annotate

import "sync"

// A Map makes a lock of the program's own known to lockdep: a pool that blocks
// when it is empty, a semaphore, a scheduler's token, a lock file. Its zero
// value is ready for use and must not be copied. It does not lock anything; it
// stands beside what does, and is told:
//
//	m.Acquire(mode)   before the wait, so that a report comes before a hang
//	m.Acquired(mode)  after the wait
//	m.Release(mode)   before the lock is given back
//
// Acquired may be left out where the goroutine that takes the lock is the one
// that gives it back. Any goroutine may call Release, as with [sync.Mutex].
//
// The field or variable that is the Map names its class, or [SetClass] does.
type Map struct {
	lock [words]sync.Mutex // never locked: it holds the validator's part
}

// A Mode says how a lock is taken.
type Mode uint8

const (
	Write Mode = iota // excludes everybody
	Read              // excludes writers; waits behind a writer who waits, as RWMutex.RLock does
)

// Acquire says that the running goroutine is about to wait for the lock.
func (m *Map) Acquire(mode Mode) {
	if on && hooks.acquire != nil {
		if p := mapOf(m); p != nil {
			hooks.acquire(p, mode == Read)
		}
	}
}

// Acquired says that the wait is over and the running goroutine has the lock.
func (m *Map) Acquired(mode Mode) {
	if on && hooks.acquired != nil {
		if p := mapOf(m); p != nil {
			hooks.acquired(p, mode == Read)
		}
	}
}

// TryAcquire says that the running goroutine got the lock without waiting, as
// by TryLock. It is called after a try that succeeded, instead of Acquire.
func (m *Map) TryAcquire(mode Mode) {
	if on && hooks.tryAcquired != nil {
		if p := mapOf(m); p != nil {
			hooks.tryAcquired(p, mode == Read)
		}
	}
}

// Release says that the lock is given back.
func (m *Map) Release(mode Mode) {
	if on && hooks.release != nil {
		if p := mapOf(m); p != nil {
			hooks.release(p, mode == Read)
		}
	}
}
