package engine

import "unsafe"

// This file finds goroutines that wait for each other, at the moment the last
// of them goes to sleep.
//
// A goroutine that sleeps until it gets a lock is in the list of waits if it is
// in the way of others: if it holds locks, or is a writer that readers queue
// behind. A knot is a set of waits of which each is kept waiting by the next.
// None of them can go on: each would have to let go of a lock first, and sleeps
// until another one does. Go lets any goroutine unlock, so a lock that was ever
// released by another goroutine than the one that took it is not followed.
//
// The last of a knot to sleep finds it, and it can only be the last if somebody
// waits for what it holds: where that is not so, which is nearly always, there
// is nothing to search.
type wait struct {
	next, prev uint32 // the list; free ones are linked by next
	task       uint32
	inst       uintptr
	mode       Mode
	queued     bool   // a writer that only waits for the readers before it
	n          uint16 // of pcs
	seen       uint32 // generation of the last search that came here
	by         uint32 // the wait that this one keeps waiting, in that search
	link       uint32 // the next one that the search came to
	pcs        [32]uintptr
}

const (
	maxWaits    = 1 << 13
	waitBuckets = 1 << 10
	waitSteps   = 1 << 18 // bounds one search
)

func waitBucket(inst uintptr) uint32 { return uint32(pcHash(inst)>>20) % waitBuckets }

// Blocked records that t, which announced that it takes m, goes to sleep for
// it, and reports a knot that this closes. queued: t writes, and waits for the
// readers of m alone.
func (v *Validator) Blocked(t *Task, m *Map, queued bool) {
	if t == nil || t.depth == 0 || t.slow&(taskBusy|taskBlind) != 0 {
		return
	}
	inst := uintptr(unsafe.Pointer(m))
	h := t.top()
	if h.inst != inst || h.flags()&heldGot != 0 {
		return // a lock that nobody announced: one of the standard library's own
	}
	if h.flags()&heldSlept == 0 {
		h.word |= uint64(heldSlept) << flagShift
		v.contended(h)
		if t.depth > 1 && v.waitsForItself(t) {
			v.hang()
		}
	}
	if t.depth == 1 && !queued {
		return
	}
	if t.wait != 0 && !queued {
		return // woken, and too late
	}
	var pcs [len(wait{}.pcs)]uintptr
	n := callers(3, pcs[:])
	t.setSlow(taskBusy)
	hang := false
	v.lock()
	if w := v.waitOf(t, inst); w != 0 {
		x := &v.waits[w]
		x.mode, x.queued, x.n, x.pcs = h.mode(), queued, uint16(n), pcs
		if queued {
			h.word |= uint64(heldQueued) << flagShift
		}
		if v.awaited(t, x) {
			hang = v.knot(w)
			v.flush()
		}
	}
	v.unlock()
	v.deliver()
	if hang {
		v.hang()
	}
	t.clearSlow(taskBusy)
}

// waitOf enters t's wait for inst, if it is not in the list; 0: the table is full.
func (v *Validator) waitOf(t *Task, inst uintptr) uint32 {
	if t.wait != 0 {
		return t.wait
	}
	w := v.freeWait
	switch {
	case w != 0:
		v.freeWait = v.waits[w].next
	case v.nwaits+1 < uint32(len(v.waits)):
		v.nwaits++
		w = v.nwaits
	default:
		v.full(tabWaits, uint32(len(v.waits)))
		return 0
	}
	x := &v.waits[w]
	x.task, x.inst, x.prev, x.next = t.id, inst, 0, v.waitList
	if x.next != 0 {
		v.waits[x.next].prev = w
	}
	v.waitList = w
	v.waitCount[waitBucket(inst)]++
	t.wait = w
	t.setSlow(taskWaits)
	return w
}

// unwait takes t's wait out of the list.
func (v *Validator) unwait(t *Task) {
	v.lock()
	w := t.wait
	x := &v.waits[w]
	if x.prev != 0 {
		v.waits[x.prev].next = x.next
	} else {
		v.waitList = x.next
	}
	if x.next != 0 {
		v.waits[x.next].prev = x.prev
	}
	v.waitCount[waitBucket(x.inst)]--
	x.next, v.freeWait = v.freeWait, w
	t.wait = 0
	t.clearSlow(taskWaits)
	v.unlock()
}

