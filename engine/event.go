package engine

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// This file learns which locks a wait for an event depends on: a channel
// operation, a Cond.Wait or a WaitGroup.Wait with locks held, that another
// goroutine ends.
//
// A waker needs what it took in its stretch: the part of its run since it began,
// made a goroutine, or met another one last. If all wakers that were ever seen
// at an event took lock b in their stretches, then whoever waits there waits
// for b, too, and from each lock that he holds there is a dependency on b. One
// waker that comes without b refutes that: it may be the one that comes. All
// goroutines that a WaitGroup waits for have to come, so there one is enough.
//
// What a stretch took costs the locks nothing: it is what they left on the held
// stack, whose entries stay where they are when they are popped. Of locks taken
// one after the other at one depth the last is known, so a needed lock may be
// missed, which refutes rather than makes up.

// An Event is the channels that were made at one place, or a call of Cond.Wait.
// The runtime has a struct of the same form. The 64-bit words come first, and the
// size is a multiple of 8 on every platform, since they are used atomically.
type Event struct {
	// Bits of classes, by what is waited for: 0 to send, 1 to receive or for a Cond.
	without [2]uint64 // some waker came without them
	needed  [2]uint64 // they are in an observation

	gate atomic.Uint64 // see closed.go; its type aligns an Event where words have 32 bits

	_  [8 - unsafe.Sizeof(uintptr(0))]byte
	PC uintptr // return address of the make, or of the call
}

// A Meeting is one goroutine ending the wait of another one at a channel or Cond.
type Meeting struct {
	Event *Event
	Waker *Task          // of the running goroutine, nil: it took no lock so far
	Woken *Task          // of the other one, which still sleeps
	G     unsafe.Pointer // the other one, for [Host.Stack]

	For      Mode // what the other one waits for: WaitSend, WaitReceive, WaitCond
	OneSided bool // by a close or a signal, which waits for nobody
	Waits    bool // the running one would have waited for the other one
	WakerHad bool // and had no other way
	WokenHad bool // the other one had none
}

func classBit(c ClassID) uint64 { return 1 << (c & 63) }

// taken returns the bits of the classes that t took in its stretch.
func (t *Task) taken() (bits uint64) {
	if t == nil {
		return 0
	}
	for i := uint32(0); i < t.cap; i++ {
		h := t.at(i)
		if h.word == 0 && i >= t.depth {
			break
		}
		if h.inStretch() {
			bits |= classBit(h.class())
		}
	}
	return bits
}

// inStretch reports whether the goroutine waited, or would have, for the lock of
// the entry in its stretch.
func (h *Held) inStretch() bool { return h.flags()&(heldTry|heldOld) == 0 && h.class() != 0 }

// Stretch begins a new stretch of t's goroutine.
func (t *Task) Stretch() {
	t.closed.closer = 0
	for i := uint32(0); i < t.cap; i++ {
		switch h := t.at(i); {
		case i < t.depth:
			h.word |= uint64(heldOld) << flagShift
		case h.word == 0:
			return
		default:
			h.word = 0
		}
	}
}

// rested reports whether t took nothing in its stretch, and a new one would be
// no other.
func (t *Task) rested() bool {
	if t == nil {
		return true
	}
	for i := uint32(0); i < t.depth; i++ {
		if t.at(i).flags()&heldOld == 0 {
			return false
		}
	}
	return t.at(t.depth).word&^lookBit == 0
}

// Known reports whether a meeting of those two at e, of whatever kind, teaches
// nothing: wakers without any lock came before, for either direction, and these
// took none.
func (e *Event) Known(waker, woken *Task) bool {
	return atomic.LoadUint64(&e.without[0])&atomic.LoadUint64(&e.without[1]) == ^uint64(0) && waker.rested() && woken.rested()
}

