package runtime

import (
	"internal/runtime/atomic"
	"unsafe"
)

// Hooks run wherever Go code may take a lock: also while the goroutine is pinned
// to its M (sync.Pool unlocks so), on the system stack, on the stack of a signal.
// This file says what may be done where; docs/contexts.md has the table.

// LockdepFollows reports whether what runs is a goroutine. The system stack and
// the stack of a signal are none: who takes a lock there is not followed.
func LockdepFollows() bool { gp := getg(); return gp == gp.m.curg }

// LockdepMayWait reports whether the running goroutine may let others run: it is
// not pinned, and the runtime is not at work on its M.
func LockdepMayWait() bool {
	gp := getg()
	return gp == gp.m.curg && gp.m.dying == 0 && canPreemptM(gp.m)
}

// LockdepLock takes a lock of the validator's, in every context.
//
// Who has it is not preempted, does not park and makes no system call that gives
// its P away (m.locks). So it runs on as long as the operating system runs its
// thread, and whoever may not let go of a P can wait for it: with one P nobody
// else is there to wait. Nothing that runs meanwhile on this M takes the lock
// again: an allocation does not start or assist a collection where m.locks is
// set, and a signal's handler takes no lock.
//
// A goroutine that may let others run does so while it waits, and can be
// preempted then: who waits never keeps the world from stopping.
func LockdepLock(word *uint32) {
	for i := 0; ; i++ {
		mp := acquirem()
		if atomic.Load(word) == 0 && atomic.Cas(word, 0, 1) {
			if raceenabled { // append and copy are checked wherever they are called
				raceacquire(unsafe.Pointer(word))
			}
			return // without releasem
		}
		releasem(mp)
		lockdepSpin(i)
	}
}

// LockdepUnlock releases a lock that LockdepLock took.
func LockdepUnlock(word *uint32) {
	if raceenabled {
		racerelease(unsafe.Pointer(word))
	}
	atomic.Store(word, 0)
	releasem(getg().m)
}

// lockdepSpin is what a goroutine does that waits for a lock of the validator's for
// the i-th time.
//
// Who has the lock runs, on a P of its own, or the operating system will run its
// thread: so nothing is needed but time, first a little, then the CPU. It is not
// needed that another goroutine runs. Gosched would put this one behind all that can
// run, for tens of milliseconds where there are many, and it may hold a lock of the
// program's that they all wait for. So that comes only after about two milliseconds:
// by then the wait is a long one, and the P is better used by others.
func lockdepSpin(i int) {
	switch {
	case i < 16:
		procyield(30)
	case i < 32:
		osyield()
	case i < 64:
		systemstack(lockdepPause)
	default:
		LockdepPause()
	}
}

// LockdepAwait is what a goroutine does that waits for the i-th time for one that may
// be in a system call. That one needs a P to go on, so this one must let go of its
// own, but not at once: most waits are shorter than a turn of all that can run.
func LockdepAwait(i int) {
	if i < 8 {
		systemstack(lockdepPause)
		return
	}
	LockdepPause()
}

// LockdepPause lets other goroutines run, where that may be, and then other
// threads. It is no sleep: the clock of a bubble stands still meanwhile.
func LockdepPause() {
	if LockdepMayWait() {
		Gosched()
	}
	systemstack(lockdepPause)
}

func lockdepPause() { usleep(50) }
