package kernel

// Acquire says that t takes the lock, or is about to wait for it. nest is a lock that t holds and that serialises all
// who hold several locks of m's class, or nil. A chain that is known costs one hash and one probe and allocates
// nothing.
func (v *Validator) Acquire(t *Task, m *Map, mode Mode, nest *Map, site Site) {
	if v.ignores(t) {
		if !v.off && t.Context&InNMI != 0 && mode&Try == 0 {
			v.checkNMI(t, m, mode, site)
		}
		return
	}
	v.acquire(t, m, mode, nest, site, 0, 0, false)
}

// Sync says that t waits for everyone who holds the lock, without taking it (lock_sync).
func (v *Validator) Sync(t *Task, m *Map, mode Mode, nest *Map, site Site) {
	if !v.ignores(t) {
		v.acquire(t, m, mode&^Try, nest, site, 0, 0, true)
	}
}

// ignores says whether operations of t mean nothing at present.
func (v *Validator) ignores(t *Task) bool { return v.off || t.off != 0 || t.Context&InNMI != 0 }

// LockdepOff makes the validator ignore the task until as many calls of LockdepOn.
func (v *Validator) LockdepOff(t *Task) { t.off++ }

// LockdepOn undoes one LockdepOff.
func (v *Validator) LockdepOn(t *Task) { t.off = max(t.off-1, 0) }

// outcome of an acquisition, as __lock_acquire returns it.
type outcome uint8

const (
	refused outcome = iota // not on the stack
	pushed
	merged // counted in the entry on top
)

func (v *Validator) acquire(
	t *Task, m *Map, mode Mode, nest *Map, site Site, refs uint16, pins uint32, sync bool,
) outcome {
	if m.Key == v.set.NoTrack && m.Key != 0 {
		return refused
	}
	if v.set.NoProving || m.Key == v.set.NoValidate && m.Key != 0 {
		mode &^= Check
	}
	sub := mode & modeSub
	var id ClassID
	if sub < 2 {
		id = v.cached(m, sub)
	}
	if id == 0 {
		if sub < 2 && m.entry(sub) == torn {
			v.warn(t, TornCache, 0, m, site)
			return refused
		}
		s := v.base(m, uint8(min(sub, 255)))
		if id = v.register(t, m, s, site, s > 0 && sub == 0); id == 0 {
			return refused
		}
	}
	depth := t.depth
	if depth >= v.set.Depth {
		v.warn(t, Internal, WarnDepth, m, site)
		return refused
	}
	if depth > 0 && !sync && nest != nil {
		if top := &t.held[depth-1]; top.class == id {
			refs = max(refs, 1)
			sum := max(top.references, 1) + refs
			top.references = sum
			if sum < refs || sum >= 1<<11 { // 11 bits in the kernel
				v.warn(t, Internal, WarnReferences, m, site)
				return refused
			}
			return merged
		}
	}

	h := &t.held[depth]
	*h = held{
		prev: t.chain, lock: m, nest: nest, site: site, class: id, mode: mode, references: refs, pins: pins,
		irq: t.Context.irq(), sync: sync,
	}
	c := v.class(id)
	head := depth == 0 || t.held[depth-1].irq != h.irq
	if !head {
		h.wait, h.fixed = t.held[depth-1].wait, t.held[depth-1].fixed
	}
	if c.inner != 0 {
		if mode&Try == 0 && !v.checkWait(t, h, c) {
			return refused
		}
		if c.typ == TypeOverride {
			h.wait, h.fixed = c.inner, true
		} else if h.wait == 0 || c.inner < h.wait {
			h.wait = c.inner
		}
	}
	if want := wantedUsage(t, h); want&^c.usage != 0 && !v.markAll(t, h, want) {
		return refused
	}
	key := t.chain
	if head {
		key = initialKey
	}
	key = chainKey(key, h.id())
	if nest != nil && !v.holds(t, nest) {
		if !v.failNest(t, h) {
			return refused
		}
	}
	if mode&(Try|Check) == Check && !v.known(key) {
		if !v.validate(t, h, key, head) {
			return refused
		}
	}
	if sync {
		return pushed
	}
	t.chain = key
	t.depth++
	if t.depth > v.stats.MaxDepth {
		v.stats.MaxDepth = t.depth
	}
	if t.depth >= v.set.Depth {
		v.limit(t, LimitDepth, m, site)
		return refused
	}
	return pushed
}