// Meet records a meeting. It is called on the running goroutine, with the other
// one about to be woken.
func (v *Validator) Meet(m *Meeting) {
	v.came(m.Event, m.For, m.Waker)
	back := WaitSend + WaitReceive - m.For
	if !m.OneSided {
		v.came(m.Event, back, m.Woken)
	}
	if m.WokenHad && m.Woken != nil && m.Woken.Holding() {
		v.waited(m.Event, m.For, m.Woken, m.Waker, m.G)
	}
	if m.WakerHad && m.Waker != nil && m.Waker.Holding() {
		v.waited(m.Event, back, m.Waker, m.Woken, nil)
	}
	if m.Waker != nil && m.Waits {
		m.Waker.Stretch()
	}
	if m.Woken != nil {
		m.Woken.Stretch()
		if m.OneSided && m.For == WaitReceive && Leaves(m.Waker, m.Woken) {
			v.closes(m)
		}
	}
}

// side returns the index of what is waited for in an Event's words.
func (wait Mode) side() int {
	if wait == WaitSend {
		return 0
	}
	return 1
}

// came records that t, which may be nil, comes to end a wait at e.
func (v *Validator) came(e *Event, wait Mode, t *Task) {
	without := ^t.taken() &^ atomic.LoadUint64(&e.without[wait.side()])
	if without == 0 {
		return
	}
	atomic.OrUint64(&e.without[wait.side()], without)
	if atomic.LoadUint64(&e.needed[wait.side()])&without == 0 {
		return
	}
	v.lock()
	site, n := v.siteAt(e.PC), v.nobs
	for i := uint32(1); i <= n; i++ {
		if o := &v.obs[i]; o.kind == obsEvent && o.event == site && o.wait == wait && classBit(o.lock.class)&without != 0 {
			v.refute(site, wait, o.lock.class)
		}
	}
	v.flush()
	v.unlock()
	v.deliver()
}

// waited records that t waits at e with locks held, and w ends that.
func (v *Validator) waited(e *Event, wait Mode, t, w *Task, g unsafe.Pointer) {
	if w == nil {
		return
	}
	for i := uint32(0); i < w.cap; i++ {
		h := w.at(i)
		if h.word == 0 && i >= w.depth {
			return
		}
		if !h.inStretch() {
			continue
		}
		for j := uint32(0); j < t.depth; j++ {
			if x := t.at(j); x.class() == h.class() && (x.inst != h.inst || x.serial() != h.serial()) {
				// The waker needs another lock of the class than the one that is held.
				atomic.OrUint64(&e.without[wait.side()], classBit(h.class()))
				if atomic.LoadUint64(&e.needed[wait.side()])&classBit(h.class()) != 0 {
					v.lock()
					v.refute(v.siteAt(e.PC), wait, h.class())
					v.flush()
					v.unlock()
					v.deliver()
				}
			}
		}
		v.need(t, g, e.PC, e, wait, h, w.goid)
	}
}

// news returns the key of what need records, 0: it is known, or not recorded;
// and whether the need was refuted.
func (v *Validator) news(t *Task, pc uintptr, e *Event, wait Mode, b *Held, waker uint64) (key uint64, refuted bool) {
	c := b.class()
	if t.slow&^(taskNested|taskTimed|taskRecord|taskLeaving) != 0 || waker == t.goid || v.classFlags(c)&classNoValidate != 0 {
		return 0, false
	}
	key = mix(t.topKey(), c, b.mode()) ^ pcHash(pc) ^ uint64(wait)<<56
	for i := uint32(0); i < t.depth; i++ {
		if h := t.at(i); h.inst == b.inst && h.serial() == b.serial() {
			key++
		}
	}
	refuted = e != nil && atomic.LoadUint64(&e.without[wait.side()])&classBit(c) != 0
	if refuted {
		key ^= 1 << 63
	}
	if v.chainSettled(t, nil, key) {
		return 0, false
	}
	return key, refuted
}

