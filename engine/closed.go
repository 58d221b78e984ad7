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
	gate   uintptr // a lock that who waited held for writing; 0: not known
	serial uint32
	class  ClassID // the class of such locks; 0: none that counts
	n      uint8   // acquisitions since
}

// A closeRec is a goroutine that closed a channel. The table loses what is overwritten.
type closeRec struct {
	closer     uint64
	origin, pc uint64 // as in closed
}

const closeBits = 8

// maxCloses is how many closes of one goroutine are followed, of channels made at
// different places. Whoever waits for another one comes after nothing that is known.
const maxCloses = 4

// gateNever is in the place of a gate where goroutines go on after their closes.
const gateNever = ^uint64(0)

// gateOf is what an Event remembers of who waits: the class of its first lock.
func (t *Task) gateOf() uint64 {
	if h := t.at(0); h.mode() == Write {
		return 1<<32 | uint64(h.class())
	}
	return 1 << 32
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
func (v *Validator) closes(m *Meeting) {
	w, t := m.Waker, m.Woken
	h := t.top()
	if h.key == h.below().key {
		return
	}
	if m.Event.gate.Load() == 0 {
		m.Event.gate.Store(t.gateOf())
	}
	l := v.leaves(w, m.Event)
	if l == nil {
		return
	}
	if g := t.at(0); g.mode() == Write && g.class() != 0 && (l.gate == 0 || l.gate == g.inst) {
		l.gate, l.serial = g.inst, g.serial()
	} else {
		l.gate, l.class = 0, 0
	}
	t.comesAfter(w.goid, w.origin, m.Event.PC)
}

// Closes records that t closes a channel of event e, for whose kind goroutines wait
// with locks held. Who comes later will not sleep.
func (v *Validator) Closes(t *Task, e *Event) {
	if t.goid == 0 || t.slow&(taskBusy|taskBlind) != 0 || v.leaves(t, e) == nil {
		return
	}
	v.lock()
	v.closeTab[hash64(t.goid)>>20&(1<<closeBits-1)] = closeRec{closer: t.goid, origin: uint64(t.origin), pc: uint64(e.PC)}
	v.unlock()
}

// leaves begins to follow w after a close; nil: it is known that those who close
// such channels go on, or there is no room.
func (v *Validator) leaves(w *Task, e *Event) *leaving {
	v.lock()
	known := v.wentOn(v.siteAt(e.PC), 0)
	v.unlock()
	if known {
		e.gate.Store(gateNever)
		return nil
	}
	i := 0
	for i < maxCloses && w.leaving[i].pc != 0 && w.leaving[i].pc != e.PC {
		i++
	}
	if i == maxCloses {
		return nil
	}
	l := &w.leaving[i]
	if l.pc == 0 {
		*l = leaving{pc: e.PC, class: ClassID(uint32(e.gate.Load()))}
	}
	for i := uint32(0); i < w.depth; i++ {
		v.goesOn(e.PC, w.at(i).class()) // it can take others under this one
	}
	w.setSlow(taskLeaving)
	return l
}

// Closed records that t, which holds locks, finds a channel of event e closed by
// that goroutine. It has not slept, but comes after the close as well.
func (v *Validator) Closed(t *Task, e *Event, closer uint64) {
	h := t.top()
	if !t.Holding() || closer == t.goid || h.key == h.below().key || t.slow&(taskBusy|taskBlind) != 0 {
		return
	}
	gate := e.gate.Load()
	if gate == 0 {
		e.gate.Store(t.gateOf()) // the next ones will be known
	}
	if gate != t.gateOf() || uint32(gate) == 0 {
		return
	}
	if x := t.behind(); x != nil && x.closer == closer && x.depth == t.depth {
		return
	}
	v.lock()
	r := v.closeTab[hash64(closer)>>20&(1<<closeBits-1)]
	v.unlock()
	if r.closer == closer && r.pc == uint64(e.PC) {
		t.comesAfter(closer, uintptr(r.origin), e.PC)
	}
}

// comesAfter notes the close that t comes after.
//
// The entry on top gets a key of its own: chains behind the wait are others than
// those without it, so that both are learned.
func (t *Task) comesAfter(closer uint64, origin, pc uintptr) {
	h := t.top()
	h.key = mixLock(mix(h.below().key, h.class(), h.mode()), uint64(pc)<<20^uint64(origin)^1<<63)
	h.word |= lookBit // it is not to be taken again with that key
	t.above().word |= lookBit
	t.closed = closed{closer: closer, origin: origin, pc: pc, key: h.key, depth: t.depth}
}

// after is called when t takes a lock of class c, having closed channels.
func (v *Validator) after(t *Task, c ClassID) {
	follows := false
	for i := range t.leaving {
		l := &t.leaving[i]
		if l.pc == 0 {
			continue
		}
		if follows = true; t.holdsGate(l) {
			continue // where whoever waited cannot be
		}
		if l.n++; l.n >= maxLeaving {
			v.goesOn(l.pc, 0)
			*l = leaving{}
		} else if c != 0 {
			v.goesOn(l.pc, c)
		}
	}
	if !follows {
		t.clearSlow(taskLeaving)
	}
}

// holdsGate reports whether t holds the lock that whoever waited held, or, of
// whoever comes, one of its class.
func (t *Task) holdsGate(l *leaving) bool {
	for i := uint32(0); i < t.depth; i++ {
		switch h := t.at(i); {
		case l.gate != 0 && h.inst == l.gate && h.serial() == l.serial:
			return true
		case l.gate == 0 && l.class != 0 && h.class() == l.class && h.mode() == Write:
			return true
		}
	}
	return false
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
