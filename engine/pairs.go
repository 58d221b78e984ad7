package engine

import (
	"sync/atomic"
	"unsafe"
)

// This file bounds what is kept of pairs of instances. A program makes them by
// the million where it nests new locks in new locks of one class: a context in
// its parent, a node in its tree. Of those
//
//   - each class keeps the last maxSamplesSelf observations, in a ring. The first
//     of their chain, and those that are evidence for something else or take part in
//     a finding, are kept for good;
//   - the pairs of an observation that leaves the ring leave a mark in the table past,
//     by which an inversion of two is still found, with the stack of the first
//     observation of its chain;
//   - that the mark of a live pair was lost, or says too little, is said once for each
//     class: an inversion of the pair would be missed. Cycles of three and more instances
//     need pairs that are in the ring.
//
// An observation that leaves makes room in the tables of observations, held records
// and samples, so that no class takes another one's room.
//
// The samples of an edge on a cycle of classes make room in the same way: one whose
// locks are dead gives its place to a new one.
//
// After the first maxEager of a class, such an observation is written to the graph file when it
// takes part in a finding. That is enough: instances are compared within one process only,
// and the process itself has compared these. What classes say is in the first observation of the chain,
// which is in the file.

const maxEager = 256

// maxBlock is the number of held records of an observation up to which their
// room is used again: all that a goroutine can hold, and its guards.
const maxBlock = maxHeld + 255

// freeObservation takes observation id out of the tables. Nothing may refer to it. Locked.
func (v *Validator) freeObservation(id ObsID) {
	o := &v.obs[id]
	if n := uint32(o.n) + uint32(o.guards); n != 0 && n <= maxBlock {
		v.held[o.held] = heldRec{birth: uint64(v.freeHeld[n])}
		v.freeHeld[n] = o.held + 1
	}
	*o = observation{newer: v.freeObs}
	v.freeObs = id
}

// placed moves the held records of o, which are the last of their table, to a
// place that is free, if there is one of that size.
func (v *Validator) placed(o *observation) {
	n := uint32(o.n) + uint32(o.guards)
	if o.held+n != v.nheld || n == 0 || n > maxBlock || v.freeHeld[n] == 0 || o.guards != 0 && o.guard != o.held+uint32(o.n) {
		return
	}
	at := v.freeHeld[n] - 1
	v.freeHeld[n] = uint32(v.held[at].birth)
	for i := uint32(0); i < n; i++ { // not copy, of which the race detector hears
		v.held[at+i] = v.held[o.held+i]
	}
	v.nheld = o.held
	o.held, o.guard = at, at+uint32(o.n)
}

// pin keeps an observation for a finding, and sees that it is in the graph file. Locked.
func (v *Validator) pin(id ObsID) {
	if id == 0 {
		return
	}
	o := &v.obs[id]
	o.found = true
	if o.lazy {
		o.lazy = false
		o.flags |= obsEvidence // whoever reads the file must not drop it
		v.journalObs(id)
	}
}

// settled decides what becomes of an observation that was judged. Locked.
func (v *Validator) settled(id ObsID, c ClassID) {
	o := &v.obs[id]
	switch {
	case !o.loose:
		return
	case o.refs != 0 && !o.instead:
		if o.lazy {
			o.lazy = false
			v.journalObs(id)
		}
	case o.selfs != 0:
		v.enterRing(id, c)
	case o.refs == 0 && !o.found:
		v.freeObservation(id)
	}
}

// enterRing makes id the newest of its class. Locked.
func (v *Validator) enterRing(id ObsID, c ClassID) {
	v.linkRing(id, c)
	if v.classes[c].nring > v.ringSize() {
		v.shrinkRing(c)
	}
}

func (v *Validator) linkRing(id ObsID, c ClassID) {
	k := &v.classes[c]
	v.obs[id].older = k.newest
	if k.newest != 0 {
		v.obs[k.newest].newer = id
	} else {
		k.oldest = id
	}
	k.newest = id
	k.nring++
}

