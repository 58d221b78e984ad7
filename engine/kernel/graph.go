package kernel

// findEdge returns the edge from -> to, or 0.
func (v *Validator) findEdge(from, to ClassID) int32 {
	for at := v.class(from).after.first; at != 0; at = v.edges[at].nextAfter {
		if v.edges[at].to == to {
			return at
		}
	}
	return 0
}

// widen adds a kind to an edge and makes it adjacent if it is now.
func (v *Validator) widen(at int32, kind Kinds, distance int) {
	e := &v.edges[at]
	news := kind&^e.kinds != 0 || distance == 1 && e.distance != 1
	e.kinds |= kind
	if distance == 1 {
		e.distance = 1
	}
	if news {
		v.learned(Event{Kind: NewKind, Class: e.from, Next: e.to, Kinds: kind, Distance: distance})
	}
}

func (v *Validator) addEdge(t *Task, p, h *held, kind Kinds, distance int) bool {
	if 2*(v.edgesUsed+1) > v.set.Entries {
		v.limit(t, LimitEntries, h.lock, h.site)
		return false
	}
	v.link(edge{
		from: p.class, to: h.class, kinds: kind, distance: uint16(distance), site: h.site, fromSite: p.site,
	})
	v.learned(Event{Kind: NewDependency, Class: p.class, Next: h.class, Kinds: kind, Distance: distance})
	return true
}

// link appends the edge to both lists.
func (v *Validator) link(e edge) {
	at := int32(len(v.edges))
	if n := len(v.freeEdge); n > 0 {
		at = v.freeEdge[n-1]
		v.freeEdge = v.freeEdge[:n-1]
		v.edges[at] = e
	} else {
		v.edges = append(v.edges, e)
	}
	v.edgesUsed++
	if l := &v.class(e.from).after; l.last == 0 {
		l.first, l.last = at, at
	} else {
		v.edges[l.last].nextAfter = at
		l.last = at
	}
	if l := &v.class(e.to).before; l.last == 0 {
		l.first, l.last = at, at
	} else {
		v.edges[l.last].nextBefore = at
		l.last = at
	}
}

// Dependency is an edge of the graph.
type Dependency struct {
	From, To ClassID
	Kinds    Kinds
	Distance int  // 1: adjacent in the held stack at least once
	Site     Site // where To was taken
	FromSite Site // where From had been
}

// EachDependency calls f with the dependencies of a class on classes taken inside, in the order in which they were
// learned, until it returns false.
func (v *Validator) EachDependency(from ClassID, f func(Dependency) bool) {
	for at := v.class(from).after.first; at != 0; at = v.edges[at].nextAfter {
		if !f(v.edges[at].public()) {
			return
		}
	}
}

func (e *edge) public() Dependency {
	return Dependency{e.from, e.to, e.kinds, int(e.distance), e.site, e.fromSite}
}

// node is a class reached by a search: over edge, from the node parent. onlyXR says that it can be entered as a
// recursive reader only, so that a strong path has to go on from an exclusive holder. (Backwards: that it can be left
// as a shared holder only, so that the path has to come in as something else than a recursive reader.)
type node struct {
	class  ClassID
	onlyXR bool
	edge   int32
	parent int32
}

const nowhere = int32(-1)

// query is what a search looks for.
type query struct {
	what      what
	class     ClassID
	exclusive bool  // findHolder: the class is held by a writer
	recursive bool  // findImplied: it is wanted by a recursive reader
	mask      Usage // findUsage
	startOnly bool  // onlyXR overrides how the search starts
	onlyXR    bool
	sum       *Usage // collect: usage of all nodes
}

type what uint8

const (
	findHolder  what = iota // class, held so that the node blocks on it
	findImplied             // class, reached by a path as strong as the new edge
	findUsage               // any of mask
	collect
)

// match says whether the search ends at the node.
func (q *query) match(c *class, n node) bool {
	switch q.what {
	case findHolder:
		return n.class == q.class && (q.exclusive || !n.onlyXR)
	case findImplied:
		return n.class == q.class && (q.recursive || !n.onlyXR)
	}
	// A recursive reader does not wait for the readers of an interrupt.
	u := c.usage
	if n.onlyXR {
		u &= irqWrite
	}
	if q.what == collect {
		*q.sum |= u
		return false
	}
	return u&q.mask != 0
}

