package kernel

// known says whether the chain was validated before.
func (v *Validator) known(key uint64) bool {
	mask := uint64(len(v.slots) - 1)
	for i := key >> 7 & mask; ; i = (i + 1) & mask {
		s := &v.slots[i]
		if s.at == 0 {
			return false
		}
		if s.key == key {
			return true
		}
	}
}

// validate judges a chain met for the first time: h on top of t's stack, with the key. head says that nothing lies
// below it in its irq context. False: refused.
//
// The chain is entered before it is judged, so a refused one is not judged again (lookup_chain_cache_add).
func (v *Validator) validate(t *Task, h *held, key uint64, head bool) bool {
	first := t.depth
	for first > 0 && t.held[first-1].irq == h.irq {
		first--
	}
	v.ids = v.ids[:0]
	for i := first; i <= t.depth; i++ {
		v.ids = append(v.ids, t.held[i].id())
	}
	known := v.set.Known != nil && v.set.Known(key, h.irq, v.ids)
	if l := v.enter(key, h.irq); l != 0 {
		v.limit(t, l, h.lock, h.site)
		return false
	}
	if known {
		v.recall(t, h, head)
		return true
	}
	v.learned(Event{Kind: NewChain, Class: h.class, IRQ: h.irq, Key: key, IDs: v.ids})

	legal := false
	for i := range t.held[:t.depth] {
		p := &t.held[i]
		// The nest lock has to be below the lock it serialises.
		legal = legal || h.nest != nil && p.lock == h.nest
		if v.conflicts(p, h) {
			if legal {
				return true // and adds nothing that the nest lock's dependency does not say
			}
			return v.failRecursive(t, p, h)
		}
		if v.set.OldReaders && p.class == h.class && h.mode.read() == 2 && p.mode.read() != 0 {
			return true // a reader inside a reader says nothing
		}
	}
	return head || v.addDependencies(t, h)
}

// conflicts says whether t would wait for itself if h were the lock that p is: classes are all that is known. A
// recursive reader passes any reader; a queued reader may wait for a writer that waits for p.
func (v *Validator) conflicts(p, h *held) bool {
	if p.class != h.class || h.mode.read() == 2 && p.mode.read() != 0 {
		return false
	}
	cmp := v.class(h.class).cmp
	return cmp == nil || cmp(p.lock, h.lock) >= 0
}

// enter makes a chain of v.ids, or returns the limit that forbids it.
func (v *Validator) enter(key uint64, irq uint8) Limit {
	if v.chainsUsed >= v.set.Chains {
		return LimitChains
	}
	if v.poolUsed+len(v.ids) > v.set.ChainEntries {
		return LimitChainEntries
	}
	if len(v.pool) > 2*v.poolUsed+1024 {
		v.compact()
	}
	c := chain{key: key, base: uint32(len(v.pool)), depth: uint8(len(v.ids)), irq: irq, live: true}
	v.pool = append(v.pool, v.ids...)
	v.poolUsed += len(v.ids)
	v.chainsUsed++
	at := uint32(len(v.chains))
	if n := len(v.freeChain); n > 0 {
		at = v.freeChain[n-1]
		v.freeChain = v.freeChain[:n-1]
		v.chains[at] = c
	} else {
		v.chains = append(v.chains, c)
	}
	if 2*v.chainsUsed > len(v.slots) {
		v.rehash(2 * len(v.slots))
		return 0
	}
	v.place(key, at)
	return 0
}

func (v *Validator) place(key uint64, at uint32) {
	mask := uint64(len(v.slots) - 1)
	i := key >> 7 & mask
	for v.slots[i].at != 0 {
		i = (i + 1) & mask
	}
	v.slots[i] = chainSlot{key, at + 1}
}

// rehash builds the slots anew from the live chains.
func (v *Validator) rehash(size int) {
	if size != len(v.slots) {
		v.slots = make([]chainSlot, size)
	} else {
		clear(v.slots)
	}
	for i := range v.chains {
		if v.chains[i].live {
			v.place(v.chains[i].key, uint32(i))
		}
	}
}

// compact moves the entries of the live chains together.
func (v *Validator) compact() {
	pool := make([]uint16, 0, 2*v.poolUsed)
	for i := range v.chains {
		if c := &v.chains[i]; c.live {
			from := v.pool[c.base:][:c.depth]
			c.base = uint32(len(pool))
			pool = append(pool, from...)
		}
	}
	v.pool = pool
}

// EachChain calls f with every live chain until it returns false. ids is valid during the call.
func (v *Validator) EachChain(f func(key uint64, irq uint8, ids []uint16) bool) {
	for i := range v.chains {
		c := &v.chains[i]
		if c.live && !f(c.key, c.irq, v.pool[c.base:][:c.depth]) {
			return
		}
	}
}

