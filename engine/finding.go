package engine

import (
	"sync/atomic"
	"unsafe"
)

// A finding is a cycle, a recursion or a lock left behind. Cycles are known by
// their set of class pairs: each is entered once, and again only when a more
// certain level is reached.
type finding struct {
	hash    uint64
	obs     ObsID  // where it is no cycle: the observation
	held    uint16 // and which held lock; none: noHeld
	kind    Kind
	level   Level
	n       uint8 // sides of the cycle
	pending bool  // held back by the host: it may still turn out to be a hand-over
	why     Why
	samples [maxCycle]SampleID
	writers [maxCycle]SampleID // the writer queued between side i and the next, for readers
}

// identity hashes what makes a finding the same finding.
func (v *Validator) identity(f *finding) uint64 {
	h := uint64(f.kind) * 0x9e3779b97f4a7c15
	if f.n == 0 {
		o := &v.obs[f.obs]
		return mix(h, o.lock.class, 0) ^ uint64(o.lock.site)<<20
	}
	for i := 0; i < int(f.n); i++ {
		e := &v.edges[v.samples[f.samples[i]].edge]
		x := mix(uint64(e.from)*0xc4ceb9fe1a85ec53, e.to, 0)
		h += x ^ x>>29
	}
	return h
}

// enter puts v.best into the table of findings or raises the one that is there.
func (v *Validator) enter() {
	f := v.best
	if f.level == Likely && v.doubt(&f) {
		f.level, f.why = Possible, f.why|WhyOverwritten
	}
	f.hash = v.identity(&f)
	id, news := FindingID(0), true
	for i := uint32(1); i <= v.nfindings; i++ {
		if v.findings[i].hash == f.hash && v.findings[i].kind == f.kind {
			id = FindingID(i)
			break
		}
	}
	if id == 0 {
		if v.nfindings+1 >= uint32(len(v.findings)) {
			v.full(tabFindings, v.lim.Findings)
			return
		}
		v.nfindings++
		id = FindingID(v.nfindings)
		atomic.StoreUint32(&v.counts[id], 1)
		v.findings[id] = f
	} else {
		old := &v.findings[id]
		if f.level < old.level || f.level == old.level && !f.nearer(old) {
			return
		}
		news = f.level > old.level
		if news {
			atomic.AddUint32(&v.counts[id], 1)
		}
		*old = f
	}
	v.pin(f.obs)
	for i := 0; i < len(f.samples); i++ {
		v.pin(v.samples[f.samples[i]].obs)
		v.pin(v.samples[f.writers[i]].obs)
	}
	if f.level == Suppressed || !news {
		return
	}
	if f.level == Proved {
		v.cover(&f)
	}
	v.countChain(id)
	for _, q := range v.queue[:v.nqueue] {
		if q == id {
			return
		}
	}
	if v.nqueue < uint32(len(v.queue)) {
		v.queue[v.nqueue] = id
		v.nqueue++
	}
}

// nearer reports whether f, of old's level, has the better evidence and so the better
// reason: the same instances, where old has others of their classes.
func (f *finding) nearer(old *finding) bool {
	const far = WhyInstances | WhyProcesses
	return f.level == Possible && old.why&far != 0 && f.why&far == 0
}

// countChain makes the chain that closes a finding count its repetitions.
func (v *Validator) countChain(id FindingID) {
	f := &v.findings[id]
	o := f.obs
	if f.n > 0 {
		o = v.samples[f.samples[0]].obs
	}
	if o != 0 && v.obs[o].key != 0 {
		if c := v.chainFind(v.obs[o].key); c != nil {
			v.setMeta(c, ^uint64(1<<metaTop-1), uint64(id)<<metaTop)
		}
	}
}

// deliver hands the findings that are new to the host.
func (v *Validator) deliver() {
	if v.host.Found == nil {
		return
	}
	for {
		v.lock()
		if v.nqueue == 0 {
			v.unlock()
			return
		}
		id := v.queue[0]
		v.nqueue--
		for i := range v.nqueue { // no copy: the race detector would hear of it
			v.queue[i] = v.queue[i+1]
		}
		v.unlock()
		v.host.Found(id)
	}
}

// An orphan is a lock whose goroutine ended without releasing it.
type orphan struct {
	rec    heldRec
	goid   uint64
	origin SiteID
	test   TestID
	used   bool
	told   bool // somebody wanted it, which is recorded once
}

