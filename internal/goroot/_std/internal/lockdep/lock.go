package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
)

// lockState reads the lock at an address, which may be none any more.
func lockState(inst uintptr) engine.LockState {
	l, freed, ok := runtime.LockdepReadLock(inst)
	switch {
	case !ok || l.State < 0: // of memory that is not Go's, or annotate's: nothing is known
		return engine.LockState{}
	case freed:
		return engine.LockState{Known: true}
	}
	readers := l.ReaderCount
	if readers < 0 { // a writer has it, or waits for the readers
		readers += 1 << 30 // rwmutexMaxReaders
	}
	return engine.LockState{Known: true, Locked: l.State&1 != 0, Readers: readers, Waited: l.ReaderWait, Sema: l.Sema}
}
