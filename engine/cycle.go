package engine

// maxCycle is the longest cycle that is looked for.
const maxCycle = 8

// maxSteps bounds one search for a cycle.
const maxSteps = 20000

// How strictly a search joins the samples of a cycle.
type strictness uint8

const (
	anyCycle   strictness = iota // classes only, gates ignored: to say why there is no finding
	classCycle                   // classes only, no common gate
	exactCycle                   // each side waits for the very instance that the next one holds
	stuckCycle                   // and each stands there for ever
)

// judge looks for a cycle through edge ed in which s is ed's evidence, and
// enters the most certain one as a finding. A longer cycle over the edge is
// entered beside a shorter one only where it is more certain.
//
// A set of samples s0..sk-1 is a deadlock that can happen if k goroutines can
// stand at the same time each at its inner acquisition:
//
//		s0: holds x0, wants x1     s1: holds x1, wants x2   ...   sk-1: holds xk-1, wants x0
//
//	  - They can stand there together if no two of them hold a common lock: the
//	    held sets are disjoint, but for locks that both hold as readers (compatible).
//	  - Each waits for the next: one of the two ends of the lock between them is a
//	    writer, or both read and a writer of that lock can be queued between them,
//	    which must not be kept away by a lock that it shares with one of them (blocks).
//
// Both conditions are necessary, so a cycle that fails one is no finding; with
// the same instances and two goroutines they are what can be known without
// knowing the program's other synchronisation.
func (v *Validator) judge(ed EdgeID, s SampleID) {
	if s == 0 || v.refuted(&v.obs[v.samples[s].obs]) {
		return
	}
	v.searches++
	origin := v.edges[ed].from
	v.best = finding{}
	v.path[0] = s
	v.gen++
	v.reach(origin, true, v.mark2)
	var why Why
	top := Suppressed
	stuck := v.obs[v.samples[s].obs].flags&obsStuck != 0
	for n := 2; n <= maxCycle && (top < Likely || stuck && top < Proved); n++ {
		for _, how := range [...]strictness{stuckCycle, exactCycle, classCycle} {
			if how == stuckCycle && !stuck {
				continue
			}
			if how == classCycle && top >= Possible || how == exactCycle && top >= Likely {
				break
			}
			v.steps = 0
			why |= v.extend(1, n, how)
			if v.best.level > top {
				top = v.best.level
				v.enter()
				break
			}
			v.best = finding{}
		}
		v.best = finding{}
	}
	for n := 2; n <= maxCycle && top == Suppressed; n++ {
		v.steps = 0
		v.extend(1, n, anyCycle)
		if v.best.kind != 0 {
			v.best.why = why
			v.enter()
			return
		}
	}
}

// extend prolongs the path of n samples to one of exactly max samples that
// closes; it returns the reasons for which paths that closed were refused.
func (v *Validator) extend(n, max int, how strictness) (why Why) {
	cur := v.path[n-1]
	first := v.path[0]
	origin := v.edges[v.samples[first].edge].from
	at := v.edges[v.samples[cur].edge].to
	for e := v.classes[at].out; e != 0; e = v.edges[e].nextOut {
		x := &v.edges[e]
		closes := x.to == origin
		if x.from == x.to || closes != (n+1 == max) || v.mark2[x.to] != v.gen {
			continue
		}
		if !closes && v.onPath(x.to, n) {
			continue
		}
		for s := x.samples; s != 0; s = v.samples[s].next {
			if v.steps++; v.steps > maxSteps {
				v.cut++
				return why
			}
			if v.refuted(&v.obs[v.samples[s].obs]) {
				continue
			}
			if how >= exactCycle {
				if !v.sameInstance(cur, s) || closes && !v.sameInstance(s, first) {
					continue
				}
			}
			if how == stuckCycle && v.obs[v.samples[s].obs].flags&obsStuck == 0 {
				continue
			}
			if how != anyCycle {
				ok := true
				for i := 0; i < n; i++ {
					if !v.compatible(v.samples[v.path[i]].obs, v.samples[s].obs, how) {
						why |= WhyGate
						ok = false
						break
					}
				}
				if !ok {
					continue
				}
			}
			v.path[n] = s
			if !closes {
				why |= v.extend(n+1, max, how)
				if v.best.kind != 0 && (how < exactCycle || v.best.level >= Likely) {
					return why
				}
				continue
			}
			f, w := v.weigh(n+1, how)
			why |= w
			if f.kind != 0 && (v.best.kind == 0 || f.level > v.best.level) {
				v.best = f
			}
			if v.best.kind != 0 && (how < exactCycle || v.best.level >= Likely) {
				return why
			}
		}
	}
	return why
}

func (v *Validator) onPath(c ClassID, n int) bool {
	for i := 0; i < n; i++ {
		x := &v.edges[v.samples[v.path[i]].edge]
		if x.from == c || x.to == c {
			return true
		}
	}
	return false
}

// sameInstance reports whether what a wants is the very lock that b holds.
func (v *Validator) sameInstance(a, b SampleID) bool {
	x := &v.obs[v.samples[a].obs]
	y := &v.obs[v.samples[b].obs]
	h := &v.held[y.held+uint32(v.samples[b].from)]
	return x.proc == y.proc && x.lock.is(h) && h.birth != 0
}

