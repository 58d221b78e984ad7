package runtime

import "unsafe"

// A LockdepStuckG is a goroutine that can never go on.
type LockdepStuckG struct {
	Goid   uint64
	GoPC   uintptr // of the go statement that made it
	Test   uint32
	Task   unsafe.Pointer
	Reason string // what it waits for, as in a stack dump
	N      int    // of PCs
	PCs    [32]uintptr
}

// LockdepLeaked returns goroutines that wait for what nothing that can still
// run can reach, at most limit of them; false: this release cannot tell.
func LockdepLeaked(limit int) ([]LockdepStuckG, bool) {
	if !lockdepLeakGC() {
		return nil, false
	}
	return lockdepStuck(limit, lockdepLeakedG), true
}

// LockdepAsleep returns the goroutines of a program in which all sleep for ever.
func LockdepAsleep(limit int) []LockdepStuckG {
	return lockdepStuck(limit, func(gp *g) bool { return readgstatus(gp)&^_Gscan == _Gwaiting })
}

func lockdepStuck(limit int, is func(*g) bool) []LockdepStuckG {
	out := make([]LockdepStuckG, limit)
	n := 0
	stw := stopTheWorld(stwGoroutineProfile)
	forEachGRace(func(gp *g) {
		if n == limit || !is(gp) || isSystemGoroutine(gp, false) {
			return
		}
		s := &out[n]
		n++
		s.Goid, s.GoPC, s.Test, s.Task, s.Reason = gp.goid, gp.gopc, gp.lockdepTest, gp.lockdep, gp.waitreason.String()
		systemstack(func() {
			var u unwinder
			u.initAt(^uintptr(0), ^uintptr(0), 0, gp, unwindSilentErrors)
			s.N = tracebackPCs(&u, 0, s.PCs[:])
		})
	})
	startTheWorld(stw)
	return out[:n]
}

var (
	lockdepReporter *g
	lockdepAsked    bool

	// LockdepOnAsleep runs, once, when all goroutines sleep for ever, before the
	// program dies of it. It runs on a goroutine of its own.
	LockdepOnAsleep func()
)

// LockdepReport makes the goroutine that LockdepOnAsleep runs on.
func LockdepReport() { go lockdepReport() }

func lockdepReport() {
	lockdepReporter = getg()
	gopark(nil, nil, waitReasonForceGCIdle, traceBlockSystemGoroutine, 1)
	LockdepOnAsleep()
	lockdepReporter = nil
	gopark(nil, nil, waitReasonForceGCIdle, traceBlockSystemGoroutine, 1)
}

// lockdepAsleep is called where the runtime finds that all goroutines sleep for
// ever. It wakes the reporter, as checkdead itself wakes an M for a timer of the
// playground; true: sched.lock is held again and the program goes on.
func lockdepAsleep() bool {
	gp := lockdepReporter
	if gp == nil || lockdepAsked {
		return false
	}
	lock(&sched.lock)
	mp := mget()
	if mp == nil {
		unlock(&sched.lock)
		return false
	}
	pp, _ := pidleget(0)
	if pp == nil {
		mput(mp)
		unlock(&sched.lock)
		return false
	}
	lockdepAsked = true
	casgstatus(gp, _Gwaiting, _Grunnable)
	globrunqput(gp)
	sched.nmspinning.Add(1)
	mp.spinning = true
	mp.nextp.set(pp)
	notewakeup(&mp.park)
	return true
}
