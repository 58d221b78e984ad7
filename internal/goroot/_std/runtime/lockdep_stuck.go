package runtime

import "unsafe"

// LockdepMaxLocks bounds the held locks of a goroutine that are looked at.
const LockdepMaxLocks = 32

// A LockdepStuckG is a goroutine that can never go on.
type LockdepStuckG struct {
	gp      *g
	Goid    uint64
	GoPC    uintptr // of the go statement that made it
	Test    uint32
	Task    unsafe.Pointer
	Reason  string                   // what it waits for, as in a stack dump
	Held    [LockdepMaxLocks]uintptr // addresses of the locks that it holds
	NHeld   int
	Wants   uintptr // address of the lock that it waits for
	Reached uint32  // a bit for each of Held: a goroutine that can still run reaches it
	Owner   bool    // the end of a test binary waits for it
	Weak    bool    // a weak pointer reaches what it waits for: it may still be woken
	N       int     // of PCs
	PCs     [32]uintptr
}

// LockdepOnLocks stores the locks that a goroutine holds, whose task it is given,
// and returns their number and the one that it waits for. The world is stopped.
var LockdepOnLocks func(task unsafe.Pointer, held *[LockdepMaxLocks]uintptr) (n int, wants uintptr)

// LockdepLeaked returns goroutines that wait for what nothing that can still
// run can reach, at most limit of them; false: this release cannot tell.
func LockdepLeaked(limit int) ([]LockdepStuckG, bool) {
	out := make([]LockdepStuckG, limit)
	n, _, ok := lockdepLeaked(out, false)
	return out[:n], ok
}

// LockdepAsleep returns the goroutines of a program in which all sleep for ever.
func LockdepAsleep(limit int) []LockdepStuckG {
	out := make([]LockdepStuckG, limit)
	n := 0
	stw := stopTheWorld(stwGoroutineProfile)
	forEachGRace(func(gp *g) {
		if n < limit && readgstatus(gp)&^_Gscan == _Gwaiting && !isSystemGoroutine(gp, false) {
			out[n].set(gp)
			n++
		}
	})
	startTheWorld(stw)
	return out[:n]
}

// set fills s with what gp, which waits, is at. The world is stopped.
func (s *LockdepStuckG) set(gp *g) {
	s.gp, s.Goid, s.GoPC, s.Test, s.Task, s.Reason = gp, gp.goid, gp.gopc, gp.lockdepTest, gp.lockdep, gp.waitreason.String()
	s.Owner = gp.lockdepOwner
	if f := LockdepOnLocks; f != nil && gp.lockdep != nil {
		s.NHeld, s.Wants = f(gp.lockdep, &s.Held)
	}
	systemstack(func() {
		var u unwinder
		u.initAt(^uintptr(0), ^uintptr(0), 0, gp, unwindSilentErrors)
		s.N = tracebackPCs(&u, 0, s.PCs[:])
	})
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