// addDependencies adds h's dependencies on the locks below it: on the newest that is no trylock, and on the trylocks
// above that one. Deeper ones depend on h through that one; a trylock cannot carry this, since nothing depends on it.
// False: refused.
func (v *Validator) addDependencies(t *Task, h *held) bool {
	for d := t.depth; ; {
		p := &t.held[d-1]
		if p.mode&Check != 0 && !(v.set.OldReaders && p.mode.read() == 2) {
			if !v.addDependency(t, p, h, t.depth-d+1) {
				return false
			}
			if p.mode&Try == 0 {
				return true
			}
		}
		d--
		if d == 0 || t.held[d].irq != t.held[d-1].irq {
			return true
		}
	}
}

// addDependency adds p -> h after three proofs: it closes no strong cycle, it joins no lock that an interrupt takes to
// one that an interrupt may interrupt, and (Small) it is not implied already.
func (v *Validator) addDependency(t *Task, p, h *held, distance int) bool {
	pc, hc := v.class(p.class), v.class(h.class)
	if pc.key == 0 || hc.key == 0 {
		v.warn(t, Internal, WarnZapped, h.lock, h.site)
		return true
	}
	if p.class == h.class && pc.cmp != nil && pc.cmp(p.lock, h.lock) < 0 {
		return true
	}

	// A path h -> ... -> p with this edge is a deadlock if it is strong all around: the path itself is, from a start
	// as h wants; and at p it holds unless p was entered as a recursive reader and is held shared.
	n, ok := v.search(t, h, false, query{what: findHolder, class: p.class, exclusive: p.mode.read() == 0})
	if !ok {
		return false
	}
	if n != nowhere {
		if p.class == h.class {
			return v.failRecursive(t, p, h)
		}
		return v.failCircular(t, p, h, n)
	}
	if fine, more := v.checkUsage(t, p, h); !fine {
		return more
	}

	if v.set.OldReaders && h.mode.read() == 2 {
		return true
	}
	kind := v.kindOf(p, h)
	if at := v.findEdge(p.class, h.class); at != 0 {
		v.widen(at, kind, distance)
		return true
	}
	if v.set.Small {
		n, ok := v.search(t, p, false, query{
			what: findImplied, class: h.class, recursive: h.mode.read() == 2, startOnly: true, onlyXR: p.mode.read() == 0,
		})
		if !ok {
			return false
		}
		if n != nowhere {
			return true
		}
	}
	return v.addEdge(t, p, h, kind, distance)
}

// recall enters the dependencies of a chain that was validated before the recording began. What it implies is known
// then, and needs neither judgement nor an event.
func (v *Validator) recall(t *Task, h *held, head bool) {
	if head {
		return
	}
	for d := t.depth; d > 0 && t.held[d].irq == t.held[d-1].irq; d-- {
		p := &t.held[d-1]
		if p.mode&Check == 0 {
			continue
		}
		if p.class != h.class {
			v.LoadDependency(p.class, h.class, v.kindOf(p, h), t.depth-d+1, h.site)
		}
		if p.mode&Try == 0 {
			return
		}
	}
}

// LoadClass enters what is known of a class from before the recording. key is that of subclass 0. UseIndex applies.
// It returns 0 if there is no room or the class exists.
func (v *Validator) LoadClass(m *Map, sub uint8, version uint32, usage Usage) ClassID {
	if v.byKey[classKey{m.Key, sub}] != 0 || v.inUse >= v.set.Classes || sub >= maxSubclasses {
		return 0
	}
	id := v.slot()
	*v.class(id) = class{
		key: m.Key, sub: sub, name: m.Name, nameAddr: m.NameAddr,
		inner: m.Inner, outer: m.Outer, typ: m.Type, version: version, usage: usage,
	}
	v.byKey[classKey{m.Key, sub}] = id
	v.inUse++
	return id
}

// LoadDependency enters a dependency, or kinds of one, without judgement. kinds 0 is one of unknown kinds: it lies on
// no strong path, so no finding rests on it. It returns false if there is no room.
func (v *Validator) LoadDependency(from, to ClassID, kinds Kinds, distance int, site Site) bool {
	if at := v.findEdge(from, to); at != 0 {
		e := &v.edges[at]
		e.kinds |= kinds
		if distance == 1 {
			e.distance = 1
		}
		return true
	}
	if 2*(v.edgesUsed+1) > v.set.Entries {
		return false
	}
	v.link(edge{from: from, to: to, kinds: kinds, distance: uint16(distance), site: site})
	return true
}

// LoadUsage enters a usage bit without judgement.
func (v *Validator) LoadUsage(id ClassID, b UsageBit) {
	if id != 0 && int(id) <= len(v.classes) {
		v.class(id).usage |= 1 << b
	}
}

// LoadChain enters a chain without judgement; what it implies is not entered. It returns false if there is no room.
func (v *Validator) LoadChain(key uint64, irq uint8, ids []uint16) bool {
	if v.known(key) {
		return true
	}
	v.ids = append(v.ids[:0], ids...)
	return v.enter(key, irq) == 0
}
