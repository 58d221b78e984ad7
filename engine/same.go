package engine

// judgeSame looks for a cycle of instances of one class through sample s: the
// order of instances is learned, whatever it follows (addresses, parents
// before children, numbers), and only a contradiction is a finding.
//
// What is no news is not looked for: a possible cycle where one as short is a finding
// of the class already, and a likely one where the class can have none, as its
// locks are handed over or overwritten, or one goroutine made all its pairs.
func (v *Validator) judgeSame(ed EdgeID, s SampleID) {
	o := &v.obs[v.samples[s].obs]
	h := &v.held[o.held+uint32(v.samples[s].from)]
	c := v.edges[ed].from
	k := &v.classes[c]
	if h.addr >= o.lock.addr {
		k.set(classDescending)
	}
	if h.addr < o.lock.addr {
		k.set(classAscending)
	}
	// All pairs go one way, in memory or by their ranks: there is no cycle among them.
	if k.flags&(classAscending|classDescending) != classAscending|classDescending || k.flags&classTangled == 0 {
		return
	}
	likely := k.flags&(classHandoff|classOverwritten) == 0 && k.flags&classMany != 0 && !v.weak(v.samples[s].obs)
	if !likely && k.least == 2 && o.flags&obsStuck == 0 {
		return
	}
	v.searches++
	v.spend(c)
	v.best = finding{}
	v.path[0] = s
	if !v.stuckSame(o.flags&obsStuck != 0) && o.flags&obsPartial == 0 {
		v.searchSame(k, s, likely)
	}
	v.spent(c)
}

// stuckSame looks for a cycle of goroutines that stand there for ever.
func (v *Validator) stuckSame(stuck bool) bool {
	left := v.credit
	v.credit = max(left, maxSteps)
	for n := 2; n <= maxCycle && stuck && v.best.kind == 0; n++ {
		v.extendSame(1, n, stuckCycle, Proved)
	}
	v.credit = left
	return v.enterSame()
}

// searchSame looks for cycles through s from the shortest on. A cycle of two is
// looked for in any case; longer ones where the order of instances has them.
func (v *Validator) searchSame(k *class, s SampleID, likely bool) {
	top, aim := Suppressed, Possible
	if likely {
		aim = Likely
	}
	v.least = Possible
	left := v.credit
	v.credit = max(left, maxSteps/4)
	v.extendSame(1, 2, exactCycle, aim)
	v.credit = left
	if v.enterSame() {
		top = v.best.level
	}
	most := maxCycle // of a possible cycle
	if k.least != 0 {
		most = int(k.least) - 1
	}
	possible, sure := 0, 0 // sides of the shortest
	if top < Possible && most > 2 {
		possible = v.shortest(s, most, false)
	}
	if top < Likely && likely {
		sure = v.shortest(s, maxCycle, true)
	}
	for n := 3; n <= maxCycle && top < aim; n++ {
		weak := possible != 0 && n >= possible && n <= most && top < Possible
		strong := sure != 0 && n >= sure
		if !weak && !strong {
			continue
		}
		v.best = finding{}
		stop := Possible
		if strong {
			stop = Likely
		}
		v.least = Likely
		if weak {
			v.least = Possible
		}
		v.extendSame(1, n, exactCycle, stop)
		if v.best.level > top && v.best.level >= v.least && v.enterSame() {
			top = v.best.level
		}
	}
}

// enterSame enters the cycle that was found, if there is one.
func (v *Validator) enterSame() bool {
	if v.best.kind == 0 {
		return false
	}
	v.best.kind = KindSameClass
	v.enter()
	k := &v.classes[v.edges[v.samples[v.best.samples[0]].edge].from]
	if k.least == 0 || v.best.n < k.least {
		k.least = v.best.n
	}
	return true
}

// extendSame prolongs the path of n samples to one of exactly max samples that
// closes, and stops at one of level aim.
func (v *Validator) extendSame(n, max int, how strictness, aim Level) {
	cur := v.path[n-1]
	first := v.path[0]
	x := &v.obs[v.samples[cur].obs]
	c := x.lock.class
	for s := SampleID(*v.pairSlot(c, &x.lock)); s != 0; s = v.samples[s].pair {
		if !v.step(1) {
			return
		}
		y := &v.obs[v.samples[s].obs]
		if y.lock.class != c || !v.sameInstance(cur, s) || how == stuckCycle && y.flags&obsStuck == 0 {
			continue
		}
		closes := v.sameInstance(s, first)
		if closes != (n+1 == max) || how == exactCycle && v.least == Likely && v.weak(v.samples[s].obs) {
			continue
		}
		ok := true
		for i := 0; i < n && ok; i++ {
			a := v.samples[v.path[i]].obs
			v.step((uint32(v.obs[a].n)*uint32(y.n) + 7) / 8)
			ok = v.compatible(a, v.samples[s].obs, exactCycle)
		}
		if !ok {
			continue
		}
		v.path[n] = s
		if !closes {
			v.extendSame(n+1, max, how, aim)
			if v.best.level >= aim {
				return
			}
			continue
		}
		if f, _ := v.weigh(n+1, how); f.kind != 0 && f.level > v.best.level {
			v.best = f
			if f.level >= aim {
				return
			}
		}
	}
}
