package engine

// The order of the classes is kept as in D. J. Pearce and P. H. J. Kelly, "A
// Dynamic Topological Sort Algorithm for Directed Acyclic Graphs" (2006):
// class.ord numbers the classes so that every edge but the back edges goes
// from a lower number to a higher one. An edge that agrees with the order
// cannot close a cycle of such edges and costs one comparison.

// insertOrder puts a new edge into the order and reports whether it lies on a
// cycle of classes.
//
// Proof of completeness: a cycle through the edge needs a path from to to
// from. If no back edge exists, the path has rising numbers, so it needs
// ord[to] < ord[from]; then the forward search finds it, because every class on
// it has a number below ord[from]. If back edges exist, a plain search over all
// edges decides.
func (v *Validator) insertOrder(ed EdgeID) bool {
	from, to := v.edges[ed].from, v.edges[ed].to
	if v.classes[from].ord < v.classes[to].ord {
		return v.nback != 0 && v.connected(to, from)
	}
	v.searches++
	v.gen++
	// Forward from to, below ord[from].
	limit := v.classes[from].ord
	nf, n := 0, 0
	v.stk[n] = to
	n++
	v.mark[to] = v.gen
	for n > 0 {
		n--
		c := v.stk[n]
		v.stk2[nf] = c
		nf++
		for e := v.classes[c].out; e != 0; e = v.edges[e].nextOut {
			if EdgeID(e) == ed || v.edges[e].flags&edgeBack != 0 {
				continue
			}
			x := v.edges[e].to
			if x == from {
				v.edges[ed].flags |= edgeBack
				v.nback++
				return true
			}
			if v.mark[x] != v.gen && v.classes[x].ord < limit {
				v.mark[x] = v.gen
				v.stk[n] = x
				n++
			}
		}
	}
	// Backward from from, above ord[to].
	limit = v.classes[to].ord
	nb := 0
	n = 0
	v.stk[n] = from
	n++
	v.mark2[from] = v.gen
	for n > 0 {
		n--
		c := v.stk[n]
		v.stk3[nb] = c
		nb++
		for e := v.classes[c].in; e != 0; e = v.edges[e].nextIn {
			if EdgeID(e) == ed || v.edges[e].flags&edgeBack != 0 {
				continue
			}
			x := v.edges[e].from
			if v.mark2[x] != v.gen && v.classes[x].ord > limit {
				v.mark2[x] = v.gen
				v.stk[n] = x
				n++
			}
		}
	}
	// The classes found share their own numbers out anew: first those behind
	// from, then those ahead of to, each group in its old order.
	v.sortByOrd(v.stk2[:nf])
	v.sortByOrd(v.stk3[:nb])
	i, j, k := 0, 0, 0
	all := v.stk[:nf+nb]
	for i < nf || j < nb {
		if j >= nb || i < nf && v.classes[v.stk2[i]].ord < v.classes[v.stk3[j]].ord {
			all[k] = ClassID(v.classes[v.stk2[i]].ord)
			i++
		} else {
			all[k] = ClassID(v.classes[v.stk3[j]].ord)
			j++
		}
		k++
	}
	k = 0
	for _, c := range v.stk3[:nb] {
		v.classes[c].ord = uint32(all[k])
		k++
	}
	for _, c := range v.stk2[:nf] {
		v.classes[c].ord = uint32(all[k])
		k++
	}
	return v.nback != 0 && v.connected(to, from)
}

// connected reports whether a path leads from a to b over any edges.
func (v *Validator) connected(a, b ClassID) bool {
	v.gen++
	v.reach(a, false, v.mark)
	return v.mark[b] == v.gen
}

// sortByOrd sorts classes by their number; the groups are small.
func (v *Validator) sortByOrd(s []ClassID) {
	for gap := len(s) / 2; gap > 0; gap /= 2 {
		for i := gap; i < len(s); i++ {
			x := s[i]
			j := i
			for j >= gap && v.classes[s[j-gap]].ord > v.classes[x].ord {
				s[j] = s[j-gap]
				j -= gap
			}
			s[j] = x
		}
	}
}

// checkOrder verifies invariant 2 and that back edges lie on cycles; for tests.
func (v *Validator) checkOrder() string {
	for e := uint32(1); e <= v.nedges; e++ {
		x := &v.edges[e]
		if x.from == x.to || x.flags&edgeBack != 0 {
			continue
		}
		if v.classes[x.from].ord >= v.classes[x.to].ord {
			return "edge against the order: " + v.ClassName(x.from) + " -> " + v.ClassName(x.to)
		}
	}
	return ""
}
