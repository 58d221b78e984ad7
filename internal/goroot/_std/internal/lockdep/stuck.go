package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"unsafe"
)

// maxStuck bounds the goroutines that are looked at when a process ends.
const maxStuck = 1000

func init() {
	runtime.LockdepOnAsleep = asleep
	runtime.LockdepOnLocks = locksOf
	runtime.LockdepOnDoomed = doomed
}

// locksOf runs while the world is stopped.
func locksOf(task unsafe.Pointer, held *[runtime.LockdepMaxLocks]uintptr) (n int, wants uintptr) {
	return (*Task)(task).Locks(held)
}

// asleep runs when all goroutines sleep for ever and the program is about to
// die of it.
func asleep() {
	stuck(runtime.LockdepAsleep(maxStuck), true)
	release()
}

// leaks looks, once, for goroutines that nothing can wake any more. It waits for
// a collection: a goroutine that may not wait, and ends the process, leaves it.
func leaks() {
	if !on || !opt.leaks || !runtime.LockdepMayWait() {
		return
	}
	opt.leaks = false
	if gs, ok := runtime.LockdepLeaked(maxStuck); ok {
		stuck(gs, false)
	}
}

// stuck records the goroutines gs. all: the whole program is stuck, so those
// that only wait for the others are no news.
func stuck(gs []runtime.LockdepStuckG, all bool) {
	for i := range gs {
		g := &gs[i]
		mode := engine.WaitOther
		switch g.Reason {
		case "chan send", "chan send (nil chan)", "chan send (durable)":
			mode = engine.WaitSend
		case "chan receive", "chan receive (nil chan)", "chan receive (durable)":
			mode = engine.WaitReceive
		case "select", "select (no cases)", "select (durable)":
			mode = engine.WaitSelect
		case "sync.WaitGroup.Wait", "sync.WaitGroup.Wait (durable)":
			mode = engine.WaitGroup
		case "sync.Cond.Wait":
			mode = engine.WaitCond
		case "sync.Mutex.Lock", "sync.RWMutex.Lock":
			mode = engine.Write
		case "sync.RWMutex.RLock":
			mode = engine.Read
		}
		v.Stuck((*Task)(g.Task), engine.StuckGoroutine{
			Goroutine: g.Goid, Origin: g.GoPC, Test: engine.TestID(g.Test), Wait: mode, PCs: g.PCs[:g.N], LocksOnly: all,
			Unwanted: !wanted(gs, i), Weak: g.Weak,
		})
	}
}

// wanted reports whether a lock that gs[i] holds is wanted, or can be: another
// goroutine that is stuck waits for it, or one that can still run reaches it.
//
// Who waits for a lock that nobody else reaches is stuck as well, so it is among
// gs, but for those beyond the bound of gs: then too little is claimed. One that
// a weak pointer can wake counts only where its lock is reached without: for
// the search it was able to run.
func wanted(gs []runtime.LockdepStuckG, i int) bool {
	for k := 0; k < gs[i].NHeld; k++ {
		if gs[i].Reached&(1<<k) != 0 {
			return true
		}
		for j := range gs {
			if j != i && !gs[j].Weak && gs[j].Wants == gs[i].Held[k] {
				return true
			}
		}
	}
	return false
}
