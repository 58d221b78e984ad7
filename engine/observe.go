package engine

import (
	"runtime"
	"unsafe"
)

// An observation is one acquisition that taught something. Observations are
// the facts: the dependencies, samples and findings follow from them, in this
// process or in any other that reads the graph file.
type observation struct {
	key    uint64 // chain key, 0 where it was read from a file
	goid   uint64
	origin SiteID
	stack  StackID
	test   TestID
	proc   uint32
	held   uint32 // first of its heldRecs
	n      uint16 // their number, without lock itself
	guards uint8  // number of the heldRecs from guard on
	guard  uint32 // locks of those who made the goroutine, which they hold still
	flags  uint8
	kind   uint8
	wait   Mode // of a wait: what for, from WaitSend on
	lock   heldRec
	event  SiteID // of a wait, or with closer: where the channel was made, or the WaitGroup is waited for
	waker  uint64 // of a wait: the goroutine that ended it
	again  ObsID  // the recursion of readers of the class that was recorded before
	line   line   // 0: not known

	// Of what comes after a wait with locks held: see closed.go.
	closer       uint64 // the goroutine that ended it by a close; 0: none
	closerOrigin SiteID
	behind       uint16 // how many of the held locks were held then

	// See pairs.go.
	loose        bool     // of a chain that is known: may make room for others
	lazy         bool     // not in the graph file so far
	instead      bool     // took the place of a sample whose locks are dead
	found        bool     // takes part in a finding
	kept         bool     // goes round in the ring: its locks are in use
	refs         uint16   // samples of edges between two classes, and being the first of its chain
	selfs        uint16   // samples of an edge of a class to itself
	sample       SampleID // the last of those
	older, newer ObsID    // in the ring of its class
	at           uint32   // garbage collections that ended before
}

// heldRec is a held lock as recorded.
type heldRec struct {
	addr  uint64
	birth uint64 // see birth.go
	site  SiteID
	class ClassID
	mode  Mode
	try   bool
	owner uint64 // of a guard: the goroutine that holds it
}

// Kinds of observation.
const (
	obsLock    uint8 = iota + 1 // a lock is taken while others are held
	obsTouch                    // a Once was found done while locks were held
	obsWait                     // a wait with locks held; not judged
	obsWriter                   // a writer of a reader/writer lock exists
	obsOrphan                   // a lock is wanted whose goroutine ended: held[0]
	obsNotHeld                  // the program says that it holds the lock; it does not, or reads only
	obsHeld                     // the program says that it does not hold the lock, and does
	obsMight                    // the program says that it may take the lock, and holds it
	obsLeak                     // the goroutine can never go on; lock is what it waits for, class 0: no lock
	obsEvent                    // a wait with locks held, ended by a goroutine that took lock before: see event.go
	obsWithout                  // a waker came to the event without a lock of the class of lock
)

// Flags of an observation.
const (
	obsInit     uint8 = 1 << iota // during package initialisation
	obsPartial                    // held locks are missing: a table was full
	obsTag                        // instances known by a lock's tag, goroutine by its low bits
	obsStuck                      // the goroutine stands there for ever: see knot.go
	obsSerial                     // from a file of format 1, whose births come round after 4095 locks
	obsEvidence                   // of a finding, after the first of their kind: see pairs.go

	obsUnwanted uint8 = 1 << 6 // of a leak: nobody can want the locks that it holds
	obsWeakly   uint8 = 1 << 7 // of a leak: a weak pointer reaches what it waits for
)

// learn records what t's acquisition of m teaches and judges it.
func (v *Validator) learn(t *Task, m *Map, pc uintptr, mode Mode, key uint64, kind uint8) {
	var pcs [48]uintptr
	n := runtime.Callers(3, pcs[:])
	t.setSlow(taskBusy)
	v.lock()
	v.learner = t
	v.learned++
	meta := uint64(uint32(t.goid))
	e := v.chainFind(key)
	if e != nil {
		v.lazily = kind == obsLock && e.meta&(metaHot|metaSame) != 0
		if g := uint32(e.meta); g != 0 && g != uint32(t.goid) {
			v.setMeta(e, 0xffffffff, 0) // a second goroutine: settled
			v.lazily = false
		}
		meta = e.meta
	}
	lazily := v.lazily
	v.lazily = false
	if kind == obsLock {
		v.tagged(t, m) // first: so it stands in the journal, too
	}
	v.lazily = lazily
	id := v.record(t, m, pc, mode, key, kind, pcs[:n])
	v.lazily = false
	if id != 0 {
		o := &v.obs[id]
		if !lazily {
			o.refs++ // the first of its chain, or of its goroutine: kept for good
		}
		if e == nil {
			for i := uint32(0); i < uint32(o.n); i++ {
				if v.held[o.held+i].class == o.lock.class && kind == obsLock {
					meta |= metaSame
				}
			}
			e = v.chainInsert(key, meta)
		}
		if m != nil && e != nil && e.meta&(metaHot|metaSame) != 0 {
			v.see(v.digest(t, m, key, e.meta))
		}
		v.best.pending = false
		v.observe(id)
		if kind == obsLock && e != nil && e.meta&metaHot == 0 && v.onHot(id) {
			v.setMeta(e, 0, metaHot) // a chain that is new on a known cycle
			v.see(v.digest(t, m, key, e.meta))
		}
		if v.best.pending && v.best.obs == id && v.best.kind == KindRecursive {
			t.setSlow(taskPending)
		}
		v.settled(id, v.obs[id].lock.class)
	} else if e == nil {
		v.chainInsert(key, meta)
	}
	v.learner = nil
	v.flush()
	v.unlock()
	v.deliver()
	t.clearSlow(taskBusy)
}