// checkWait reports a lock whose waiting is harder than its surroundings allow: what holds for h's irq context and for
// the locks taken in it. False: refused.
func (v *Validator) checkWait(t *Task, h *held, c *class) bool {
	need := c.outer
	if need == 0 {
		need = c.inner
	}
	have := t.Context.wait()
	if h.wait != 0 && (h.fixed || h.wait < have) {
		have = h.wait
	}
	return need <= have || v.failWait(t, h)
}

// wait is the wait type of the context itself.
func (c Context) wait() WaitType {
	switch {
	case c&InHardirq != 0 && c&Threaded == 0:
		return WaitSpin
	case c&(InHardirq|InSoftirq) != 0:
		return WaitConfig
	}
	return WaitMax
}

// Release says that t released the lock.
func (v *Validator) Release(t *Task, m *Map, site Site) {
	if v.ignores(t) || m.Key == v.set.NoTrack && m.Key != 0 {
		return
	}
	top := t.depth - 1
	i := top
	if top < 0 || t.held[top].lock != m || t.held[top].references != 0 {
		if i = v.find(t, m); i < 0 {
			v.failBalance(t, m, site)
			return
		}
	}
	h := &t.held[i]
	if h.pins != 0 {
		v.warn(t, Internal, WarnReleasePinned, m, site)
	}
	if h.references != 0 {
		if h.references--; h.references != 0 {
			return
		}
	}
	t.depth, t.chain = i, h.prev
	if i < top {
		v.reacquire(t, i+1, top+1)
	}
}

// find returns the place of the lock in the newest irq context of t's stack, or -1. A release looks no further: an
// interrupt must not release what it interrupted.
func (v *Validator) find(t *Task, m *Map) int {
	for i := t.depth - 1; i >= 0; i-- {
		if i < t.depth-1 && t.held[i+1].irq != t.held[i].irq {
			return -1
		}
		if v.matches(&t.held[i], m) {
			return i
		}
	}
	return -1
}

// matches says whether the entry stands for the lock: it is the lock, or it counts several locks of its class.
func (v *Validator) matches(h *held, m *Map) bool {
	if h.lock == m {
		return true
	}
	if h.references == 0 {
		return false
	}
	id := v.cached(m, 0)
	if id == 0 {
		id = v.byKey[classKey{m.Key, v.base(m, 0)}]
	}
	// An entry whose nest lock is unknown cannot count: the kernel warns.
	return id != 0 && id == h.class && h.nest != nil
}

func (v *Validator) holds(t *Task, m *Map) bool {
	for i := range t.held[:t.depth] {
		if v.matches(&t.held[i], m) {
			return true
		}
	}
	return false
}

// Held tells whether t holds the lock, in any mode.
func (v *Validator) Held(t *Task, m *Map) bool { return v.holds(t, m) }

// reacquire takes the entries from..to again, after something below them changed: their chains are new. The class is
// looked up through the lock, as the kernel does, so a lock that was set up anew while it was held changes its class
// here. It returns how many entries were merged into another, and false if one was refused, which drops it and those
// above.
func (v *Validator) reacquire(t *Task, from, to int) (int, bool) {
	n := 0
	for i := from; i < to; i++ {
		h := t.held[i] // a copy: its slot may be written
		mode := h.mode&^modeSub | Mode(v.class(h.class).sub)
		switch v.acquire(t, h.lock, mode, h.nest, h.site, h.references, h.pins, false) {
		case refused:
			return n, false
		case merged:
			n++
		}
	}
	return n, true
}

