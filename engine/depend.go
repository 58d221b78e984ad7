package engine

// An edge is a dependency: to was taken while from was held.
type edge struct {
	from, to ClassID
	nextOut  EdgeID // next edge of from
	nextIn   EdgeID // next edge into to
	samples  SampleID
	n        uint32
	flags    uint8
	kinds    uint8 // bit Mode(from)<<1 | Mode(to)
}

const (
	edgeBack uint8 = 1 << iota // against the learned order
	edgeHot                    // on a cycle of classes: each new sample is judged
)

// A sample is one observation as evidence for one edge.
type sample struct {
	next SampleID // of the same edge
	edge EdgeID
	obs  ObsID
	from uint16 // index of the held lock in the observation

	// Of the edge of a class to itself:
	prev           SampleID
	pair, pairPrev SampleID // with the same held instance
	sibling        SampleID // of the same observation
	rank, seen     uint32   // see instances.go
}

const (
	maxSamples     = 8    // of an edge that is on no cycle; more only where they held less than those
	maxSamplesHot  = 64   // of an edge on a cycle
	maxSamplesSelf = 4096 // observations of pairs of one class
)

func (v *Validator) edgeSlot(from, to ClassID) *uint32 {
	mask := uint32(len(v.edgeIdx) - 1)
	i := (uint32(from)*2654435761 ^ uint32(to)*2246822519) & mask
	for {
		e := v.edgeIdx[i]
		if e == 0 {
			return &v.edgeIdx[i]
		}
		if v.edges[e].from == from && v.edges[e].to == to {
			return &v.edgeIdx[i]
		}
		i = (i + 1) & mask
	}
}

func (v *Validator) edgeFind(from, to ClassID) EdgeID { return EdgeID(*v.edgeSlot(from, to)) }

// depend enters the dependency of an observation's lock on its i-th held lock.
func (v *Validator) depend(id ObsID, i int) {
	o := &v.obs[id]
	h := v.held[o.held+uint32(i)]
	if v.classes[h.class].flags&classNoValidate != 0 {
		return
	}
	slot := v.edgeSlot(h.class, o.lock.class)
	fresh := *slot == 0
	if fresh {
		if v.nedges+1 >= uint32(len(v.edges)) {
			v.full(tabEdges, v.lim.Edges)
			return
		}
		v.nedges++
		*slot = v.nedges
		e := &v.edges[v.nedges]
		*e = edge{from: h.class, to: o.lock.class, nextOut: v.classes[h.class].out, nextIn: v.classes[o.lock.class].in}
		v.classes[h.class].out = EdgeID(v.nedges)
		v.classes[o.lock.class].in = EdgeID(v.nedges)
	}
	ed := EdgeID(*slot)
	s := v.addSample(ed, id, i)
	if h.class == o.lock.class {
		if s != 0 {
			v.recollect(ed, s)
			v.judgeSame(ed, s)
		}
		return
	}
	if fresh {
		if v.insertOrder(ed) {
			v.heat(ed)
			v.judge(ed, s)
		}
	} else if v.edges[ed].flags&edgeHot != 0 && s != 0 {
		v.judge(ed, s)
	}
}

// addSample adds evidence to an edge unless it has the same or enough of it.
func (v *Validator) addSample(ed EdgeID, id ObsID, i int) SampleID {
	e := &v.edges[ed]
	o := &v.obs[id]
	h := &v.held[o.held+uint32(i)]
	kind := uint8(1) << (uint8(h.mode)<<1 | uint8(o.lock.mode))
	newKind := e.kinds&kind == 0
	e.kinds |= kind
	limit := uint32(maxSamples)
	self := e.from == e.to
	switch {
	case e.flags&edgeHot != 0 || o.flags&obsTag != 0:
		limit = maxSamplesHot
	}
	if o.kind == obsEvent {
		// Waits leave room for acquisitions, which say more.
		if e.n >= maxSamples {
			return 0
		}
	}
	if e.n >= limit && !self && o.flags&(obsStuck|obsEvidence) == 0 && !newKind && (e.n >= maxSamplesHot || v.covered(e, id, i)) &&
		(limit < maxSamplesHot || !v.replaceDead(e, id, i)) {
		return 0
	}
	s := v.newSample()
	if s == 0 {
		return 0
	}
	v.samples[s] = sample{next: e.samples, edge: ed, obs: id, from: uint16(i)}
	e.samples = s
	e.n++
	if self {
		if newKind {
			o.refs++ // the graph file has it
		}
		v.linkSelf(ed, s, h)
		if k := &v.classes[e.from]; k.model == 0 && o.n == 1 && h.mode == Write && !h.try && o.lock.mode == Write && !o.loose {
			k.model = id
		}
	} else {
		o.refs++
	}
	return s
}

// pairSlot is the head of the samples of class c whose held lock is h. Two
// instances may share a slot: who walks the list compares.
func (v *Validator) pairSlot(c ClassID, h *heldRec) *uint32 { return &v.pairIdx[v.pairAt(c, h)] }

