package engine

// This file knows of orders that cannot meet since the goroutine that makes one
// of them is done before the other one begins: a goroutine holds lock L, waits
// for a close with which another one leaves, and only then, with L held still,
// takes the locks in the order that the other one does not.
//
// That one test does this after that says nothing of the program; so the wait has
// to be in the critical section of the order that comes after it.

// A closed is what a goroutine knows of the close that ended its last wait.
type closed struct {
	closer uint64  // the goroutine that closed; 0: no close, or a new stretch has begun
	origin uintptr // where that was made
	pc     uintptr // where the channel was made
	key    uint64  // of the entry that was on top then
	depth  uint32  // locks that were held then
}

// A leaving is what a goroutine knows of the last close with which it ended a wait.
type leaving struct {
	pc     uintptr // where the channel was made; 0: none
	gate   uintptr // a lock that who waited held for writing; 0: none
	serial uint32
	n      uint8 // acquisitions since
}

// waitClosed is in the place of what is waited for in what is known of goroutines
// that took locks after such a close. Class 0 is all classes.
const waitClosed = WaitOther + 1

// maxLeaving is how many acquisitions of a goroutine are followed after its close.
// One that goes on longer is not on its way out.
const maxLeaving = 32

// Leaves reports whether waker, if it is about to end a wait of woken by a close,
// may leave locks to it.
func Leaves(waker, woken *Task) bool {
	return waker != nil && woken != nil && waker != woken && waker.goid != 0 && woken.Holding()
}

// closes records that m's waker ends the wait of a goroutine with locks held, by a
// close.
//
// The entry on top gets a key of its own: chains behind the wait are others than
// those without it, so that both are learned.
func (v *Validator) closes(m *Meeting) {
	w, t := m.Waker, m.Woken
	h := t.top()
	if h.key == h.below().key {
		return
	}
	v.lock()
	known := v.wentOn(v.siteAt(m.Event.PC), 0)
	v.unlock()
	if known {
		return
	}
	h.key = mixLock(mix(h.below().key, h.class(), h.mode()), uint64(m.Event.PC)<<20^uint64(w.origin)^1<<63)
	t.closed = closed{closer: w.goid, origin: w.origin, pc: m.Event.PC, key: h.key, depth: t.depth}
	l := leaving{pc: m.Event.PC}
	if g := t.at(0); g.mode() == Write && g.class() != 0 {
		l.gate, l.serial = g.inst, g.serial()
	}
	if w.leaving.pc == l.pc && w.leaving.n != 0 {
		l.n = w.leaving.n // it went on, and is followed no longer than before
	}
	if w.leaving.pc != 0 && w.leaving.pc != l.pc {
		v.goesOn(w.leaving.pc, 0)
	}
	if w.leaving.pc == l.pc && (w.leaving.gate != l.gate || w.leaving.serial != l.serial) {
		l.gate = 0
	}
	w.leaving = l
	for i := uint32(0); i < w.depth; i++ {
		v.goesOn(l.pc, w.at(i).class()) // it can take others under this one
	}
	w.setSlow(taskLeaving)
}

// after is called when t takes a lock of class c, having closed a channel.
//
// With the gate held it is where whoever waited cannot be.
func (v *Validator) after(t *Task, c ClassID) {
	if t.leaving.pc == 0 {
		t.clearSlow(taskLeaving)
		return
	}
	if t.leaving.n++; t.leaving.n >= maxLeaving {
		v.goesOn(t.leaving.pc, 0)
		t.leaving = leaving{}
		t.clearSlow(taskLeaving)
		return
	}
	for i := uint32(0); i < t.depth && t.leaving.gate != 0; i++ {
		if h := t.at(i); h.inst == t.leaving.gate && h.serial() == t.leaving.serial {
			return
		}
	}
	if c != 0 {
		v.goesOn(t.leaving.pc, c)
	}
}

// goesOn records that a goroutine that closed a channel made at pc took a lock of
// class c afterwards; 0: it may have taken any.
func (v *Validator) goesOn(pc uintptr, c ClassID) {
	v.lock()
	v.refute(v.siteAt(pc), waitClosed, c)
	v.flush()
	v.unlock()
	v.deliver()
}

// behind returns t's close if the locks that it held during the wait are held
// still.
//
// Proof. The key of an entry is made of those under it, and that one's has the
// close in it. Who releases a lock under it gives it a key without the close, and
// who takes it anew does so, too. ∎
func (t *Task) behind() *closed {
	if x := &t.closed; x.closer != 0 && t.depth >= x.depth && t.at(x.depth-1).key == x.key {
		return x
	}
	return nil
}

// noteClosed notes in o, an observation of t, the close that it comes after.
func (v *Validator) noteClosed(o *observation, t *Task) {
	x := t.behind()
	if x == nil || uint32(o.n) <= x.depth {
		return
	}
	// Of entries that are not in the record it is not known which they are.
	if uint32(o.n) != t.depth {
		return
	}
	o.closer, o.behind = x.closer, uint16(x.depth)
	o.event, o.closerOrigin = v.siteAt(x.pc), v.siteAt(x.origin)
	v.closers |= originBit(o.closerOrigin)
}

func originBit(s SiteID) uint64 { return 1 << (s & 63) }

// over reports whether the goroutine of sample b is done with that order when
// sample a's begins.
//
// Proof. Let L be the lock that a's goroutine held during the wait, and holds in a.
// It took a's outer lock after the wait. The goroutine that ended the wait does
// not take b's outer lock after its close, or with L held only, and had it not
// when it closed. So its orders of b are before the close, and thereby before a's,
// or kept away from it by L.
//
// Of an earlier run of a, behind a close by another goroutine of that origin, b is
// also apart if a was over before b's goroutine was made. A later run of a has an
// observation of its own if its close was made elsewhere, or by another goroutine
// while the cycle is known. ∎
func (v *Validator) over(a, b SampleID) bool {
	x, y := &v.obs[v.samples[a].obs], &v.obs[v.samples[b].obs]
	if x.closer == 0 || x.kind == obsEvent || v.samples[a].from < x.behind || x.proc != y.proc {
		return false
	}
	if y.goid != x.closer && (y.origin != x.closerOrigin || y.origin == 0 || !v.before(x, y)) {
		return false
	}
	c := v.held[y.held+uint32(v.samples[b].from)].class
	return !v.wentOn(x.event, c) && !v.wentOn(x.event, 0)
}

func (v *Validator) wentOn(site SiteID, c ClassID) bool {
	s := v.refutedSlot(refutedKey(site, waitClosed, c))
	return s == nil || *s != 0
}

// judgeWentOn judges again what was judged without knowing that a goroutine goes
// on after its close.
func (v *Validator) judgeWentOn() {
	for i := uint32(1); i <= v.nfindings; i++ {
		f := v.findings[i]
		if f.why&WhyAfter == 0 {
			continue
		}
		for j := 0; j < int(f.n); j++ {
			ed := v.samples[f.samples[j]].edge
			for x := v.edges[ed].samples; x != 0; x = v.samples[x].next {
				if v.edges[ed].from == v.edges[ed].to {
					v.judgeSame(ed, x)
				} else {
					v.judge(ed, x)
				}
			}
		}
	}
}
