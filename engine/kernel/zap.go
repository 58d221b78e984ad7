package kernel

// RegisterKey announces a key in memory that is not static (lockdep_register_key).
func (v *Validator) RegisterKey(key uint64) {
	if v.keys == nil {
		v.keys = map[uint64]struct{}{}
	}
	v.keys[key] = struct{}{}
}

func (v *Validator) registered(key uint64) bool {
	_, ok := v.keys[key]
	return ok
}

// CheckKey says that a lock is set up with the key (lockdep_init_map); one that is neither static nor registered is a
// finding, and false: the map must then keep no key.
func (v *Validator) CheckKey(t *Task, m *Map, site Site) bool {
	if v.off || v.set.Static == nil || m.Key == 0 || v.set.Static(m.Key) || v.registered(m.Key) {
		return true
	}
	v.warn(t, UnregisteredKey, 0, m, site)
	return false
}

// UnregisterKey withdraws a key. Its class goes; those of other subclasses stay, since the kernel takes the key's own
// address for the range.
func (v *Validator) UnregisterKey(key uint64) {
	delete(v.keys, key)
	v.FreeRange(key, 1)
}

// FreeRange says that memory is gone (a module was unloaded): every class whose key or name lies in it is zapped.
func (v *Validator) FreeRange(from, size uint64) {
	for i := range v.classes {
		c := &v.classes[i]
		if c.key == 0 {
			continue
		}
		if c.key+uint64(c.sub)-from < size || c.nameAddr != 0 && c.nameAddr-from < size {
			v.zap(ClassID(i + 1))
		}
	}
	v.dropChains()
}

// ResetLock zaps the classes of a lock, of all subclasses (lockdep_reset_lock).
func (v *Validator) ResetLock(m *Map) {
	if m.Key == 0 {
		return
	}
	for sub := range uint8(maxSubclasses) {
		if id := v.byKey[classKey{m.Key, sub}]; id != 0 {
			v.zap(id)
		}
	}
	m.empty()
	v.dropChains()
}

// ResetChains forgets every chain, makes t hold nothing and turns the validator on again (lockdep_reset). Classes and
// dependencies stay.
func (v *Validator) ResetChains(t *Task) {
	v.chains, v.freeChain, v.pool = v.chains[:0], v.freeChain[:0], v.pool[:0]
	v.chainsUsed, v.poolUsed = 0, 0
	clear(v.slots)
	v.ResetTask(t)
	v.off = false
}

// Zap removes a class, its dependencies and every chain with it; what depended through it does not depend any more.
func (v *Validator) Zap(id ClassID) {
	v.zap(id)
	v.dropChains()
}

// zap leaves the chains to dropChains, so that several classes need one pass.
func (v *Validator) zap(id ClassID) {
	c := v.class(id)
	if c.key == 0 {
		return
	}
	for at := c.after.first; at != 0; {
		next := v.edges[at].nextAfter
		if to := v.edges[at].to; to != id {
			v.unlinkBefore(to, at)
		}
		v.freeEdgeSlot(at)
		at = next
	}
	for at := c.before.first; at != 0; {
		next := v.edges[at].nextBefore
		if from := v.edges[at].from; from != id && from != 0 {
			v.unlinkAfter(from, at)
			v.freeEdgeSlot(at)
		}
		at = next
	}
	key := c.key + uint64(c.sub)
	delete(v.byKey, classKey{c.key, c.sub})
	*c = class{}
	v.freeClass = append(v.freeClass, id)
	v.inUse--
	v.stats.Zapped++
	v.learned(Event{Kind: Zapped, Class: id, Key: key})
}

func (v *Validator) freeEdgeSlot(at int32) {
	e := &v.edges[at]
	*e = edge{nextAfter: e.nextAfter, nextBefore: e.nextBefore}
	v.freeEdge = append(v.freeEdge, at)
	v.edgesUsed--
}

func (v *Validator) unlinkAfter(id ClassID, at int32) {
	l := &v.class(id).after
	prev := int32(0)
	for i := l.first; i != at; i = v.edges[i].nextAfter {
		prev = i
	}
	next := v.edges[at].nextAfter
	if prev == 0 {
		l.first = next
	} else {
		v.edges[prev].nextAfter = next
	}
	if next == 0 {
		l.last = prev
	}
}

func (v *Validator) unlinkBefore(id ClassID, at int32) {
	l := &v.class(id).before
	prev := int32(0)
	for i := l.first; i != at; i = v.edges[i].nextBefore {
		prev = i
	}
	next := v.edges[at].nextBefore
	if prev == 0 {
		l.first = next
	} else {
		v.edges[prev].nextBefore = next
	}
	if next == 0 {
		l.last = prev
	}
}

// dropChains removes the chains that name a class which is not in use.
func (v *Validator) dropChains() {
	dropped := false
	for i := range v.chains {
		c := &v.chains[i]
		if !c.live {
			continue
		}
		for _, id := range v.pool[c.base:][:c.depth] {
			if v.classes[id&(maxClasses-1)].key == 0 {
				c.live = false
				v.chainsUsed--
				v.poolUsed -= int(c.depth)
				v.freeChain = append(v.freeChain, uint32(i))
				dropped = true
				break
			}
		}
	}
	if dropped {
		v.rehash(len(v.slots))
	}
}