func (v *Validator) unlinkRing(id ObsID, c ClassID) {
	k, o := &v.classes[c], &v.obs[id]
	if o.older != 0 {
		v.obs[o.older].newer = o.newer
	} else {
		k.oldest = o.newer
	}
	if o.newer != 0 {
		v.obs[o.newer].older = o.older
	} else {
		k.newest = o.older
	}
	k.nring--
	o.older, o.newer = 0, 0
}

// ringSize is the room of a class: the classes share the tables.
func (v *Validator) ringSize() uint32 { return min(maxSamplesSelf, v.lim.Observations/8) }

// minAge is the age of a pair, in garbage collections, from which on it is known
// whether its locks are there: what was made during a collection outlives it, the next
// one finds that it is garbage, and before the third begins all such memory is free.
const minAge = 3

// maxOldest is how many of the oldest are asked.
const maxOldest = 8

// shrinkRing takes one observation out of the ring of class c: one of the oldest whose
// lock is dead, else the oldest. Before that it keeps those that are known to be in use:
// they become the youngest, since a pair says less when it is out of the ring. They are
// a quarter of the ring at most, so that the others are in it for long enough to show whether
// they live. Locked.
func (v *Validator) shrinkRing(c ClassID) {
	k := &v.classes[c]
	id, x := ObsID(0), k.oldest
	for n := 0; x != 0 && n < maxOldest; n++ {
		newer := v.obs[x].newer
		if v.dead(x) {
			id = x
			break
		}
		switch o := &v.obs[x]; {
		case (o.kept || k.nkept < v.ringSize()/4) && v.inUse(x):
			if !o.kept {
				o.kept = true
				k.nkept++
			}
			v.unlinkRing(x, c)
			v.linkRing(x, c)
		case id == 0:
			id = x
		}
		x = newer
	}
	if id == 0 {
		id = k.oldest
	}
	if id == 0 {
		return
	}
	v.unlinkRing(id, c)
	o := &v.obs[id]
	if o.kept {
		o.kept = false
		k.nkept--
	}
	if o.found || o.refs != 0 {
		return // it stays in the tables
	}
	v.leave(id, c)
}

// leave removes the evidence of an observation of pairs of class c. Locked.
func (v *Validator) leave(id ObsID, c ClassID) {
	o := &v.obs[id]
	ed := v.edgeFind(c, c)
	for o.selfs != 0 {
		s := o.sample
		o.sample = v.samples[s].sibling
		if h := v.heldBy(s); !v.reborn(h) && !v.reborn(&o.lock) {
			lives := v.pairInUse(s)
			speaks := v.classes[c].model != 0 && h.mode == Write && o.lock.mode == Write // see recollect
			if !v.remember(h, &o.lock, o.goid, lives) || lives && !speaks {
				v.fullOf(tabPairs, 1<<pastBits, c)
			}
		}
		v.unlinkSelf(ed, s)
		o.selfs--
	}
	v.freeObservation(id)
}

// inUse reports whether both locks of a pair of observation id are known to be there.
func (v *Validator) inUse(id ObsID) bool {
	for s := v.obs[id].sample; s != 0; s = v.samples[s].sibling {
		if v.pairInUse(s) {
			return true
		}
	}
	return false
}

func (v *Validator) pairInUse(s SampleID) bool {
	o := &v.obs[v.samples[s].obs]
	return v.collected()-o.at >= minAge && v.lives(v.heldBy(s)) && v.lives(&o.lock)
}

func (v *Validator) collected() uint32 {
	if v.host.Collections == nil {
		return 0
	}
	return v.host.Collections()
}

// dead reports whether a lock of one of the pairs of observation id is known not to be any more.
func (v *Validator) dead(id ObsID) bool {
	o := &v.obs[id]
	if v.reborn(&o.lock) {
		return true
	}
	for i := uint32(0); i < uint32(o.n); i++ {
		if v.reborn(&v.held[o.held+i]) {
			return true
		}
	}
	return false
}

