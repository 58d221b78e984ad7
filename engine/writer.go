package engine

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// This file collects the writers of reader/writer locks. Readers of one lock wait
// for each other only where somebody writes that lock, so a finding about readers
// needs a writer of the instance: see readers.go. Three things are kept.
//
//   - Of each class the writers that differ in what they held: they say that code
//     exists that writes locks of the class.
//   - Of each lock that was written lately its last writers, in a small table that
//     Lock writes and only a judgement reads. It forgets what is overwritten.
//   - Of each awaited lock, one that a judgement had too few writers for, all writers
//     from then on, one for each goroutine.
//
// A TryLock is no writer here: it does not wait, so nobody queues behind it.

const (
	writerBits  = 12
	awaitedBits = 10
	// maxWriters is the number of writers of a class that are kept with locks held;
	// one that held less makes those that held more needless.
	maxWriters = 16
	// maxInstWriters is the number of writers of awaited locks that are kept of a class.
	maxInstWriters = 256
)

// A lastWriter is a goroutine's last writing of one lock. Others may overwrite it at
// any time; check says whether its words belong together.
type lastWriter struct {
	inst, birth uint64
	goid        uint64
	when        uint64 // a moment
	held        uint64 // see heldWord
	pc          uint64
	test        uint64
	check       uint64
}

func (w *lastWriter) sum() uint64 {
	h := w.inst ^ 0x9e3779b97f4a7c15
	for _, x := range [...]uint64{w.birth, w.goid, w.when, w.held, w.pc, w.test} {
		hi, lo := bits.Mul64(h^0xa0761d6478bd642f, x^0xe7037ed1a0b428db)
		h = hi ^ lo
	}
	return h | 1
}

func (w *lastWriter) load() (c lastWriter, ok bool) {
	c = lastWriter{
		inst: atomic.LoadUint64(&w.inst), birth: atomic.LoadUint64(&w.birth), goid: atomic.LoadUint64(&w.goid),
		when: atomic.LoadUint64(&w.when), held: atomic.LoadUint64(&w.held),
		pc: atomic.LoadUint64(&w.pc), test: atomic.LoadUint64(&w.test), check: atomic.LoadUint64(&w.check),
	}
	return c, c.check == c.sum()
}

func (w *lastWriter) store(c *lastWriter) {
	atomic.StoreUint64(&w.check, 0)
	atomic.StoreUint64(&w.inst, c.inst)
	atomic.StoreUint64(&w.birth, c.birth)
	atomic.StoreUint64(&w.goid, c.goid)
	atomic.StoreUint64(&w.when, c.when)
	atomic.StoreUint64(&w.held, c.held)
	atomic.StoreUint64(&w.pc, c.pc)
	atomic.StoreUint64(&w.test, c.test)
	atomic.StoreUint64(&w.check, c.sum())
}

// writerSet returns the places of the last writers of a lock.
func (v *Validator) writerSet(inst uintptr) *[4]lastWriter {
	return &v.lastWriters[pcHash(inst)>>20&(1<<writerBits-1)]
}

// maxHeldWord is how many held locks are told of a last writer.
const maxHeldWord = 3

// heldWord is what t holds below its top entry: classes and modes, 16 bits each, and
// their number in the upper ones; false: too many, or one without a class.
func (t *Task) heldWord() (word uint64, ok bool) {
	n := t.depth - 1
	if n > maxHeldWord {
		return 0, false
	}
	for i := uint32(0); i < n; i++ {
		h := t.at(i)
		if h.class() == 0 {
			return 0, false
		}
		word |= (uint64(h.class())<<1 | uint64(h.mode()&1)) << (16 * i)
	}
	return word | uint64(n)<<48, true
}

// wroteBefore reports whether t, which has made no goroutine since, is among m's last
// writers with nothing held: then this time says nothing new. If t wrote another lock at
// m's address, since it last made a goroutine, that had m's serial, one of 4095, this
// writing is lost.
//
// Cost: a hash and four loads, mostly of one cache line.
func (v *Validator) wroteBefore(t *Task, m *Map) bool {
	inst, now, serial := uintptr(unsafe.Pointer(m)), uint64(t.moment()), uint64(m.serial())
	set := v.writerSet(inst)
	for i := range set {
		w := &set[i]
		if atomic.LoadUint64(&w.inst) == uint64(inst) && atomic.LoadUint64(&w.when) == now && atomic.LoadUint64(&w.held) == 0 &&
			atomic.LoadUint64(&w.birth)&serialMask == serial {
			return true
		}
	}
	return false
}