// compatible reports whether the holders of two observations can stand at
// their acquisitions at the same time: they hold no lock that excludes them.
//
// Where instances cannot be compared (other processes, a cycle of classes
// only), a lock of one class on both sides counts as the same lock: to assume
// a gate can only lose a "possible", never make up a finding.
func (v *Validator) compatible(a, b ObsID, how strictness) bool {
	x, y := &v.obs[a], &v.obs[b]
	for i := uint32(0); i < uint32(x.n); i++ {
		g := &v.held[x.held+i]
		for j := uint32(0); j < uint32(y.n); j++ {
			h := &v.held[y.held+j]
			if g.class != h.class || g.mode == Read && h.mode == Read {
				continue
			}
			if how < exactCycle || g.birth == 0 || h.birth == 0 || x.proc == y.proc && g.is(h) {
				return false
			}
		}
	}
	return true
}

// spanned reports whether a lock that guards a's goroutine, in the hands of
// another one that made it, is also b's or guards it in other hands.
func (v *Validator) spanned(a, b ObsID) bool {
	x, y := &v.obs[a], &v.obs[b]
	if x.proc != y.proc {
		return false
	}
	for i := uint32(0); i < uint32(x.guards); i++ {
		g := &v.held[x.guard+i]
		for j := uint32(0); j < uint32(y.n); j++ {
			if g.guardsFrom(&v.held[y.held+j], y.goid) {
				return true
			}
		}
		for j := uint32(0); j < uint32(y.guards); j++ {
			if h := &v.held[y.guard+j]; g.guardsFrom(h, h.owner) {
				return true
			}
		}
	}
	return false
}

// guardsFrom reports whether guard h keeps out whoever has lock x, which is in
// the hands of that goroutine.
func (h *heldRec) guardsFrom(x *heldRec, owner uint64) bool {
	return h.is(x) && h.owner != owner && !(h.mode == Read && x.mode == Read)
}

// weigh gives the closed path of n samples its level.
func (v *Validator) weigh(n int, how strictness) (f finding, why Why) {
	for i := 0; i < n; i++ {
		a, b := v.path[i], v.path[(i+1)%n]
		x := &v.obs[v.samples[a].obs]
		y := &v.obs[v.samples[b].obs]
		if x.lock.mode == Read && v.held[y.held+uint32(v.samples[b].from)].mode == Read {
			w, cap, r := v.joint(&x.lock, x.proc, n, how)
			if w == 0 {
				why |= r
				if how != anyCycle {
					return finding{}, why
				}
			}
			f.writers[i] = w
			if how == exactCycle {
				f.why |= cap
			}
			if v.classes[x.lock.class].flags&classYields != 0 {
				f.why |= WhyYields
			}
		}
	}
	f.kind = KindCircular
	f.n = uint8(n)
	for i := range n {
		f.samples[i] = v.path[i]
	}
	if how == anyCycle {
		return f, why
	}
	f.level = Likely
	if how == stuckCycle {
		f.level = Proved
		return f, 0
	}
	two, waits := false, 0
	for i := 0; i < n; i++ {
		o := &v.obs[v.samples[f.samples[i]].obs]
		p := &v.obs[v.samples[f.samples[0]].obs]
		if o.proc != p.proc {
			f.why |= WhyProcesses
			two = true
		}
		if o.goid != p.goid {
			two = true
		}
		if o.flags&obsInit != 0 {
			f.why |= WhyInit
		}
		if o.flags&obsSerial != 0 && how >= exactCycle {
			f.why |= WhyIdentity
		}
		if o.kind == obsEvent {
			waits++
			f.why |= WhyEvent
			f.pending = true // another waker may come
		}
		if o.flags&obsPartial != 0 {
			return finding{}, why | WhyPartial // a gate may be missing: no verdict
		}
		if v.classes[o.lock.class].flags&classHandoff != 0 {
			f.why |= WhyHandoff
		}
		if v.classes[o.lock.class].flags&classOverwritten != 0 {
			f.why |= WhyOverwritten
		}
	}
	for i := 1; i < n && how >= exactCycle; i++ {
		for j := 0; j < i; j++ {
			if a, b := v.samples[f.samples[i]].obs, v.samples[f.samples[j]].obs; v.spanned(a, b) || v.spanned(b, a) {
				f.why |= WhySpan
			}
			if a, b := f.samples[i], f.samples[j]; v.over(a, b) || v.over(b, a) {
				f.why |= WhyAfter
			}
		}
	}
	if waits == n {
		// Goroutines that meet with locks held, as at a barrier, wait for each
		// other's past: each has the lock that the others wait for it to take.
		return finding{}, why | WhyEvent
	}
	if how == classCycle {
		if f.why&WhyProcesses == 0 {
			f.why |= WhyInstances
		}
	} else if !two {
		f.why |= WhyOneGoroutine
	}
	if how == classCycle && !two {
		f.why |= WhyOneGoroutine
	}
	if f.why != 0 {
		f.level = Possible
	}
	return f, why
}
