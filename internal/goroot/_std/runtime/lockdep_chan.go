package runtime

import (
	"internal/runtime/atomic"
	"unsafe"
)

// A lockdepEvent is the channels that were made at one place, or a call of
// Cond.Wait, engine.Event.
type lockdepEvent struct {
	without [2]uint64
	needed  [2]uint64
	gate    atomic.Uint64
	_       [8 - unsafe.Sizeof(uintptr(0))]byte
	pc      uintptr
}

const lockdepEventBits = 12

// lockdepEvents are the places at which channels are made, by hash of the
// return address. Number 0 is of channels that are not followed.
var lockdepEvents [1 << lockdepEventBits]lockdepEvent

// lockdepMake returns the number of the event of a channel that is made, or of
// a call of Cond.Wait.
func lockdepMake(pc uintptr) uint16 {
	i := uint64(pc) * 0x9e3779b97f4a7c15 >> (64 - lockdepEventBits)
	for n := 0; n < 8; n++ {
		if i != 0 {
			e := &lockdepEvents[i]
			p := atomic.Loaduintptr(&e.pc)
			if p == 0 && atomic.Casuintptr(&e.pc, 0, pc) {
				return uint16(i)
			}
			if atomic.Loaduintptr(&e.pc) == pc {
				return uint16(i)
			}
		}
		i = (i + 1) & (1<<lockdepEventBits - 1)
	}
	return 0
}

// What a meeting is like.
const (
	LockdepReceives = 1 << iota // the goroutine that is woken receives
	LockdepCond                 // it waits for a Cond
	LockdepOneSided             // by a close or a signal
	LockdepWaits                // the running goroutine would have waited for the other one
	LockdepWakerHad             // and had no other way
	LockdepWokenHad             // the other one had none
)

// LockdepOnMeet runs on a goroutine that is about to wake another one, with no
// lock of the runtime held. It gets the event, both tasks, nil where there is
// none, and the other goroutine.
var LockdepOnMeet func(event, waker, woken, g unsafe.Pointer, how uint8)

// lockdepMeet is called when the waiter sg of channel c was taken out of its
// queue and is about to be woken.
func lockdepMeet(c *hchan, sg *sudog, how uint8) {
	if c.timer != nil {
		return
	}
	if !sg.isSelect {
		how |= LockdepWokenHad
	}
	if c.dataqsiz != 0 {
		how &^= LockdepWakerHad
	}
	lockdepWake(sg.g, c.lockdep, how)
	// The search for leaks takes a goroutine that waits for what nobody can
	// reach for one that leaks. This one is as good as awake.
	KeepAlive(c)
}

// LockdepOnClose runs when a goroutine closes a channel for which others waited with
// locks held before. It gets the event and the task.
var LockdepOnClose func(event, task unsafe.Pointer)

// LockdepOnClosed runs when a goroutine that holds locks finds a channel closed. It
// gets the event, the task, and the number of the goroutine that closed the channel.
var LockdepOnClosed func(event, task unsafe.Pointer, closer uint64)

// lockdepClose is called with c locked, when it is closed. A closed channel has no
// more use for the place of the next value that is sent.
func lockdepClose(c *hchan) {
	if gp := getg(); gp.lockdep != nil {
		c.sendx = uint(gp.goid)
	} else {
		c.sendx = 0
	}
}

// lockdepCloses is called when c is about to be closed.
func lockdepCloses(c *hchan) {
	gp, e := getg(), &lockdepEvents[c.lockdep]
	if gate := e.gate.Load(); gate+1 <= 1 || gp.lockdep == nil || gp == gp.m.g0 || gp.m.locks != 0 {
		return
	}
	if f := LockdepOnClose; f != nil {
		f(unsafe.Pointer(e), gp.lockdep)
	}
}

// lockdepClosed is called when c is found closed and empty by who receives.
func lockdepClosed(c *hchan) {
	gp := getg()
	if t := gp.lockdep; t == nil || *(*uint32)(t) == 0 { // it holds nothing
		return
	}
	lockdepClosedHolding(c, gp)
}

func lockdepClosedHolding(c *hchan, gp *g) {
	if c.lockdep == 0 || c.timer != nil || c.sendx == 0 || gp == gp.m.g0 || gp.m.locks != 0 {
		return
	}
	if f := LockdepOnClosed; f != nil {
		f(unsafe.Pointer(&lockdepEvents[c.lockdep]), gp.lockdep, uint64(c.sendx))
	}
}

// lockdepSignal is called when gp was taken out of the queue of a Cond and is
// about to be woken.
func lockdepSignal(l *notifyList, gp *g) {
	lockdepWake(gp, gp.lockdepEvent, LockdepCond|LockdepOneSided|LockdepWokenHad)
	KeepAlive(l) // as in lockdepMeet
}

func lockdepWake(other *g, event uint16, how uint8) {
	gp, e := getg(), &lockdepEvents[event]
	if event == 0 || gp == gp.m.g0 || gp.m.locks != 0 {
		return
	}
	if gp.lockdep == nil && other.lockdep == nil && e.without[0]&e.without[1] == ^uint64(0) {
		return // nothing new: a waker that took no locks came before
	}
	if f := LockdepOnMeet; f != nil {
		f(unsafe.Pointer(e), gp.lockdep, other.lockdep, unsafe.Pointer(other), how)
	}
}

// LockdepCondWait notes that the running goroutine is about to sleep for a Cond.
func LockdepCondWait(pc uintptr) { getg().lockdepEvent = lockdepMake(pc) }

// lockdepBlocks is how a channel operation meets that can block or not.
func lockdepBlocks(block bool) uint8 {
	if block {
		return LockdepWaits | LockdepWakerHad
	}
	return 0
}

// lockdepSelects is how a select meets.
func lockdepSelects(block bool) uint8 {
	if block {
		return LockdepWaits
	}
	return 0
}

// LockdepStack stores the return addresses of a goroutine that sleeps and that
// nobody else can wake, innermost first, and returns their number.
func LockdepStack(p unsafe.Pointer, pcs []uintptr) int {
	gp, n := (*g)(p), 0
	systemstack(func() {
		for !castogscanstatus(gp, _Gwaiting, _Gscanwaiting) { // the collector scans or shrinks its stack
			if readgstatus(gp)&^_Gscan != _Gwaiting {
				return
			}
			osyield()
		}
		var u unwinder
		u.initAt(^uintptr(0), ^uintptr(0), 0, gp, unwindSilentErrors)
		n = tracebackPCs(&u, 0, pcs)
		casfrom_Gscanstatus(gp, _Gscanwaiting, _Gwaiting)
	})
	return n
}

// LockdepOnGo runs, on the system stack, when a goroutine makes another one. It
// gets the task of the first and returns what the second is to know of it; 0: nothing.
var LockdepOnGo func(unsafe.Pointer) uint64

// lockdepGo is called when gp makes a goroutine. One that took no lock hands on
// what it knows of its own maker.
func lockdepGo(gp *g) uint64 {
	if f := LockdepOnGo; f != nil && gp.lockdep != nil {
		if m := f(gp.lockdep); m != 0 {
			return m
		}
	}
	return gp.lockdepMaker
}

// LockdepMaker returns what the running goroutine knows of its maker.
func LockdepMaker() uint64 { return getg().lockdepMaker }