const maxOrphans = 256

// orphanBit is a lock's bit in orphanBits, which tells most locks apart from
// those that were left behind without a search.
func orphanBit(inst uintptr) uint64 { return 1 << (pcHash(inst) >> 26 & 63) }

// orphan notes that t's goroutine ends with h held. Nothing is written to the
// lock: its memory may be gone.
func (v *Validator) orphan(t *Task, h *Held) {
	if h.class() == 0 || v.classFlags(h.class())&(classNoValidate|classHandoff) != 0 {
		return
	}
	v.lock()
	i := 0
	for i < maxOrphans-1 && v.orphanTab[i].used {
		i++
	}
	if !v.orphanTab[i].used {
		atomic.AddUint32(&v.orphans, 1)
	}
	atomic.StoreUint64(&v.orphanBits, v.orphanBits|orphanBit(h.inst))
	v.orphanTab[i] = orphan{
		rec:    v.recOf(h),
		goid:   t.goid,
		origin: v.siteAt(t.origin),
		test:   t.test,
		used:   true,
	}
	v.unlock()
}

// adoptOrphan forgets the orphan m, which another goroutine releases now. Locked.
func (v *Validator) adoptOrphan(m *Map) bool {
	for i := range v.orphanTab {
		if p := &v.orphanTab[i].rec; v.orphanTab[i].used && v.isLock(p, m) {
			v.orphanTab[i].used = false
			atomic.AddUint32(&v.orphans, ^uint32(0))
			return true
		}
	}
	return false
}

// checkOrphan reports m if it was left behind by a goroutine that ended.
func (v *Validator) checkOrphan(t *Task, m *Map, pc uintptr, mode Mode) {
	if t.slow&taskBusy != 0 || atomic.LoadUint64(&v.orphanBits)&orphanBit(uintptr(unsafe.Pointer(m))) == 0 || !v.wake(t) {
		return
	}
	var pcs [48]uintptr
	n := 0
	v.lock()
	for i := range v.orphanTab {
		p := &v.orphanTab[i]
		if !p.used || p.told || !v.isLock(&p.rec, m) ||
			p.rec.mode == Read && mode == Read { // a reader does not keep readers out
			continue
		}
		if v.host.Look != nil && v.untrue(p, t) {
			p.used = false
			atomic.AddUint32(&v.orphans, ^uint32(0))
			continue
		}
		p.told = true
		v.unlock()
		n = callers(4, pcs[:])
		t.setSlow(taskBusy)
		v.lock()
		o := observation{goid: t.goid, test: t.test, kind: obsOrphan, held: v.nheld, origin: p.origin}
		o.lock = heldRec{addr: p.rec.addr, birth: p.rec.birth, site: v.siteAt(pc), class: p.rec.class, mode: mode}
		if v.addHeld(&o, p.rec) {
			o.stack = v.capture(pcs[:n], pc)
			if id := v.addObs(o); id != 0 {
				v.observe(id)
			}
		}
		v.flush()
		v.unlock()
		v.deliver()
		t.clearSlow(taskBusy)
		return
	}
	v.unlock()
}

// foundOrphan enters the finding of an orphan that somebody wants.
func (v *Validator) foundOrphan(id ObsID) {
	f := finding{kind: KindExitHeld, level: Possible, obs: id, pending: true}
	if v.classes[v.obs[id].lock.class].flags&classHandoff != 0 {
		f.level, f.why = Suppressed, WhyHandoff
	}
	v.best = f
	v.enter()
}

const noHeld = 1<<16 - 1

// foundMisuse enters the finding that the program says of a lock what is not so.
func (v *Validator) foundMisuse(id ObsID) {
	o := &v.obs[id]
	f := finding{kind: KindAssertHeld, level: Proved, obs: id, held: noHeld}
	switch o.kind {
	case obsHeld:
		f.kind = KindAssertNotHeld
	case obsMight:
		f.kind, f.level = KindRecursive, Likely
	}
	for i := uint32(0); i < uint32(o.n); i++ {
		if h := &v.held[o.held+i]; h.class == o.lock.class && h.is(&o.lock) {
			f.held = uint16(i)
		}
	}
	v.best = f
	v.enter()
}
