//go:build go1.26

package runtime

import (
	"internal/abi"
	"internal/runtime/atomic"
	"unsafe"
)

// lockdepSearch is a search for goroutines that can never go on. It uses the
// collector's, with three differences:
//
//   - it is written down who is stuck, and which held locks are reached, where
//     the collector decides, while the world is stopped;
//   - what weak pointers reach is told apart;
//   - the goroutines stay in the state of those that wait, so that whoever gets
//     hold of what they wait for can wake them. The runtime dies where a
//     goroutine is woken that it has given up.
//
// The collector marks from all that can run. Goroutines whose channel or lock is
// marked then can run, too, and so on: the first fixed point. Who is left is
// stuck, unless a weak pointer is turned into a strong one. So then everything
// that has a weak handle is marked, and the collector goes on to the second fixed
// point. Who can run now is woken by a weak pointer or by
// nobody. Who is left now is stuck whatever a weak pointer does.
//
// What else could wake a goroutine is a root of the first stage: finalizers and
// cleanups that are queued, and what those that are not would reach (a Pinner has
// a finalizer that reaches what is pinned); timers, and what their functions
// reach, also those of contexts and of bubbles; the table of cgo.Handle. A finalizer of an object that only stuck goroutines reach never
// runs, since they reach it for ever.
var lockdepSearch struct {
	asked atomic.Bool
	out   []LockdepStuckG // written while the world is stopped
	n     int
	weak  bool // the second stage
	done  bool

	doomed bool // those that LockdepOnDoomed knows cannot run
	others int  // goroutines of the program that can run, and functions that timers will call
}

// LockdepHung is LockdepLeaked with what LockdepOnDoomed knows. It also returns
// how many others can run: goroutines, and functions that timers will call.
func LockdepHung(limit int) (gs []LockdepStuckG, others int, ok bool) {
	out := make([]LockdepStuckG, limit)
	n, others, ok := lockdepLeaked(out, true)
	return out[:n], others, ok
}

// lockdepLeaked collects garbage and stores in out goroutines that wait for
// what nothing else can reach.
func lockdepLeaked(out []LockdepStuckG, doomed bool) (n, others int, ok bool) {
	s := &lockdepSearch
	semacquire(&lockdepSearchSema)
	s.out, s.n, s.weak, s.done, s.doomed, s.others = out, 0, false, false, doomed, 0
	s.asked.Store(true)
	goroutineLeakGC()
	s.asked.Store(false)
	n, others, ok = s.n, s.others, s.done
	s.out = nil
	semrelease(&lockdepSearchSema)
	return n, others, ok
}

var lockdepSearchSema uint32 = 1

// findGoroutineLeaks is called where the collector has marked all that it can
// find; false: there is more to mark.
func findGoroutineLeaks() bool {
	s := &lockdepSearch
	if !s.asked.Load() {
		return lockdepFindLeaks()
	}
	if work.nMaybeRunnableStackRoots != work.nStackRoots && findMaybeRunnableGoroutines() {
		return false
	}
	if !s.weak {
		s.weak = true
		for _, gp := range work.stackRoots[work.nMaybeRunnableStackRoots:work.nStackRoots] {
			if s.n < len(s.out) && readgstatus(gp)&^_Gscan == _Gwaiting && !isSystemGoroutine(gp, false) {
				s.out[s.n].setReached(gp)
				s.n++
			}
		}
		if s.n > 0 && lockdepShadeWeak() {
			return false
		}
	}
	for i := range s.out[:s.n] {
		s.out[i].Weak = s.out[i].gp.isMaybeRunnable()
	}
	if s.doomed && !s.done {
		s.others = lockdepRunnable()
	}
	done := lockdepFindLeaks() // marks the rest
	s.done = done
	return done
}

// lockdepRunnable counts goroutines of the program that can run, and functions
// that timers will call.
func lockdepRunnable() (n int) {
	for _, gp := range work.stackRoots[:work.nMaybeRunnableStackRoots] {
		if st := readgstatus(gp) &^ _Gscan; st != _Gdead && st != _Gdeadextra && st != _Gidle && !isSystemGoroutine(gp, false) {
			n++
		}
	}
	for _, pp := range allp {
		for _, tw := range pp.timers.heap {
			t := tw.timer // of time.AfterFunc, if its argument is a function
			if typ := efaceOf(&t.arg)._type; t.state&timerZombie == 0 && typ != nil && typ.Kind() == abi.Func {
				n++
			}
		}
	}
	return n
}