// noteWriter enters t, whose top entry is m, among m's last writers. Of what a
// goroutine held at different times the least counts, and the last time.
func (v *Validator) noteWriter(t *Task, m *Map, pc uintptr) {
	c := lastWriter{
		inst: uint64(uintptr(unsafe.Pointer(m))), goid: t.goid, when: uint64(t.moment()), pc: uint64(pc), test: uint64(t.test),
	}
	c.birth = v.birthOf(uintptr(unsafe.Pointer(m)), m.serial())
	var ok bool
	if c.held, ok = t.heldWord(); !ok || c.birth == 0 {
		return
	}
	set := v.writerSet(uintptr(unsafe.Pointer(m)))
	for i := range set {
		w := &set[i]
		if atomic.LoadUint64(&w.inst) != c.inst || atomic.LoadUint64(&w.goid) != c.goid || atomic.LoadUint64(&w.birth) != c.birth {
			continue
		}
		held := atomic.LoadUint64(&w.held)
		if held>>48 == c.held>>48 && held != c.held {
			continue
		}
		if held > c.held { // it held more
			w.store(&c)
		} else if atomic.LoadUint64(&w.when) != c.when {
			if old, ok := w.load(); ok {
				c.held, c.pc = old.held, old.pc
				w.store(&c)
			}
		}
		return
	}
	for i := len(set) - 1; i > 0; i-- {
		if old, ok := set[i-1].load(); ok {
			set[i].store(&old)
		}
	}
	set[0].store(&c)
}

// recall makes observations of the last writers of a lock that are not known as
// such yet; false: there are none. The held locks of such a writer are known by
// class only. It is asked for by the reader of observation id or those of the path of
// n samples. A writer that was over before one of them began, as a constructor's, is
// left out: it says nothing here, and readers of another instance would count it. Locked.
func (v *Validator) recall(l *heldRec, id ObsID, n int) bool {
	found := false
	for i := range v.writerSet(uintptr(l.addr)) {
		c, ok := v.writerSet(uintptr(l.addr))[i].load()
		if !ok || c.inst != l.addr || c.birth != l.birth {
			continue
		}
		o := observation{kind: obsWriter, flags: obsTag, goid: c.goid, test: TestID(c.test), held: v.nheld}
		o.line[0] = moment(c.when)
		if v.overBefore(&o, id, n) {
			continue
		}
		s := v.siteAt(uintptr(c.pc))
		o.lock = heldRec{addr: l.addr, birth: l.birth, class: l.class, mode: Write, site: s}
		for j := uint64(0); j < c.held>>48; j++ {
			x := c.held >> (16 * j) & 0xffff
			if !v.addHeld(&o, heldRec{class: ClassID(x >> 1), mode: Mode(x & 1)}) {
				return found
			}
		}
		if v.sameWriter(&o) {
			v.nheld = o.held
			continue
		}
		frame := [1]SiteID{s}
		o.stack = v.stackOf(frame[:])
		if id := v.addObs(o); id != 0 && v.pushWriter(id) {
			found = true
		}
	}
	return found
}

// overBefore reports whether writer o was over before the goroutine of observation
// id, or of a sample of the path of n that meets readers, was made.
func (v *Validator) overBefore(o *observation, id ObsID, n int) bool {
	if id != 0 && v.before(o, &v.obs[id]) {
		return true
	}
	for i := 0; i < n; i++ {
		if s := &v.obs[v.samples[v.path[i]].obs]; s.meetsReaders(v) && v.before(o, s) {
			return true
		}
	}
	return false
}

// sameWriter reports whether o says nothing that a writer of its lock does not say
// already: same goroutine, no later, nothing held that is not held now.
func (v *Validator) sameWriter(o *observation) bool {
	for w := v.classes[o.lock.class].writers; w != 0; w = v.samples[w].next {
		x := &v.obs[v.samples[w].obs]
		if x.goid == o.goid && x.proc == o.proc && x.lock.is(&o.lock) && x.line[0] >= o.line[0] && v.coversAll(x, o) {
			return true
		}
	}
	return false
}

// An awaitedLock is a lock that a judgement had too few writers for.
type awaitedLock struct {
	inst, birth uint64
	goid        uint64 // a goroutine that tells nothing new by writing; 0: none
}

// await has writers of lock l recorded from now on, but those of goroutine goid. A
// lock that has the same place later takes it. Locked.
func (v *Validator) await(l *heldRec, goid uint64) {
	if l.birth == 0 || v.host.Task == nil && v.host.Goroutine == nil {
		return // read from files
	}
	a := &v.awaitedTab[pcHash(uintptr(l.addr))>>20&(1<<awaitedBits-1)]
	switch {
	case a.inst != l.addr:
	case a.birth > l.birth:
		return // l is gone
	case a.birth == l.birth && a.goid != goid:
		goid = 0
	}
	atomic.StoreUint64(&a.goid, goid)
	atomic.StoreUint64(&a.birth, l.birth)
	atomic.StoreUint64(&a.inst, l.addr)
	if v.classes[l.class].flags&classAwaits == 0 {
		v.classes[l.class].set(classAwaits)
	}
}

