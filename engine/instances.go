package engine

// This file keeps the cost of a pair of instances of one class small, whatever
// the program does.
//
// Each instance has a rank: who is held has a lower one than who is wanted. A new
// pair that fits is on no cycle, and that is all there is to do. One that does not
// fit raises the ranks of what comes after it, or there is a cycle: then the class
// is tangled, and each new pair of it is searched for from then on.
//
// What is noted of an instance is in its node: the first sample in pairIdx that holds
// it. One that never held another has no node, and pairRank has a rank for all of
// those at its place, which is as high as any that an instance had there.
//
// All of that is counted in steps. A pair brings its class stepsPerPair of them, and
// the class has a store of maxCredit. A search that runs out is counted as one
// that was cut short.

const (
	stepsPerPair = 1024
	maxCredit    = 1 << 17
)

// spend begins a search for class c.
func (v *Validator) spend(c ClassID) {
	k := &v.classes[c]
	k.spent -= min(k.spent, stepsPerPair)
	v.steps, v.credit, v.ran = 0, maxCredit-k.spent, false
}

// spent ends it.
func (v *Validator) spent(c ClassID) {
	k := &v.classes[c]
	k.spent = min(k.spent+v.steps, maxCredit)
	v.pairSteps += uint64(v.steps)
	if v.ran {
		v.cut++
	}
}

// step takes n steps, and reports whether there were so many.
func (v *Validator) step(n uint32) bool {
	v.steps += n
	if v.steps > v.credit {
		v.ran = true
	}
	return !v.ran
}

// markGen begins a search that marks nodes: those with pairGen or more were seen.
func (v *Validator) markGen() {
	if v.pairGen += 2; v.pairGen == 0 {
		for i := range v.samples {
			v.samples[i].seen = 0
		}
		v.pairGen = 2
	}
}

// node returns the node of what sample s wants, or 0.
func (v *Validator) node(s SampleID) SampleID {
	o := &v.obs[v.samples[s].obs]
	t := SampleID(*v.pairSlot(o.lock.class, &o.lock))
	for t != 0 && !(v.pairClass(t) == o.lock.class && v.sameInstance(s, t)) {
		v.steps++
		t = v.samples[t].pair
	}
	return t
}

// pairClass is the class of the instances of sample s.
func (v *Validator) pairClass(s SampleID) ClassID { return v.edges[v.samples[s].edge].from }

// heldBy is what sample s holds.
func (v *Validator) heldBy(s SampleID) *heldRec {
	return &v.held[v.obs[v.samples[s].obs].held+uint32(v.samples[s].from)]
}

// alike returns the first of the samples from t on that holds what s holds.
func (v *Validator) alike(s, t SampleID) SampleID {
	h := v.heldBy(s)
	for ; t != 0; t = v.samples[t].pair {
		if v.pairClass(t) == v.pairClass(s) && v.heldBy(t).is(h) && v.obs[v.samples[t].obs].proc == v.obs[v.samples[s].obs].proc {
			return t
		}
		v.steps++
	}
	return 0
}

// passNode gives what sample s has as a node, which goes, to the next one.
func (v *Validator) passNode(s SampleID) {
	if v.alike(s, SampleID(*v.pairSlot(v.pairClass(s), v.heldBy(s)))) != s {
		return
	}
	if t := v.alike(s, v.samples[s].pair); t != 0 {
		v.samples[t].rank = v.samples[s].rank
	}
}

// ordered enters sample s, the newest, into the order of instances. Locked.
func (v *Validator) ordered(s SampleID) {
	x := &v.samples[s]
	o := &v.obs[x.obs]
	c := o.lock.class
	k := &v.classes[c]
	if k.single == 0 && k.flags&classMany == 0 {
		k.single = o.goid
	}
	if k.single != o.goid || o.proc != 0 {
		k.set(classMany)
	}
	v.pairs++
	if k.flags&classTangled != 0 {
		return
	}
	v.spend(c)
	if t := v.alike(s, x.pair); t != 0 {
		x.rank = v.samples[t].rank
	} else {
		x.rank = v.pairRank[v.pairAt(c, v.heldBy(s))]
	}
	switch n := v.node(s); {
	case v.sameInstance(s, s):
		k.set(classTangled)
	case n == 0:
		v.lift(s, x.rank+1)
	case x.rank < v.samples[n].rank:
	case v.precedes(n, s):
		k.set(classTangled)
	default:
		v.raise(c, s)
	}
	v.ran = false // it is not a search that was cut short: those of the class begin
	v.spent(c)
}