// maxAgain is the number of recursions of readers of a class that are looked at again
// and again for the sake of a writer.
const maxAgain = 512

// record enters an observation of t taking m; 0: a table is full.
func (v *Validator) record(t *Task, m *Map, pc uintptr, mode Mode, key uint64, kind uint8, pcs []uintptr) ObsID {
	o := observation{key: key, goid: t.goid, test: t.test, kind: kind, line: v.lineOf(t)}
	o.lock = heldRec{site: v.siteAt(pc), mode: mode}
	if m != nil {
		o.lock.addr = uint64(uintptr(unsafe.Pointer(m)))
		o.lock.birth = v.birthOf(uintptr(unsafe.Pointer(m)), m.serial())
		o.lock.class = v.classOf(t, m)
	}
	if v.host.Init != nil && v.host.Init() {
		o.flags |= obsInit
	}
	o.held = v.nheld
	for i := uint32(0); i < t.depth; i++ {
		if v.phantom(t.at(i)) != isHeld {
			continue
		}
		h := v.recOf(t.at(i))
		if h.addr == o.lock.addr && t.at(i).serial() == uint32(o.lock.birth)&serialMask {
			h.birth = o.lock.birth // whatever happened to its entry meanwhile
		}
		if !v.addHeld(&o, h) {
			break
		}
	}
	v.addGuards(&o, t)
	o.stack = v.captured(pcs, pc)
	o.origin = v.siteAt(t.origin)
	v.noteClosed(&o, t)
	return v.addObs(o)
}

// maxMakers is how far up it is looked for locks that span goroutines.
const maxMakers = 4

// addGuards notes what the goroutine that made t's one held then and holds
// still, and so on: if it waits for t, nobody else has that lock meanwhile. The
// others' stacks may change while they are read; a lock that somebody waits
// with is not among what changes.
func (v *Validator) addGuards(o *observation, t *Task) {
	o.guard = v.nheld
	for n := 0; n < maxMakers && t.maker != 0; n++ {
		p := v.makerTask(t)
		if p == nil {
			return // it ended
		}
		for i := uint32(0); i < madeHolding(t.maker); i++ {
			h, ok := p.peek(i)
			if !ok || h.flags()&heldGot == 0 || h.class() == 0 {
				break
			}
			if v.gone(p, &h) {
				continue
			}
			if v.nheld >= uint32(len(v.held)) || o.guards == 255 {
				return
			}
			g := v.recOf(&h)
			g.owner = p.goid
			v.held[v.nheld] = g
			v.nheld++
			o.guards++
		}
		t = p
	}
}

func (v *Validator) addHeld(o *observation, h heldRec) bool {
	if v.nheld >= uint32(len(v.held)) {
		v.full(tabHeld, v.lim.HeldRecords)
		o.flags |= obsPartial
		return false
	}
	if h.class == 0 {
		o.flags |= obsPartial
		return true
	}
	v.held[v.nheld] = h
	v.nheld++
	o.n++
	return true
}

func (v *Validator) addObs(o observation) ObsID {
	v.placed(&o)
	id := v.freeObs
	switch {
	case id != 0:
		v.freeObs = v.obs[id].newer
	case v.nobs+1 < uint32(len(v.obs)):
		v.nobs++
		id = ObsID(v.nobs)
	default:
		v.full(tabObservations, v.lim.Observations)
		if o.held < v.nheld {
			v.nheld = o.held
		}
		return 0
	}
	o.loose, o.at = v.lazily, v.collected()
	if k := &v.classes[o.lock.class]; o.loose {
		if k.neager < maxEager {
			k.neager++
		} else {
			o.lazy = true
		}
	}
	v.obs[id] = o
	if !o.lazy {
		v.journalObs(id)
	}
	return id
}