// search goes from h's class along strong paths, breadth first, and returns the first node that matches, or nowhere.
// The path is found in v.nodes through the parents. False: the search could not be finished, which is a finding.
//
// A strong path may go on from a class in two states: entered as a recursive reader only, or (also) otherwise; from
// the second it can go wherever it can from the first. The complete search visits a class in each state once at most,
// and marks it after the strength test, so it finds a strong path iff there is one. A path that meets a class twice is
// no false alarm: then the part between is a strong cycle of its own.
//
// The kernel marks the class before the test and does not come back: Settings.Exact.
func (v *Validator) search(t *Task, h *held, back bool, q query) (int32, bool) {
	v.gen++
	if v.gen == 0 { // wrapped around: no class may look visited
		for i := range v.classes {
			v.classes[i].seen = [2]uint32{}
		}
		v.gen = 1
	}
	skips := q.what == findUsage || q.what == collect || q.what == findImplied
	root := node{class: h.class, onlyXR: h.mode.read() == 2, parent: nowhere}
	if back {
		root.onlyXR = h.mode.read() != 0
	}
	if q.startOnly {
		root.onlyXR = q.onlyXR
	}
	if v.set.OldReaders {
		root.onlyXR = false
	}
	v.nodes = v.nodes[:0]
	queued := 0 // lists of edges that wait to be walked, which is what fills the kernel's queue
	c := v.class(root.class)
	v.see(c, root)
	if skips && c.typ != TypeNormal {
		return nowhere, true
	}
	v.nodes = append(v.nodes, root)
	if q.match(c, root) {
		return 0, true
	}
	for i := 0; i < len(v.nodes); i++ {
		from := v.nodes[i]
		c := v.class(from.class)
		at := c.after.first
		if back {
			at = c.before.first
		}
		if at != 0 && i > 0 {
			queued--
		}
		for ; at != 0; at = v.edges[at].next(back) {
			e := &v.edges[at]
			n := node{class: e.to, edge: at, parent: int32(i)}
			kinds := e.kinds
			if back {
				n.class = e.from
				kinds = kinds.backward()
			}
			c := v.class(n.class)
			if v.set.Exact && c.seen[0] == v.gen {
				continue
			}
			if v.set.Exact {
				c.seen[0] = v.gen
			}
			if from.onlyXR {
				kinds &= KindER | KindEN
			}
			if kinds == 0 {
				continue
			}
			n.onlyXR = kinds&(KindSN|KindEN) == 0
			if !v.set.Exact && !v.see(c, n) {
				continue
			}
			if skips && c.typ != TypeNormal {
				continue
			}
			v.nodes = append(v.nodes, n)
			if q.match(c, n) {
				return int32(len(v.nodes) - 1), true
			}
			if back && c.before.first != 0 || !back && c.after.first != 0 {
				queued++
				v.stats.MaxQueue = max(v.stats.MaxQueue, queued)
				if queued >= v.set.Queue {
					v.limit(t, LimitQueue, h.lock, h.site)
					return nowhere, false
				}
			}
		}
	}
	return nowhere, true
}

func (e *edge) next(back bool) int32 {
	if back {
		return e.nextBefore
	}
	return e.nextAfter
}

// see marks the state of the node visited and says whether it was news.
func (v *Validator) see(c *class, n node) bool {
	if c.seen[0] == v.gen || n.onlyXR && c.seen[1] == v.gen {
		return false
	}
	if n.onlyXR && !v.set.Exact {
		c.seen[1] = v.gen
	} else {
		c.seen[0] = v.gen
	}
	return true
}

// Path is the way a search found, root first. Step i's edge leads from step i-1.
func (v *Validator) path(n int32) []Step {
	length := 0
	for i := n; i != nowhere; i = v.nodes[i].parent {
		length++
	}
	p := make([]Step, length)
	for i := n; i != nowhere; i = v.nodes[i].parent {
		length--
		p[length] = Step{Class: v.Info(v.nodes[i].class)}
		if v.nodes[i].parent != nowhere {
			p[length].Edge = v.edges[v.nodes[i].edge].public()
		}
	}
	return p
}