// reborn reports whether another lock was born at the address of h.
func (v *Validator) reborn(h *heldRec) bool {
	if h.birth == 0 {
		return false
	}
	if h.birth&birthFound != 0 {
		return h.birth != v.foundBirth(uint32(h.birth)&serialMask)
	}
	set, check := v.birthsAt(uintptr(h.addr))
	for i := range set {
		if w := atomic.LoadUint64(&set[i]); w != 0 && w&(1<<birthCheck-1) == check {
			return w>>birthCheck != h.birth
		}
	}
	return false
}

// lives reports whether the lock of h is known to be there still.
func (v *Validator) lives(h *heldRec) bool {
	if v.host.Word == nil || v.reborn(h) {
		return false
	}
	w, ok := v.host.Word(uintptr(h.addr) + unsafe.Offsetof(Map{}.sema))
	return ok && w>>serialShift&serialMask == uint32(h.birth)&serialMask // and it is no other object
}

// linkSelf enters sample s of class c's edge to itself. Locked.
func (v *Validator) linkSelf(ed EdgeID, s SampleID, h *heldRec) {
	p := v.pairSlot(v.edges[ed].from, h)
	x := &v.samples[s]
	x.pair = SampleID(*p)
	if x.pair != 0 {
		v.samples[x.pair].pairPrev = s
	}
	*p = uint32(s)
	if x.next != 0 {
		v.samples[x.next].prev = s
	}
	o := &v.obs[x.obs]
	x.sibling, o.sample = o.sample, s
	o.selfs++
	v.ordered(s)
}

// unlinkSelf takes sample s out of the lists. Locked.
func (v *Validator) unlinkSelf(ed EdgeID, s SampleID) {
	v.passNode(s)
	x := v.samples[s]
	e := &v.edges[ed]
	if x.prev != 0 {
		v.samples[x.prev].next = x.next
	} else {
		e.samples = x.next
	}
	if x.next != 0 {
		v.samples[x.next].prev = x.prev
	}
	e.n--
	if x.pairPrev != 0 {
		v.samples[x.pairPrev].pair = x.pair
	} else {
		o := &v.obs[x.obs]
		*v.pairSlot(e.from, &v.held[o.held+uint32(x.from)]) = uint32(x.pair)
	}
	if x.pair != 0 {
		v.samples[x.pair].pairPrev = x.pairPrev
	}
	v.freeSampleAt(s)
}

func (v *Validator) freeSampleAt(s SampleID) {
	v.samples[s] = sample{next: v.freeSample}
	v.freeSample = s
}

// newSample returns a place for a sample; 0: there is none. Locked.
func (v *Validator) newSample() SampleID {
	if s := v.freeSample; s != 0 {
		v.freeSample = v.samples[s].next
		return s
	}
	if v.nsamples+1 >= uint32(len(v.samples)) {
		v.full(tabSamples, v.lim.Samples)
		return 0
	}
	v.nsamples++
	return SampleID(v.nsamples)
}

// replaceDead makes room on a hot edge for the i-th held lock of observation id: a
// sample goes whose locks are dead, and which says nothing of the classes that the new one
// does not say. Locked.
func (v *Validator) replaceDead(e *edge, id ObsID, i int) bool {
	h := &v.held[v.obs[id].held+uint32(i)]
	prev := SampleID(0)
	for s := e.samples; s != 0; prev, s = s, v.samples[s].next {
		x := v.samples[s]
		o := &v.obs[x.obs]
		if o.found || o.kind != obsLock || o.flags&obsStuck != 0 || !v.dead(x.obs) || o.lock.mode != v.obs[id].lock.mode ||
			v.held[o.held+uint32(x.from)].mode != h.mode || !v.covers(id, x.obs) {
			continue
		}
		if prev != 0 {
			v.samples[prev].next = x.next
		} else {
			e.samples = x.next
		}
		e.n--
		v.freeSampleAt(s)
		if o.refs--; o.refs == 0 && o.selfs == 0 {
			v.freeObservation(x.obs)
		}
		v.obs[id].instead = true
		return true
	}
	return false
}