// tagged uses the tags in the locks: if the held lock u was last nested in an
// instance of the lock that is taken now, then the pair m -> u is known, also
// when its chain was in the cache at that time. It becomes a sample of the
// dependency m -> u, with the observation that first made the dependency as
// its evidence.
func (v *Validator) tagged(t *Task, m *Map) {
	if t.depth == 0 {
		return
	}
	c := v.classOf(t, m)
	u := t.at(t.depth - 1)
	if u.class() == 0 || u.class() == c || u.serial() == 0 || m.serial() == 0 {
		return
	}
	ed := v.edgeFind(c, u.class())
	if ed == 0 {
		return
	}
	inner := heldRec{addr: uint64(u.inst), birth: v.birthOf(u.inst, u.serial())}
	outer := heldRec{addr: uint64(uintptr(unsafe.Pointer(m))), birth: v.birthOf(uintptr(unsafe.Pointer(m)), m.serial())}
	goid, ok := v.taggedIn(&inner, &outer)
	if !ok {
		return
	}
	for s := v.edges[ed].samples; s != 0; s = v.samples[s].next {
		w := &v.obs[v.samples[s].obs]
		if v.held[w.held+uint32(v.samples[s].from)].is(&outer) && w.lock.is(&inner) {
			return // known already
		}
	}
	// The tag was made with nothing else held, both locks for writing: by that
	// chain, whose first observation is the template.
	var w observation
	var x heldRec
	flags := obsTag
	for s := v.edges[ed].samples; s != 0; s = v.samples[s].next {
		y := &v.obs[v.samples[s].obs]
		if z := v.held[y.held]; y.n == 1 && y.kind == obsLock && y.lock.mode == Write && z.mode == Write && !z.try {
			w, x = *y, z
			flags |= y.flags & obsInit
		}
	}
	if w.kind == 0 {
		return
	}
	x.birth, x.addr = outer.birth, outer.addr
	w.lock.birth, w.lock.addr = inner.birth, inner.addr
	w.goid = w.goid&^0xffff | uint64(goid)
	if goid == uint16(t.goid) {
		w.goid = t.goid
	}
	w.flags |= flags
	w.key = 0
	from, guards := w.guard, w.guards
	w.held, w.n, w.guards = v.nheld, 0, 0
	w.again, w.loose, w.instead, w.refs, w.selfs, w.sample, w.older, w.newer, w.lazy, w.found = 0, false, false, 0, 0, 0, 0, 0, false, false
	if !v.addHeld(&w, x) {
		return
	}
	for w.guard = v.nheld; w.guards < guards && v.nheld < uint32(len(v.held)); w.guards++ {
		v.held[v.nheld] = v.held[from+uint32(w.guards)]
		v.nheld++
	}
	if nid := v.addObs(w); nid != 0 {
		v.observe(nid)
	}
}

// observe draws the conclusions of an observation. Locked.
func (v *Validator) observe(id ObsID) {
	o := &v.obs[id]
	c := o.lock.class
	switch o.kind {
	case obsWait:
		return
	case obsWriter:
		v.addWriter(id)
		return
	case obsOrphan:
		v.foundOrphan(id)
		return
	case obsNotHeld, obsHeld, obsMight:
		v.foundMisuse(id)
		return
	case obsLeak:
		v.foundLeak(id)
		return
	case obsEvent:
		v.judgeEvent(id)
		return
	case obsWithout:
		v.judgeRefuted(o.event, o.wait, c)
		return
	}
	if c == 0 || v.classes[c].flags&classNoValidate != 0 {
		return
	}
	near, again := 0, -1
	for i := int(o.n) - 1; i >= 0; i-- {
		h := &v.held[o.held+uint32(i)]
		if h.class == c {
			if h.is(&o.lock) {
				again = max(again, i)
				continue
			}
			if near++; near > maxNear {
				continue
			}
		}
		v.depend(id, i)
	}
	if again >= 0 {
		if o.lock.mode == Read && v.held[o.held+uint32(again)].mode == Read && (!o.loose || v.classes[c].nagain < maxAgain) {
			o.refs++ // kept for good
			o.again = v.classes[c].again
			v.classes[c].again = id
			if v.classes[c].nagain++; v.classes[c].nagain >= maxAgain {
				v.classes[c].clear(classAwaits)
			}
		}
		v.recursion(id, again)
	}
}
