package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
)

// maxStuck bounds the goroutines that are looked at when a process ends.
const maxStuck = 1000

func init() { runtime.LockdepOnAsleep = asleep }

// asleep runs when all goroutines sleep for ever and the program is about to
// die of it.
func asleep() {
	stuck(runtime.LockdepAsleep(maxStuck), true)
	release()
}

// leaks looks, once, for goroutines that nothing can wake any more.
func leaks() {
	if !on || !opt.leaks {
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
		case "chan send", "chan send (nil chan)":
			mode = engine.WaitSend
		case "chan receive", "chan receive (nil chan)":
			mode = engine.WaitReceive
		case "select", "select (no cases)":
			mode = engine.WaitSelect
		case "sync.WaitGroup.Wait":
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
		})
	}
}