// isMaybeRunnable is the collector's, but that doomed goroutines cannot run, and
// that those of bubbles are looked at as others are. A channel or group of a
// bubble is used by its goroutines only, and by its timers, which are reached
// from each of them.
func (gp *g) isMaybeRunnable() bool {
	s := &lockdepSearch
	if !s.asked.Load() || readgstatus(gp)&^_Gscan != _Gwaiting {
		return gp.lockdepIsMaybeRunnable()
	}
	switch reason := gp.waitreason; {
	case s.doomed && reason.isMutexWait() && gp.lockdep != nil && LockdepOnDoomed(gp.lockdep):
		return false
	case reason == waitReasonSynctestWaitGroupWait:
		return gp.waiting == nil || isMarkedOrNotInHeap(gp.waiting.elem.get())
	case reason.lockdepBubbleChan():
		for sg := gp.waiting; sg != nil; sg = sg.waitlink {
			if isMarkedOrNotInHeap(unsafe.Pointer(sg.c.get())) {
				return true
			}
		}
		return false
	}
	return gp.lockdepIsMaybeRunnable()
}

//go:nosplit
func (w waitReason) lockdepBubbleChan() bool {
	return w == waitReasonSynctestChanReceive || w == waitReasonSynctestChanSend || w == waitReasonSynctestSelect
}

//go:nosplit
func (w waitReason) isChanWait() bool {
	return w.lockdepIsChanWait() || lockdepSearch.asked.Load() && w.lockdepBubbleChan()
}

//go:nosplit
func (w waitReason) isSyncWait() bool {
	return w.lockdepIsSyncWait() || lockdepSearch.asked.Load() && w == waitReasonSynctestWaitGroupWait
}

//go:nosplit
func (gp *g) internalBlocked() bool {
	w := gp.waitreason
	return gp.lockdepInternalBlocked() &&
		!(lockdepSearch.asked.Load() && (w.lockdepBubbleChan() || w == waitReasonSynctestWaitGroupWait))
}

// setReached is set, with the locks that are reached so far.
func (s *LockdepStuckG) setReached(gp *g) {
	s.set(gp)
	for i, p := range s.Held[:s.NHeld] {
		if (p < gp.stack.lo || p >= gp.stack.hi) && lockdepReached(p) {
			s.Reached |= 1 << i
		}
	}
}

// lockdepReached reports whether something that can run reaches the lock at p.
// p may be anything: a lock's memory may be gone. What is neither in the heap
// nor a variable of a package (a stack, memory of C) is not known to be reached,
// nor is a mutex that was allocated alone, together with other small objects.
func lockdepReached(p uintptr) bool {
	if s := spanOfHeap(p); s != nil {
		if s.spanclass == tinySpanClass {
			return false // its mark is also that of other small objects
		}
		return s.markBitsForIndex(s.objIndex(p)).isMarked()
	}
	for _, m := range activeModules() {
		if m.data <= p && p < m.edata || m.bss <= p && p < m.ebss ||
			m.noptrdata <= p && p < m.enoptrdata || m.noptrbss <= p && p < m.enoptrbss {
			return true
		}
	}
	return false
}

// lockdepShadeWeak marks what has a weak handle and is not marked yet, and reports whether there was any. What is garbage stays for one cycle
// more, which a weak pointer may see.
func lockdepShadeWeak() (any bool) {
	for _, s := range mheap_.allspans {
		if s.state.get() != mSpanInUse || s.specials == nil {
			continue
		}
		lock(&s.speciallock)
		for sp := s.specials; sp != nil; sp = sp.next {
			i := sp.offset / s.elemsize
			if sp.kind == _KindSpecialWeakHandle && !s.markBitsForIndex(i).isMarked() {
				shade(s.base() + i*s.elemsize)
				any = true
			}
		}
		unlock(&s.speciallock)
	}
	return any
}
