package engine

import (
	"sync/atomic"
	"unsafe"
)

// This file finds locks that were overwritten while they were held. Go runs
//
//	t.mu.Lock()
//	*t = saved // with a mutex that is not locked, or T{}, or by copy, or decoding
//
// without a problem: t.mu is free, and nobody ever unlocks it. Its entry on the
// held stack stays behind. Whatever follows from such a phantom is false, and so
// locks are looked at before anything is said to hold for certain.
//
// An entry with heldGot is a phantom
//
//  1. if the lock is not locked in that way now: whoever releases a lock pops its
//     entry before, so while a lock is free nobody has an entry of it;
//  2. if its own goroutine gets the lock once more without a wait, one of the two
//     being a writer: nobody else let go of it (see handover.go);
//  3. if the map there is another one now: a map does not change while its lock is
//     held, but for its class.
//
// If two tasks have entries of one lock that exclude each other, one of the two is
// a phantom, and nobody can say which: then nothing is concluded from either.
//
// Where the lock is locked by a goroutine that was stopped between its
// compare-and-swap and its hook, it looks as if the older entry was the real one.
// That takes a goroutine that is stopped within these few instructions.

// A LockState is a lock as it stands in memory.
type LockState struct {
	Known   bool   // or nothing can be said
	Locked  bool   // the mutex, or the one of a RWMutex that a writer has, or is queued with
	Readers int32  // of a RWMutex: who have it for reading, or wait for that
	Waited  int32  // and the readers that the queued writer waits for
	Sema    uint32 // the word of the map
}

// Annotated says that m is no mutex: nothing of it is known from memory.
func (m *Map) Annotated() {
	if m.state >= 0 {
		atomic.StoreInt32(&m.state, -1<<31)
	}
}

// A truth is what memory says of an entry.
type truth uint8

const (
	isHeld     truth = iota // or nothing is known
	isPhantom               // the lock was overwritten, and is free
	isOtherMap              // it was overwritten with another one, or is no lock any more
)

// phantom says of entry h whether it is one by rules 1 and 3. The task that has it
// must not run meanwhile, or be the running one.
func (v *Validator) phantom(h *Held) truth {
	if v.host.Look == nil || h.flags()&heldGot == 0 {
		return isHeld
	}
	s := v.host.Look(h.inst)
	switch {
	case !s.Known:
		return isHeld
	case !s.of(h):
		return isOtherMap
	case h.mode() == Write && !s.Locked, h.mode() != Write && s.Readers == 0:
		return isPhantom
	}
	return isHeld
}

// of reports whether the lock is the one of entry h still.
func (s *LockState) of(h *Held) bool {
	return h.serial() == 0 || h.serial() == s.Sema>>serialShift&serialMask
}

// retaken removes from t's held stack, which has entries of m, those that are
// phantoms, now that t gets m with those bits once more; false: there was none.
func (v *Validator) retaken(t *Task, m *Map, bits uint64) bool {
	if m.state < 0 { // annotate's
		return false
	}
	inst, mode := mapInst(m), Mode(bits>>modeShift)
	readers, any := int32(0), false
	for i, again := uint32(0), 0; i < t.depth; {
		h := t.at(i)
		if h.inst != inst || h.flags()&heldGot == 0 {
			i++
			continue
		}
		is := v.phantom(h)
		switch {
		case is != isHeld:
		case mode == Read && h.mode() == Read:
			readers++
		case h.serial() != m.serial():
			is = isOtherMap
		case bits&gotBit != 0 || v.claimed(t, h):
			is = isPhantom
		}
		if is == isHeld {
			i++
			continue
		}
		if t.epoch != atomic.LoadUint32(&v.epoch) && again < 3 {
			v.look(t) // another goroutine released it just now
			i, again = 0, again+1
			continue
		}
		v.dropPhantom(t, i, is)
		any = true
	}
	if readers == 0 || v.host.Look == nil {
		return any
	}
	if !t.asks {
		readers++ // who reads counts itself before its hook
	}
	if s := v.host.Look(inst); s.Known && s.Readers < readers && t.epoch == atomic.LoadUint32(&v.epoch) {
		for i := uint32(0); i < t.depth && s.Readers < readers; { // the oldest
			if h := t.at(i); h.inst != inst || h.flags()&heldGot == 0 {
				i++
				continue
			}
			v.dropPhantom(t, i, isPhantom)
			readers--
			any = true
		}
	}
	return any
}