// past has the pairs that left a ring, in sets:
//
//	mark 47 | both locks lived when it left 1 | low bits of the goroutine 16
//
// A pair that is not known to live makes room first: it is one of many that nobody has
// any more, but the collector has not come yet.
const (
	pastBits  = 18
	pastWays  = 8
	pastLives = 1 << 16
	pastMark  = ^uint64(1<<17 - 1)
)

// pastAt returns the two sets that a pair may be in: with two to choose from, none is
// full long before most are.
func (v *Validator) pastAt(outer, inner *heldRec) (sets [2][]uint64, mark uint64) {
	h := bornPair(inner.birth^inner.addr<<16, outer.birth^outer.addr<<16)
	h ^= h >> 31
	for n := range sets {
		i := h >> (n * pastBits) & (1<<pastBits - pastWays)
		sets[n] = v.past[i : i+pastWays]
	}
	return sets, h & pastMark
}

// pastFind returns the place of the pair; nil: it is not remembered. Locked.
func (v *Validator) pastFind(outer, inner *heldRec) *uint64 {
	sets, mark := v.pastAt(outer, inner)
	for _, set := range sets {
		for i, w := range set {
			if w != 0 && w&pastMark == mark {
				return &set[i]
			}
		}
	}
	return nil
}

// remember notes that goroutine goid nested inner in outer; false: another pair that
// lived is forgotten for it. Locked.
func (v *Validator) remember(outer, inner *heldRec, goid uint64, lives bool) (kept bool) {
	place := v.pastFind(outer, inner)
	sets, mark := v.pastAt(outer, inner)
	kept = true
	if place == nil {
		place, kept = pastPlace(sets)
	}
	if !kept {
		place = &sets[0][goid%pastWays]
	}
	*place = mark | uint64(uint16(goid))
	if lives {
		*place |= pastLives
	}
	return kept
}

// pastPlace returns a place that is free in the set that has more of them, or one of a
// pair that is not known to live; false: there is none.
func pastPlace(sets [2][]uint64) (place *uint64, ok bool) {
	most := -1
	for _, set := range sets {
		free, at := 0, -1
		for i, w := range set {
			if w == 0 || w&pastLives == 0 && at < 0 {
				at = i
			}
			if w&pastLives == 0 {
				free++
			}
		}
		if at >= 0 && free > most {
			most, place = free, &set[at]
		}
	}
	return place, place != nil
}

// recollect makes an observation of the pair inner in outer out of what the table past has of it,
// if the pair of sample s, which is its inversion, is new. Locked.
func (v *Validator) recollect(ed EdgeID, s SampleID) {
	o := &v.obs[v.samples[s].obs]
	x, y := o.lock, v.held[o.held+uint32(v.samples[s].from)] // past: y was taken in x
	place := v.pastFind(&x, &y)
	if place == nil || o.proc != 0 {
		return
	}
	goid := uint64(uint16(*place))
	*place = 0
	// The first observation of such a pair, with nothing else held.
	w := v.classes[v.edges[ed].from].model
	if w == 0 || x.mode != Write || y.mode != Write {
		return
	}
	n := v.obs[w]
	a, b := v.held[n.held], n.lock
	a.addr, a.birth, b.addr, b.birth = x.addr, x.birth, y.addr, y.birth
	goid |= n.goid &^ 0xffff
	if uint16(o.goid) == uint16(goid) {
		goid = o.goid
	}
	m := observation{kind: obsLock, flags: obsTag | n.flags&obsInit, goid: goid, origin: n.origin, stack: n.stack, test: n.test, held: v.nheld, lock: b}
	if !v.addHeld(&m, a) {
		return
	}
	m.guard = v.nheld
	if id := v.addObs(m); id != 0 {
		v.addSample(ed, id, 0)
	}
}