// precedes reports whether what s holds comes after node a, or might.
// Only what ranks no higher than it can be before it.
func (v *Validator) precedes(a, s SampleID) bool {
	v.markGen()
	q, n := v.pairQueue, 1
	q[0], v.samples[a].seen = uint32(a), v.pairGen
	for i := 0; i < n; i++ {
		at := SampleID(q[i])
		for t := at; t != 0; t = v.alike(at, v.samples[t].pair) {
			if !v.step(1) || v.sameInstance(t, s) {
				return true
			}
			m := v.node(t)
			if m == 0 || v.samples[m].seen == v.pairGen || v.samples[m].rank > v.samples[s].rank {
				continue
			}
			if n == len(q) {
				return true
			}
			v.samples[m].seen = v.pairGen
			q[n] = uint32(m)
			n++
		}
	}
	return false
}

// raise gives what s wants a higher rank than what it holds, and so on.
func (v *Validator) raise(c ClassID, s SampleID) {
	q, n := v.pairQueue, 1
	q[0] = uint32(v.lift(s, v.samples[s].rank+1))
	for i := 0; i < n; i++ {
		at := SampleID(q[i])
		for t := at; t != 0; t = v.alike(at, v.samples[t].pair) {
			if !v.step(1) || n == len(q) {
				v.classes[c].set(classTangled)
				return
			}
			if m := v.lift(t, v.samples[at].rank+1); m != 0 {
				q[n] = uint32(m)
				n++
			}
		}
	}
}

// lift gives what sample s wants that rank, if it has a lower one, and returns
// its node if that was raised.
func (v *Validator) lift(s SampleID, rank uint32) SampleID {
	o := &v.obs[v.samples[s].obs]
	p := &v.pairRank[v.pairAt(o.lock.class, &o.lock)]
	*p = max(*p, rank)
	n := v.node(s)
	if n == 0 || v.samples[n].rank >= rank {
		return 0
	}
	v.samples[n].rank = rank
	return n
}

// shortest returns how many sides the shortest cycle through sample s has at the
// least: 0 says that there is none with up to most. It looks at what one side must
// have beside s alone, so there may be none of that length. If likely, only
// samples that a likely finding can have count, of two goroutines or more.
//
// A node is looked at once, or twice if likely: a path to it of several
// goroutines goes on wherever one of one goroutine does, and closes more cycles.
func (v *Validator) shortest(s SampleID, most int, likely bool) int {
	first := v.node(s)
	if first == 0 {
		return 0
	}
	goid := v.obs[v.samples[s].obs].goid
	v.markGen()
	q, n, end, sides := v.pairQueue, 1, 1, 1
	q[0] = uint32(first) << 1
	for i := 0; i < n; i++ {
		if i == end {
			sides++
			end = n
		}
		if sides >= most {
			return 0
		}
		at := SampleID(q[i] >> 1)
		for t := at; t != 0; t = v.alike(at, v.samples[t].pair) {
			if !v.step(1) {
				return 0
			}
			two := uint32(0)
			if likely && (q[i]&1 != 0 || v.obs[v.samples[t].obs].goid != goid) {
				two = 1
			}
			if v.sameInstance(t, s) {
				if (two != 0) == likely && v.beside(s, t, likely) {
					return sides + 1
				}
				continue
			}
			m := v.node(t)
			if m == 0 || v.samples[m].seen >= v.pairGen+two || !v.beside(s, t, likely) {
				continue
			}
			if n == len(q) {
				v.ran = true
				return 0
			}
			v.samples[m].seen = v.pairGen + two
			q[n] = uint32(m)<<1 | two
			n++
		}
	}
	return 0
}

// beside reports whether sample t can be a side of a cycle of instances that has s.
func (v *Validator) beside(s, t SampleID, likely bool) bool {
	a, b := v.samples[s].obs, v.samples[t].obs
	if v.obs[b].flags&obsPartial != 0 || likely && v.weak(b) {
		return false
	}
	v.step((uint32(v.obs[a].n)*uint32(v.obs[b].n) + 7) / 8)
	return v.compatible(a, b, exactCycle) && !(likely && (v.spanned(a, b) || v.spanned(b, a)))
}

// weak reports whether no cycle of instances with observation id is likely: see weigh.
func (v *Validator) weak(id ObsID) bool {
	o := &v.obs[id]
	return o.flags&(obsInit|obsSerial|obsPartial) != 0 || o.kind == obsEvent
}