// SetClass gives a held lock another class (lock_set_class).
func (v *Validator) SetClass(t *Task, m *Map, key uint64, name string, sub uint8, site Site) {
	if v.ignores(t) {
		return
	}
	i := v.change(t, m, site)
	if i < 0 {
		return
	}
	m.Key, m.Name, m.forced = key, name, 0
	m.empty()
	id := v.register(t, m, sub, site, false)
	if id == 0 {
		return
	}
	h := &t.held[i]
	h.class = id
	depth := t.depth
	t.depth, t.chain = i, h.prev
	v.reacquire(t, i, depth)
}

// Downgrade turns a writer into a reader (lock_downgrade).
func (v *Validator) Downgrade(t *Task, m *Map, site Site) {
	if v.ignores(t) {
		return
	}
	i := v.change(t, m, site)
	if i < 0 {
		return
	}
	h := &t.held[i]
	if h.mode.read() != 0 {
		v.warn(t, Internal, WarnDowngradeReader, m, site)
	}
	depth := t.depth
	t.depth, t.chain = i, h.prev
	h.mode = h.mode&^(Shared|Recursive) | Shared
	h.site = site
	if n, ok := v.reacquire(t, i, depth); ok && n > 0 {
		v.warn(t, Internal, WarnMerged, m, site)
	}
}

// change finds the held lock that is to be changed, or reports that there is none.
func (v *Validator) change(t *Task, m *Map, site Site) int {
	if t.depth == 0 {
		v.warn(t, Internal, WarnNothingHeld, m, site)
		return -1
	}
	i := v.find(t, m)
	if i < 0 {
		v.failBalance(t, m, site)
	}
	return i
}

// Pin makes the release of the lock a finding until Unpin is called with the cookie. The kernel draws cookies from a
// clock; here the caller gives one, above 0.
func (v *Validator) Pin(t *Task, m *Map, cookie uint32, site Site) {
	if v.ignores(t) {
		return
	}
	for i := range t.held[:t.depth] {
		if h := &t.held[i]; v.matches(h, m) {
			h.pins += cookie
			return
		}
	}
	v.warn(t, Internal, WarnPinUnheld, m, site)
}

// Unpin takes a pin back. Repin is Pin with the same cookie.
func (v *Validator) Unpin(t *Task, m *Map, cookie uint32, site Site) {
	if v.ignores(t) {
		return
	}
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		if !v.matches(h, m) {
			continue
		}
		switch {
		case h.pins == 0:
			v.warn(t, Internal, WarnUnpinUnpinned, m, site)
		case h.pins < cookie:
			v.warn(t, Internal, WarnPinCorrupted, m, site)
			h.pins = 0
		default:
			h.pins -= cookie
		}
		return
	}
	v.warn(t, Internal, WarnUnpinUnheld, m, site)
}

// Contended says that t waits for the lock, after its Acquire (LOCK_STAT). A lock that is not held is a finding.
func (v *Validator) Contended(t *Task, m *Map, site Site) {
	if v.ignores(t) || m.Key == v.set.NoTrack && m.Key != 0 {
		return
	}
	if t.depth == 0 {
		v.warn(t, Internal, WarnNothingHeld, m, site)
		return
	}
	if v.find(t, m) < 0 {
		v.failContention(t, m, site)
	}
}

// Freed says that t frees memory, or sets up a lock in it anew; a lock that it holds must not be there. The kernel
// looks at the freeing task's locks alone.
func (v *Validator) Freed(t *Task, from, size uint64, site Site) {
	if v.off {
		return
	}
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		if a := h.lock.Addr; a < from+size && a+uint64(v.set.MapSize) > from {
			v.failFreed(t, h, from, size, site)
			return
		}
	}
}

// Exit says that t ends. It must hold nothing.
func (v *Validator) Exit(t *Task, site Site) {
	if !v.off && t.depth > 0 {
		v.failLeaving(t, HeldAtExit, site)
	}
}

// ReturnToUser says that t returns to user space. It must hold nothing.
func (v *Validator) ReturnToUser(t *Task, site Site) {
	if !v.off && t.depth > 0 {
		v.failLeaving(t, HeldInUser, site)
	}
}

// ResetTask makes t hold nothing, as lockdep_init_task does.
func (v *Validator) ResetTask(t *Task) { t.depth, t.chain = 0, initialKey }