// need records that t waits, with locks held, for a goroutine that takes b
// first. pc identifies the event; e is nil where one waker is enough.
func (v *Validator) need(t *Task, g unsafe.Pointer, pc uintptr, e *Event, wait Mode, b *Held, waker uint64) {
	key, refuted := v.news(t, pc, e, wait, b, waker)
	if key == 0 {
		return
	}
	c := b.class()
	var pcs [48]uintptr
	n := 0
	switch {
	case g == nil:
		n = runtime.Callers(3, pcs[:])
		t.setSlow(taskBusy)
	case v.host.Stack != nil:
		n = v.host.Stack(g, pcs[:])
	}
	v.lock()
	v.learned++
	v.chainInsert(key, 0)
	site := v.siteAt(pc)
	if refuted {
		v.refute(site, wait, c)
	} else {
		o := observation{goid: t.goid, test: t.test, kind: obsEvent, held: v.nheld, event: site, wait: wait, waker: waker}
		o.lock = v.recOf(b)
		for i := uint32(0); i < t.depth; i++ {
			if v.gone(t, t.at(i)) || v.phantom(t.at(i)) != isHeld {
				continue
			}
			if !v.addHeld(&o, v.recOf(t.at(i))) {
				break
			}
		}
		o.stack = v.capture(pcs[:n], userPC(pcs[:n]))
		o.origin = v.siteAt(t.origin)
		if e != nil {
			atomic.OrUint64(&e.needed[wait.side()], classBit(c))
		}
		v.best.pending = false
		if id := v.addObs(o); id != 0 {
			v.observe(id)
		}
	}
	v.flush()
	v.unlock()
	v.deliver()
	if g == nil {
		t.clearSlow(taskBusy)
	}
}

// judgeEvent draws the conclusions of a wait for a goroutine that needs a lock.
func (v *Validator) judgeEvent(id ObsID) {
	o := &v.obs[id]
	c := o.lock.class
	if v.refuted(o) {
		return
	}
	for i := int(o.n) - 1; i >= 0; i-- {
		h := &v.held[o.held+uint32(i)]
		switch {
		case v.classes[h.class].flags&classNoValidate != 0:
		case h.class != c:
			v.depend(id, i)
		case h.is(&o.lock) && (h.mode == Write || o.lock.mode == Write):
			v.best = finding{kind: KindEvent, level: Possible, why: WhyEvent, obs: id, held: uint16(i), pending: true}
			if v.classes[c].flags&classHandoff != 0 {
				v.best.level, v.best.why = Suppressed, WhyHandoff
			}
			v.enter()
		}
	}
}

// refutedKey identifies what a waker that came without a lock of class c tells
// of the waits at an event.
func refutedKey(site SiteID, wait Mode, c ClassID) uint64 {
	return 1<<63 | uint64(site)<<24 | uint64(wait)<<16 | uint64(c)
}

// refutedSlot returns the place of a key in the table; nil: there is no room.
func (v *Validator) refutedSlot(key uint64) *uint64 {
	mask := uint64(len(v.refutedTab) - 1)
	i := hash64(key) & mask
	for n := 0; n < chainProbes; n++ {
		if k := v.refutedTab[i]; k == 0 || k == key {
			return &v.refutedTab[i]
		}
		i = (i + 1) & mask
	}
	return nil
}

// refuted reports whether a waker came without the lock of o, an observation of
// a wait. Where the table is full, one may have.
func (v *Validator) refuted(o *observation) bool {
	if o.kind != obsEvent {
		return false
	}
	s := v.refutedSlot(refutedKey(o.event, o.wait, o.lock.class))
	return s == nil || *s != 0
}

// refute records that a waker came without a lock of class c. Locked.
func (v *Validator) refute(site SiteID, wait Mode, c ClassID) {
	s := v.refutedSlot(refutedKey(site, wait, c))
	if s != nil && *s != 0 {
		return
	}
	v.addObs(observation{kind: obsWithout, held: v.nheld, event: site, wait: wait, lock: heldRec{class: c}})
	v.judgeRefuted(site, wait, c)
}