// mend removes phantoms before the slow path pushes an entry of m.
func (v *Validator) mend(t *Task, m *Map, bits uint64) {
	if t.depth == 0 {
		return
	}
	if t.depth >= t.cap {
		v.stripped(t, m) // before they fill the stack
	}
	if _, again := t.find(mapInst(m)); again {
		v.retaken(t, m, bits)
	}
}

// stripped removes the phantoms of other locks than m from t's held stack; false:
// there was none.
func (v *Validator) stripped(t *Task, m *Map) bool {
	if v.host.Look == nil {
		return false
	}
	any := false
	for i, again := uint32(0), 0; i < t.depth; {
		h := t.at(i)
		is := isHeld
		if h.inst != mapInst(m) {
			is = v.phantom(h)
		}
		if is == isHeld {
			i++
			continue
		}
		if t.epoch != atomic.LoadUint32(&v.epoch) && again < 3 {
			v.look(t)
			i, again = 0, again+1
			continue
		}
		v.dropPhantom(t, i, is)
		any = true
	}
	return any
}

// dropPhantom removes entry i from t's held stack.
//
// Where the lock was overwritten with another one, rule 3 has kept all that is
// false out of the observations, as no entry of the old one passes for one of the
// new. Where it was overwritten with a copy of itself, that is not so.
func (v *Validator) dropPhantom(t *Task, i uint32, is truth) {
	c := t.at(i).class()
	v.timeRelease(t, i)
	t.remove(i)
	if is == isPhantom && c != 0 && v.classFlags(c)&classOverwritten == 0 {
		v.lock()
		v.overwritten(c)
		v.unlock()
	}
}

// claimed reports whether another task than t has, or is queued with, the lock of
// t's entry h in a way that excludes it. Both entries are there at one time, as t
// stands still. Of a class that is handed over nothing is proved anyhow.
func (v *Validator) claimed(t *Task, h *Held) bool {
	if v.classFlags(h.class())&classHandoff != 0 {
		return false
	}
	v.lock()
	n := v.claims(t, h)
	v.unlock()
	return n != 0
}

// claims is claimed for who has the validator's lock. It looks at all tasks: it
// is asked only when something is about to be proved.
func (v *Validator) claims(t *Task, h *Held) (n uint32) {
	for id := uint32(1); id <= v.ntasks; id++ {
		o := v.task(id)
		if o == nil || o == t || atomic.LoadUint32(&o.depth) == 0 {
			continue
		}
		for i := uint32(0); ; i++ {
			x, ok := o.peek(i)
			if !ok {
				break
			}
			if x.inst != h.inst || x.serial() != h.serial() || x.flags()&(heldGot|heldQueued) == 0 || x.mode() == Read && h.mode() == Read || v.gone(o, &x) {
				continue
			}
			if h.mode() == Read && x.flags()&heldGot == 0 || x.mode() == Read && h.flags()&heldGot == 0 {
				continue // of a writer that is queued, and a reader before it
			}
			n++
		}
	}
	return n
}

// certain reports whether wait x is really kept waiting by u, whose goroutine
// sleeps as well: the lock is locked in the way that u's entry says, and nobody
// else has it so. x waits for the lock, so its memory is there. Locked.
func (v *Validator) certain(u, x *wait) bool {
	if v.host.Look == nil {
		return true
	}
	t := v.task(u.task)
	for i := uint32(0); i < t.depth; i++ {
		h := t.at(i)
		if h.inst != x.inst || !h.keepsOut(x) {
			continue
		}
		s := v.host.Look(h.inst)
		switch {
		case !s.Known:
			return true
		case !s.of(h):
		case h.mode() == Write && s.Locked && v.claims(t, h) == 0:
			return true
		case h.mode() == Read && s.Waited > 0 && v.claims(t, h) == 0 && int32(v.holders(h.inst, h.serial(), Read, nil)) <= s.Waited:
			// All readers from before the queued writer still have an entry. Each of
			// them loses it before it is taken off the count, and none comes.
			return true
		}
	}
	return false
}

// overwritten notes that locks of class c are overwritten while they are held: an
// observation in which somebody holds one may be false. What was seen to happen
// stays proved. Locked.
func (v *Validator) overwritten(c ClassID) {
	if c == 0 || v.classes[c].flags&classOverwritten != 0 {
		return
	}
	v.classes[c].set(classOverwritten)
	v.journalClassFlags(c)
	for f := uint32(1); f <= v.nfindings; f++ {
		x := &v.findings[f]
		if x.level != Likely {
			continue
		}
		for i := 0; i < max(int(x.n), 1); i++ {
			id := x.obs
			if x.n > 0 {
				id = v.samples[x.samples[i]].obs
			}
			if v.obs[id].lock.class == c {
				x.level = Possible
				x.why |= WhyOverwritten
			}
		}
	}
	v.flush()
}