// awaited reports whether anybody may wait for what t, whose wait is x, keeps.
func (v *Validator) awaited(t *Task, x *wait) bool {
	if x.queued && v.waitCount[waitBucket(x.inst)] > 1 {
		return true
	}
	for i := uint32(0); i+1 < t.depth; i++ {
		if v.waitCount[waitBucket(t.at(i).inst)] != 0 {
			return true
		}
	}
	return false
}

// blocks reports whether u is in x's way: x sleeps at least until u, which
// sleeps as well, does something.
//
//   - who writes waits for the writer that has the lock or queues for it, and
//     once it is queued itself for every reader that has the lock;
//   - who reads waits for the writer that has the lock or queues for it.
func (v *Validator) blocks(u, x *wait) bool {
	t := v.task(u.task)
	for i := uint32(0); i < t.depth; i++ {
		h := t.at(i)
		if h.inst != x.inst || v.classFlags(h.class())&classHandoff != 0 {
			continue
		}
		if h.keepsOut(x) {
			return true
		}
	}
	return false
}

// keepsOut reports whether h, an entry of the lock that x waits for, is in its way.
func (h *Held) keepsOut(x *wait) bool {
	if h.flags()&heldGot == 0 { // who has h waits for the lock, too
		return h.flags()&heldQueued != 0 && !x.queued
	}
	return h.mode() == Write || x.queued
}

// knot looks for a knot that wait w closes and enters it as a finding;
// false: there is none. Locked.
func (v *Validator) knot(w uint32) bool {
	v.gen++
	v.waits[w].seen, v.waits[w].by, v.waits[w].link = v.gen, 0, 0
	steps := 0
	for x, last := w, w; x != 0; x = v.waits[x].link {
		for u := v.waitList; u != 0; u = v.waits[u].next {
			if steps++; steps > waitSteps {
				v.cut++
				return false
			}
			if v.waits[u].seen == v.gen || !v.blocks(&v.waits[u], &v.waits[x]) {
				continue
			}
			v.waits[u].seen, v.waits[u].by, v.waits[u].link = v.gen, x, 0
			v.waits[last].link = u
			last = u
			if v.blocks(&v.waits[w], &v.waits[u]) && v.certainly(w, u) {
				for ; u != 0; u = v.waits[u].by {
					v.stuck(&v.waits[u])
					v.task(v.waits[u].task).doomed = doomedForEver
				}
				return true
			}
		}
	}
	return false
}

// certainly reports whether the knot of wait w, which keeps u waiting, which keeps
// the next one waiting, and so on back to w, is one of locks that are really held.
func (v *Validator) certainly(w, u uint32) bool {
	for k, x := w, u; ; k, x = x, v.waits[x].by {
		if x == 0 {
			return true
		}
		if !v.certain(&v.waits[k], &v.waits[x]) {
			return false
		}
	}
}

// stuck records that wait x is one of a knot: evidence with these very
// instances, whatever was recorded of its chain before.
func (v *Validator) stuck(x *wait) {
	t := v.task(x.task)
	if t.depth < 2 {
		return // a writer that holds nothing: the others show it
	}
	top := t.at(t.depth - 1)
	o := observation{goid: t.goid, test: t.test, kind: obsLock, flags: obsStuck, held: v.nheld}
	o.lock = v.recOf(top)
	for i := uint32(0); i+1 < t.depth; i++ {
		if v.gone(t, t.at(i)) || v.phantom(t.at(i)) != isHeld {
			continue
		}
		if !v.addHeld(&o, v.renamed(v.recOf(t.at(i)))) {
			break
		}
	}
	o.stack = v.capture(x.pcs[:x.n], top.pc)
	o.origin = v.siteAt(t.origin)
	v.best.pending = false
	v.learned++
	if id := v.addObs(o); id != 0 {
		v.observe(id)
	}
}

// renamed gives a held lock of a weak class the class under which somebody waits
// for it, who took it later: the lock may have left the weak class since.
// Otherwise the sides of a knot would not meet in one class.
func (v *Validator) renamed(r heldRec) heldRec {
	for u := v.waitList; u != 0 && v.classFlags(r.class)&classWeak != 0; u = v.waits[u].next {
		if uint64(v.waits[u].inst) == r.addr {
			if c := v.task(v.waits[u].task).top().class(); c != 0 {
				r.class = c
			}
			break
		}
	}
	return r
}

func (v *Validator) recOf(h *Held) heldRec {
	return heldRec{
		addr: uint64(h.inst), birth: v.birthOf(h.inst, h.serial()), site: v.siteAt(h.pc),
		class: h.class(), mode: h.mode(), try: h.flags()&heldTry != 0,
	}
}