// judgeRefuted withdraws the findings that rest on a wait that was refuted, and
// looks whether other evidence holds them up.
func (v *Validator) judgeRefuted(site SiteID, wait Mode, c ClassID) {
	s := v.refutedSlot(refutedKey(site, wait, c))
	if s == nil {
		v.full(tabEvents, uint32(len(v.refutedTab)))
	} else {
		*s = refutedKey(site, wait, c)
	}
	if wait == waitClosed {
		v.judgeWentOn()
		return
	}
	for i := uint32(1); i <= v.nfindings; i++ {
		f := v.findings[i]
		if f.level == Suppressed {
			continue
		}
		gone := f.n == 0 && v.refuted(&v.obs[f.obs])
		for j := 0; j < int(f.n); j++ {
			gone = gone || v.refuted(&v.obs[v.samples[f.samples[j]].obs])
		}
		if !gone {
			continue
		}
		v.findings[i].level = Suppressed
		v.findings[i].why |= WhyRefuted
		for j := 0; j < int(f.n); j++ {
			ed := v.samples[f.samples[j]].edge
			for x := v.edges[ed].samples; x != 0; x = v.samples[x].next {
				v.judge(ed, x)
			}
		}
	}
}

// A doner is what goroutines took before they told a WaitGroup that they are
// done. The table loses what is overwritten.
type doner struct {
	wg    uintptr
	gen   uint32 // as in the WaitGroup
	busy  uint32
	n     uint32
	waker [maxDoners]uint64
	locks [maxDoners]Held
}

const (
	maxDoners = 4
	donerBits = 10

	genTask = 1<<20 - 1 // of a gen: the task that follows the WaitGroup, and whose own Done is no news
)

func (v *Validator) donerOf(wg uintptr) *doner { return &v.doners[pcHash(wg)>>20&(1<<donerBits-1)] }

// Follow begins to follow a WaitGroup that t, which holds locks, adds to or waits
// for. gen is a word of the WaitGroup that is the validator's, 0: not followed.
func (v *Validator) Follow(t *Task, gen *uint32) {
	atomic.StoreUint32(gen, 1<<31|atomic.AddUint32(&v.doneGen, 1)<<20&^(1<<31)|t.id&genTask)
}

// Done records that t's goroutine is done with what the WaitGroup wg, which is
// followed, waits for.
func (v *Validator) Done(t *Task, wg uintptr, gen *uint32) {
	g := atomic.LoadUint32(gen)
	if g&genTask == t.id&genTask || t.taken() == 0 {
		return
	}
	x := v.donerOf(wg)
	if !atomic.CompareAndSwapUint32(&x.busy, 0, 1) {
		return
	}
	if x.wg != wg || x.gen != g {
		x.wg, x.gen, x.n = wg, g, 0
	}
	for i := uint32(0); i < t.cap && x.n < maxDoners; i++ {
		h := t.at(i)
		if h.word == 0 && i >= t.depth {
			break
		}
		known := !h.inStretch()
		for j := uint32(0); j < x.n; j++ {
			known = known || x.locks[j].inst == h.inst && x.locks[j].mode() == h.mode()
		}
		if !known {
			x.locks[x.n], x.waker[x.n] = *h, t.goid
			x.n++
		}
	}
	atomic.StoreUint32(&x.busy, 0)
}

// Waited records that t waited for wg, which is followed, whether or not it slept.
func (v *Validator) Waited(t *Task, wg uintptr, gen *uint32, pc uintptr) {
	x := v.donerOf(wg)
	if x.wg != wg || x.gen != atomic.LoadUint32(gen) || x.n == 0 || !atomic.CompareAndSwapUint32(&x.busy, 0, 1) {
		return
	}
	if t != nil && t.Holding() && x.wg == wg {
		for i := uint32(0); i < x.n; i++ {
			if key, _ := v.news(t, pc, nil, WaitGroup, &x.locks[i], x.waker[i]); key != 0 {
				v.waitedFor(t, x, pc)
				return
			}
		}
	}
	x.n = 0
	atomic.StoreUint32(&x.busy, 0)
}

// waitedFor records that t waited for x, which it lets go of.
func (v *Validator) waitedFor(t *Task, x *doner, pc uintptr) {
	y := *x
	x.n = 0
	atomic.StoreUint32(&x.busy, 0)
	for i := uint32(0); i < y.n; i++ {
		v.need(t, nil, pc, nil, WaitGroup, &y.locks[i], y.waker[i])
	}
}