// awaits returns a number of what t's writing of m, the top entry, would tell of an
// awaited lock; 0: nothing, or it was told.
func (v *Validator) awaits(t *Task, m *Map) uint64 {
	inst := uintptr(unsafe.Pointer(m))
	a := &v.awaitedTab[pcHash(inst)>>20&(1<<awaitedBits-1)]
	if atomic.LoadUint64(&a.inst) != uint64(inst) || atomic.LoadUint64(&a.goid) == t.goid {
		return 0
	}
	b := v.birthOf(inst, m.serial())
	if atomic.LoadUint64(&a.birth) != b {
		return 0
	}
	h := mixLock(t.topKey()^uint64(inst), b^t.goid<<20^t.step()<<50) | 1
	if atomic.LoadUint64(&v.toldTab[toldAt(h)]) == h {
		return 0
	}
	return h
}

func toldAt(h uint64) uint64 { return h >> 1 & (1<<awaitedBits - 1) }

// writer records that a writer of m's class exists, and what it held, and notes it
// among m's last ones.
func (v *Validator) writer(t *Task, m *Map, pc uintptr) {
	c := v.classOf(t, m)
	f := v.classFlags(c)
	if c == 0 || t.depth == 0 || t.slow&(taskBusy|taskBlind) != 0 || f&classNoValidate != 0 {
		return
	}
	v.noteWriter(t, m, pc)
	if f&classBareWriter != 0 && f&classAwaits == 0 {
		return
	}
	// The lock itself is on the stack by now; what was held before it matters.
	key := t.topKey() + 2
	var told uint64
	if f&classBareWriter != 0 || t.depth > 1 && (f&classWriters != 0 || v.chainSettled(t, nil, key)) {
		if f&classAwaits == 0 {
			return
		}
		if told = v.awaits(t, m); told == 0 {
			return
		}
	}
	v.learnWriter(t, m, pc, key, told)
}

func (v *Validator) learnWriter(t *Task, m *Map, pc uintptr, key, told uint64) {
	var pcs [48]uintptr
	n := runtime.Callers(3, pcs[:])
	t.setSlow(taskBusy)
	v.lock()
	if told != 0 {
		atomic.StoreUint64(&v.toldTab[toldAt(told)], told)
		k := &v.classes[v.classOf(t, m)]
		if k.ninst++; k.ninst >= maxInstWriters {
			k.clear(classAwaits)
		}
	}
	t.depth--
	id := v.record(t, m, pc, Write, 0, obsWriter, pcs[:n])
	t.depth++
	if t.depth > 1 {
		v.chainInsert(key, 0)
	}
	if id != 0 {
		v.observe(id)
	}
	v.flush()
	v.unlock()
	v.deliver()
	t.clearSlow(taskBusy)
}

// pushWriter enters a writer in the list of its class.
func (v *Validator) pushWriter(id ObsID) bool {
	k := &v.classes[v.obs[id].lock.class]
	s := v.newSample()
	if s == 0 {
		return false
	}
	v.samples[s] = sample{next: k.writers, obs: id}
	k.writers = s
	k.set(classWriter)
	return true
}

// addWriter notes a writer. What waited for one is judged again: all readers of the
// class if no writer of it was known that held as little, those of the lock otherwise.
func (v *Validator) addWriter(id ObsID) {
	o := &v.obs[id]
	c := o.lock.class
	if c == 0 || o.flags&obsPartial != 0 {
		return // it may have held a lock that keeps it out
	}
	if v.sameWriter(o) {
		return
	}
	k := &v.classes[c]
	fresh := true
	for w := k.writers; w != 0 && fresh; w = v.samples[w].next {
		fresh = !v.covers(v.samples[w].obs, id)
	}
	if !v.pushWriter(id) {
		return
	}
	if o.n == 0 {
		k.set(classBareWriter)
	} else if k.nwriters++; fresh && k.nwriters >= maxWriters {
		k.set(classWriters)
	}
	for e := k.out; e != 0; e = v.edges[e].nextOut {
		if v.edges[e].flags&edgeHot == 0 && v.edges[e].to != c {
			continue
		}
		for s := v.edges[e].samples; s != 0; s = v.samples[s].next {
			x := &v.obs[v.samples[s].obs]
			h := &v.held[x.held+uint32(v.samples[s].from)]
			if h.mode != Read || !fresh && !(x.proc == o.proc && h.is(&o.lock)) {
				continue
			}
			if v.edges[e].to == c {
				v.judgeSame(e, s)
			} else {
				v.judge(e, s)
			}
		}
	}
	for i := k.again; i != 0; i = v.obs[i].again {
		if x := &v.obs[i]; fresh || x.proc == o.proc && x.lock.is(&o.lock) {
			v.recursion(i, v.heldAgain(i))
		}
	}
}
