package runtime

import "unsafe"

// LockdepSetOwner says whether the running goroutine is one that the end of a
// test binary waits for: that of a test, or of all tests.
func LockdepSetOwner(on bool) { getg().lockdepOwner = on }

// A LockdepOwner is such a goroutine.
type LockdepOwner struct {
	Goid  uint64
	Task  unsafe.Pointer
	Locks bool // it sleeps for a lock
}

// LockdepOwners returns those that there are. Nothing is stopped meanwhile.
func LockdepOwners() []LockdepOwner {
	out := make([]LockdepOwner, 0, 16)
	forEachGRace(func(gp *g) {
		s := readgstatus(gp) &^ _Gscan
		if gp.lockdepOwner && s != _Gdead && s != _Gidle {
			out = append(out, LockdepOwner{gp.goid, gp.lockdep, s == _Gwaiting && gp.waitreason.isMutexWait()})
		}
	})
	return out
}

// LockdepGo runs f on a goroutine that is the runtime's: the program does not
// see it, nor does it belong to a bubble.
func LockdepGo(f func()) { go lockdepRun(f) }

func lockdepRun(f func()) { f() }

// LockdepSleep sleeps for ns nanoseconds.
func LockdepSleep(ns int64) { timeSleep(ns) }

// LockdepOnDoomed reports whether a goroutine, whose task it is given and that
// sleeps for a lock, can never get it. The world is stopped.
var LockdepOnDoomed func(task unsafe.Pointer) bool