func (v *Validator) pairAt(c ClassID, h *heldRec) uint32 {
	x := uint64(c)*0x9e3779b97f4a7c15 ^ h.birth*0xc4ceb9fe1a85ec53 ^ h.addr*0xff51afd7ed558ccd
	x ^= x >> 33
	return uint32(x & uint64(len(v.pairIdx)-1))
}

// covered reports whether an edge has evidence of the same modes that covers
// what the observation's i-th held lock gives it.
func (v *Validator) covered(e *edge, id ObsID, i int) bool {
	o := &v.obs[id]
	m := v.held[o.held+uint32(i)].mode
	for s := e.samples; s != 0; s = v.samples[s].next {
		y := &v.obs[v.samples[s].obs]
		if y.kind != obsEvent && y.lock.mode == o.lock.mode && v.held[y.held+uint32(v.samples[s].from)].mode == m && v.covers(v.samples[s].obs, id) {
			return true
		}
	}
	return false
}

// covers reports whether whatever can stand beside b can stand beside a, by
// classes: a held nothing that b did not hold as strictly.
func (v *Validator) covers(a, b ObsID) bool { return v.coversAll(&v.obs[a], &v.obs[b]) }

func (v *Validator) coversAll(x, y *observation) bool {
	if x.closer != 0 && (x.closer != y.closer || x.event != y.event || x.behind > y.behind) {
		return false // a comes after a wait that b does not
	}
	for i := uint32(0); i < uint32(x.n); i++ {
		g := &v.held[x.held+i]
		ok := false
		for j := uint32(0); j < uint32(y.n) && !ok; j++ {
			h := &v.held[y.held+j]
			ok = g.class == h.class && (g.mode == Read || h.mode == Write)
		}
		if !ok {
			return false
		}
	}
	return true
}

// handoff notes that locks of class c are released by other goroutines.
func (v *Validator) handoff(c ClassID) {
	if c == 0 || v.classes[c].flags&classHandoff != 0 {
		return
	}
	v.classes[c].set(classHandoff)
	v.journalClassFlags(c)
	for f := uint32(1); f <= v.nfindings; f++ {
		x := &v.findings[f]
		if x.level == Suppressed {
			continue
		}
		for i := 0; i < max(int(x.n), 1); i++ {
			id := x.obs
			if x.n > 0 {
				id = v.samples[x.samples[i]].obs
			}
			if v.obs[id].lock.class != c {
				continue
			}
			switch {
			case x.n == 0:
				x.level = Suppressed
				x.why |= WhyHandoff
			case x.level > Possible:
				x.level = Possible
				x.why |= WhyHandoff
			}
		}
	}
	v.flush()
}

// heat marks the edges that lie on a cycle with ed, and takes their chains out
// of the cache, so that instances are recorded from now on.
func (v *Validator) heat(ed EdgeID) {
	from, to := v.edges[ed].from, v.edges[ed].to
	v.gen++
	v.reach(to, false, v.mark)
	v.reach(from, true, v.mark2)
	for e := uint32(1); e <= v.nedges; e++ {
		x := &v.edges[e]
		if x.from == x.to || v.mark[x.from] != v.gen || v.mark2[x.to] != v.gen {
			continue
		}
		x.flags |= edgeHot
	}
	v.edges[ed].flags |= edgeHot
	for i := uint32(1); i <= v.nobs; i++ {
		o := &v.obs[i]
		if o.key == 0 || o.kind != obsLock || v.mark2[o.lock.class] != v.gen {
			continue
		}
		if v.onHot(ObsID(i)) {
			if c := v.chainFind(o.key); c != nil {
				v.setMeta(c, 0, metaHot)
			}
		}
	}
}

// onHot reports whether an observation is evidence for a hot edge.
func (v *Validator) onHot(id ObsID) bool {
	o := &v.obs[id]
	for i := uint32(0); i < uint32(o.n); i++ {
		h := &v.held[o.held+i]
		if h.class == o.lock.class {
			continue
		}
		if e := v.edgeFind(h.class, o.lock.class); e != 0 && v.edges[e].flags&edgeHot != 0 {
			return true
		}
	}
	return false
}

// reach marks every class that can be reached from c, against the edges if
// back, and returns their number, c included.
func (v *Validator) reach(c ClassID, back bool, mark []uint32) int {
	n, all := 0, 1
	v.stk[n] = c
	n++
	mark[c] = v.gen
	for n > 0 {
		n--
		k := &v.classes[v.stk[n]]
		if back {
			for e := k.in; e != 0; e = v.edges[e].nextIn {
				if x := v.edges[e].from; mark[x] != v.gen {
					mark[x] = v.gen
					v.stk[n] = x
					n++
					all++
				}
			}
		} else {
			for e := k.out; e != 0; e = v.edges[e].nextOut {
				if x := v.edges[e].to; mark[x] != v.gen {
					mark[x] = v.gen
					v.stk[n] = x
					n++
					all++
				}
			}
		}
	}
	return all
}
