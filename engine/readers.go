package engine

// This file judges readers that wait for each other. Two readers do so only with a
// writer between them:
//
//	reader A: RLock(x)  holds
//	writer:   Lock(x)   waits for A
//	reader B: RLock(x)  waits for the writer, and keeps A from going on
//
// A and B are one goroutine in a recursion, and two sides of a cycle otherwise.
//
// Three conditions are necessary, and a finding at likely has evidence for each.
//
//  1. The writer writes x, the very instance. A writer of another instance shows that
//     code exists which writes such locks, not that x is ever written.
//  2. The writer is a goroutine of its own. While A holds and B waits, neither can call
//     Lock. So a writer that was only seen on the readers' goroutines is no third party.
//  3. The writer can stand there while the readers do. It shares no lock with them that
//     keeps it out; and it is not over before a reader's goroutine was made, as the
//     writing of a constructor is, of this instance or of another (see before).
//
// Which of them a writer fails says what it is worth: with 1 or 2 the finding is
// possible, with 3 the writer is none.

// A fit says how well a writer fits between readers: the reason why a finding with it
// is at most possible, or none. The better one is lower.
type fit = Why

// better reports whether a writer of fit a is to be preferred to one of fit b.
func better(a, b fit) bool { return a < b }

// joint finds the observed writer that fits best between two sides of the path of n
// samples that meet as readers in lock l.
func (v *Validator) joint(l *heldRec, proc uint32, n int, how strictness) (best SampleID, cap fit, why Why) {
	why = WhyNoWriter
	for more := true; more; {
		for w := v.classes[l.class].writers; w != 0; w = v.samples[w].next {
			v.steps++
			x, not := v.stands(w, l, proc, n, how)
			if not != 0 {
				why |= not
				continue
			}
			if best == 0 || better(x, cap) {
				best, cap = w, x
			}
			if cap == 0 {
				return best, 0, 0
			}
		}
		more = how == exactCycle && proc == 0 && v.recall(l, 0, n)
	}
	if how == exactCycle && proc == 0 {
		v.await(l, 0)
	}
	if why&WhyGate != 0 {
		why = WhyGate
	}
	return best, cap, why
}

// stands says how writer w fits between the sides of the path of n samples, or why it
// cannot stand there.
func (v *Validator) stands(w SampleID, l *heldRec, proc uint32, n int, how strictness) (x fit, not Why) {
	id := v.samples[w].obs
	o := &v.obs[id]
	same := o.proc == proc && o.lock.is(l)
	if !same && how > classCycle {
		x = WhyOtherWriter
		if how == exactCycle {
			how = classCycle // instances of another lock's writer say nothing of these
		}
	}
	for i := 0; i < n; i++ {
		s := v.samples[v.path[i]].obs
		if !v.compatible(id, s, how) {
			return 0, WhyGate
		}
		if how != stuckCycle && v.obs[s].meetsReaders(v) && v.before(o, &v.obs[s]) {
			return 0, WhyNoWriter
		}
		if same && how != stuckCycle && o.goid == v.obs[s].goid {
			x = WhyWriterReads
		}
	}
	return x, 0
}

// recursion judges an acquisition of a lock that the goroutine holds already,
// as its i-th held lock. A writer in it waits for ever; two readers do if a writer
// comes between them.
func (v *Validator) recursion(id ObsID, i int) {
	o := &v.obs[id]
	h := &v.held[o.held+uint32(i)]
	f := finding{kind: KindRecursive, level: Proved, obs: id, held: uint16(i)}
	f.pending = v.classes[o.lock.class].flags&classOnce == 0 && o.flags&obsStuck == 0
	if v.classes[o.lock.class].flags&classHandoff != 0 {
		f.level, f.why = Suppressed, WhyHandoff
	} else if h.mode == Read && o.lock.mode == Read {
		f.kind = KindRecursiveRead
		f.pending = false
		v.readAgain(id, &f)
	}
	v.best = f
	v.enter()
}

// readAgain gives a recursion of readers its writer and level.
func (v *Validator) readAgain(id ObsID, f *finding) {
	o := &v.obs[id]
	k := &v.classes[o.lock.class]
	best, cap, why := v.between(id)
	if (best == 0 || cap != 0) && o.proc == 0 {
		if v.recall(&o.lock, id, 0) {
			best, cap, why = v.between(id)
		}
		if (best == 0 || cap != 0) && k.flags&classYields == 0 {
			v.await(&o.lock, o.goid)
		}
	}
	f.writers[0] = best
	switch {
	case best == 0:
		f.level, f.why = Suppressed, why
		return
	case o.flags&obsStuck != 0:
		f.level = Proved
		return
	}
	f.why = cap
	if o.flags&obsInit != 0 {
		f.why |= WhyInit
	}
	if k.flags&classYields != 0 {
		f.why |= WhyYields
	}
	if k.flags&classOverwritten != 0 {
		f.why |= WhyOverwritten
	}
	if f.level = Likely; f.why != 0 {
		f.level = Possible
	}
}

// between finds the observed writer that fits best between the two readings of
// observation id.
//
// The goroutine reads twice and writes, or reads twice and then makes the goroutine
// that writes: that is one order of one goroutine, not three parties. It is possible,
// as another goroutine may run the same code.
func (v *Validator) between(id ObsID) (best SampleID, cap fit, why Why) {
	o := &v.obs[id]
	why = WhyNoWriter
	for w := v.classes[o.lock.class].writers; w != 0; w = v.samples[w].next {
		wid := v.samples[w].obs
		q := &v.obs[wid]
		same := q.proc == o.proc && q.lock.is(&o.lock)
		if v.before(q, o) {
			continue
		}
		if !v.compatible(wid, id, classCycle) && !v.onlyItself(wid, id) {
			why = WhyGate
			continue
		}
		var x fit
		switch {
		case !same:
			x = WhyOtherWriter
		case q.goid == o.goid:
			x = WhyWriterReads
		case v.before(o, q):
			x = WhyWriterLater
		}
		if best == 0 || better(x, cap) {
			best, cap = w, x
		}
		if x == 0 {
			break
		}
	}
	return best, cap, why
}

// onlyItself reports whether a writer's observation has no lock in common with
// the reader's but the class of the lock itself.
func (v *Validator) onlyItself(w, id ObsID) bool {
	x, y := &v.obs[w], &v.obs[id]
	for i := uint32(0); i < uint32(x.n); i++ {
		g := &v.held[x.held+i]
		for j := uint32(0); j < uint32(y.n); j++ {
			h := &v.held[y.held+j]
			if g.class == h.class && h.class != y.lock.class && !(g.mode == Read && h.mode == Read) {
				return false
			}
		}
	}
	return true
}

// heldAgain returns the place of the held lock that observation id takes again, the
// topmost; -1: none.
func (v *Validator) heldAgain(id ObsID) int {
	o := &v.obs[id]
	for i := int(o.n) - 1; i >= 0; i-- {
		if h := &v.held[o.held+uint32(i)]; h.class == o.lock.class && h.is(&o.lock) {
			return i
		}
	}
	return -1
}

// yielding reports whether who writes a lock of that class first makes the readers
// let go.
//
// Tx.closemu: Commit, Rollback and the goroutine that waits for the end of the context
// cancel the transaction's context before they lock it (database/sql/sql.go), and each
// of its Rows then closes itself, which ends its read lock. So the writer does not wait
// for a reader that waits for it.
func yielding(class string) bool { return class == "database/sql.Tx.closemu" }