// doubt looks for phantoms among the locks of finding f, which is about to be
// likely, and notes their classes; false: there is none.
//
// A side may have been observed long ago. But a phantom stays where it is, on the
// held stack or among the locks left behind, until its goroutine gets the lock
// again, and that is noticed.
func (v *Validator) doubt(f *finding) bool {
	if v.host.Look == nil {
		return false
	}
	any := false
	for i := 0; i < max(int(f.n), 1); i++ {
		o, from := &v.obs[f.obs], uint32(f.held)
		if f.n > 0 {
			p := &v.samples[f.samples[i]]
			o, from = &v.obs[p.obs], uint32(p.from)
		}
		if o.proc != 0 || from >= uint32(o.n) {
			continue
		}
		if h := v.held[o.held+from]; h.addr != 0 && v.isOverwritten(&h) {
			v.overwritten(h.class)
			any = true
		}
	}
	return any
}

// steadily is how often a contradiction has to be seen to be one: goroutines run
// while their stacks are read. One that is stopped shows none, since it pops before
// it releases and pushes after it has the lock.
const steadily = 100

// A claim is an entry of a lock, as it was seen on a held stack.
type claim struct {
	t  *Task
	at uint32
}

// isOverwritten reports whether the lock of r has a phantom: it is free and has an
// entry, or it has two writers. Locked.
func (v *Validator) isOverwritten(r *heldRec) bool {
	var c [2]claim
	n := v.claimsOf(r, &c)
	for range steadily {
		s := v.host.Look(uintptr(r.addr))
		if !s.Known || uint32(r.birth)&serialMask != s.Sema>>serialShift&serialMask {
			return false
		}
		free := !s.Locked
		if r.mode == Read {
			free = s.Readers == 0
		}
		if n == 0 || !free && (n == 1 || r.mode == Read) {
			return false
		}
		for _, x := range c {
			if x.t == nil {
				continue
			}
			if h, ok := x.t.peek(x.at); !ok || !h.claims(r) || v.gone(x.t, &h) {
				return false
			}
		}
	}
	return true
}

// claims reports whether h is an entry of the lock of r, in that mode.
func (h *Held) claims(r *heldRec) bool {
	return h.inst == uintptr(r.addr) && h.mode() == r.mode && h.serial() == uint32(r.birth)&serialMask && h.flags()&heldGot != 0
}

// claimsOf stores who has the lock of r, up to two, and returns their number.
// One of them may be about to push its entry.
// Goroutines that ended with it are without a task. Locked.
func (v *Validator) claimsOf(r *heldRec, c *[2]claim) (n int) {
	if t := v.learner; t != nil && t.got == uintptr(r.addr) && t.gotAs == r.mode {
		n++ // it has no entry so far
	}
	for i := range v.orphanTab {
		if p := &v.orphanTab[i]; p.used && p.rec.addr == r.addr && p.rec.birth == r.birth && p.rec.mode == r.mode {
			n++
			break
		}
	}
	for id := uint32(1); id <= v.ntasks && n < len(c); id++ {
		o := v.task(id)
		if o == nil || atomic.LoadUint32(&o.depth) == 0 {
			continue
		}
		for i := uint32(0); n < len(c); i++ {
			h, ok := o.peek(i)
			if !ok {
				break
			}
			if h.claims(r) && !v.gone(o, &h) {
				c[n] = claim{o, i}
				n++
			}
		}
	}
	return n
}

// untrue reports whether the lock that a goroutine left behind, which t wants, is
// not locked, or by somebody else. Locked.
func (v *Validator) untrue(p *orphan, t *Task) bool {
	s := v.host.Look(uintptr(p.rec.addr))
	if !s.Known || v.classFlags(p.rec.class)&classHandoff != 0 {
		return false
	}
	if p.rec.mode == Read {
		return s.Readers == 0
	}
	return !s.Locked || v.holders(uintptr(p.rec.addr), s.Sema>>serialShift&serialMask, Write, nil) != 0
}

// mapInst is the address by which entries know m.
func mapInst(m *Map) uintptr { return uintptr(unsafe.Pointer(m)) }
