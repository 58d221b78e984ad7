package replay

import (
	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/ktrace"
)

// want is the usage that an acquisition shows, by mode and state: the bits of
// wantedUsage of the engine.
var want = func() (t [2 * 2][16]uint16) {
	for m := range t {
		for s := range t[m] {
			rd := uint(0)
			if mode(m)&read != 0 {
				rd = 1
			}
			u := uint16(1) << (uint(kernel.Used) + rd)
			if mode(m)&try == 0 {
				if state(s)&inHard != 0 {
					u |= 1 << (uint(kernel.InHardirqW) + rd)
				}
				if state(s)&inSoft != 0 {
					u |= 1 << (uint(kernel.InSoftirqW) + rd)
				}
			}
			if state(s)&irqsOff == 0 {
				u |= 1 << (uint(kernel.HardirqOnW) + rd)
				if state(s)&(inSoft|bhOff) == 0 {
					u |= 1 << (uint(kernel.SoftirqOnW) + rd)
				}
			}
			t[m][s] = u
		}
	}
	return t
}()

func (r *Replay) acquire(t *task, s state, why last, ev *ktrace.Event) {
	if s&inNMI != 0 {
		r.counts.InNMI++ // lockdep does not follow them
		return
	}
	l := r.lock(ev.Addr, ev.Name)
	if l.class == 0 {
		return
	}
	m := mode(ev.Mode) & (try | read)
	if m&read != 0 && s.interrupt() {
		m |= inInterrupt
	}
	if s&preemptOn != 0 && t.depth > 0 && t.depth <= maxDepth {
		r.checkSpins(t, s)
	}
	id := l.class
	if t.bits>>(id&63)&1 != 0 {
		if id = r.nest(t, id, ev.Addr, ev.Time); id == 0 {
			return
		}
	}
	if t.depth >= maxDepth {
		r.counts.Deep++
		t.whole = false
		return
	}
	c := &r.classes[l.class]
	if m&read != 0 {
		c.ev |= reads
	}
	if c.addr != ev.Addr && c.static == 0 {
		c.ev |= many
	}
	e := entry{addr: ev.Addr, time: ev.Time, class: id, cpu: int16(ev.CPU), mode: m, state: s}
	switch {
	case c.ev&waited == 0:
		l.holder = t.slot // as far as there is one: maps have many
	case m == try:
		e.got, l.holder = true, r.takeOver(t, l, ev)
	}
	r.push(t, e, ev)
	if r.opt.Waits {
		r.waitAcquire(t, l, &t.held[t.depth-1], why, ev)
	}
}

// push puts a lock on the stack, and learns if that is news: a chain or a
// usage that was not met before.
func (r *Replay) push(t *task, e entry, ev *ktrace.Event) {
	key := t.chain
	if t.depth == 0 || t.held[t.depth-1].state.irq() != e.state.irq() {
		key = emptyChain
	}
	key = mix(key, uint64(e.class)<<3|uint64(e.mode&(read|inInterrupt)))
	c := &r.classes[e.class]
	u := want[e.mode&3][e.state&15]
	if c.ev&unchecked != 0 {
		u &= 3 << kernel.Used
	}
	news, sure, chain := u&^c.usage != 0, u&^c.sure == 0, uint64(0)
	if e.mode&try == 0 && c.ev&unchecked == 0 {
		if first, marked := r.chains.add(key); !marked {
			chain, news, sure = key, news || first, false
		}
	}
	if news {
		c.usage |= u
		if i := r.observe(take, t, e.state, ev, &e); i >= 0 && t.opens() {
			r.opens(take, t, e.state, ev, nil, i, chain, e.class, u)
		}
	} else if !sure && t.opens() {
		r.opens(take, t, e.state, ev, &e, -1, chain, e.class, u)
	}
	c.ops++
	e.below, e.bits = t.chain, t.bits
	if int(t.depth) == len(t.held) {
		t.held = append(t.held, make([]entry, max(4, len(t.held)))...)
	}
	t.held[t.depth] = e
	t.depth++
	t.chain = key
	t.bits |= 1 << (r.classes[e.class].base & 63)
}

// nest chooses the class of a lock while locks of its class may be held. The
// kernel calls that a recursion unless the subclass, or a lock that
// serialises them, says that it is meant so; no event says so. So locks at
// different addresses get different subclasses, in their order, and only the
// same lock twice is the same class. 0: the lock is counted in another.
func (r *Replay) nest(t *task, base classID, addr, now uint64) classID {
	sub, last := 0, int32(-1)
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		if r.classes[h.class].base != base {
			continue
		}
		if h.addr == addr {
			if r.classes[base].ev&(unchecked|recursive) == 0 {
				// A release that is missing looks the same.
				if t.dirty = true; h.time == now {
					r.odd(oddTwice, t)
				}
			}
			return h.class
		}
		sub = max(sub, int(r.classes[h.class].sub)+1)
		last = int32(i)
	}
	if last < 0 {
		return base
	}
	if sub >= maxSub {
		t.held[last].merged++
		r.counts.Merged++
		return 0
	}
	return r.subclass(base, sub)
}

func (r *Replay) release(t *task, s state, ev *ktrace.Event) {
	if s&inNMI != 0 {
		return
	}
	i := t.depth - 1
	for i >= 0 && t.held[i].addr != ev.Addr {
		i--
	}
	if i < 0 {
		if t.released == ev.Addr && t.releasedAt == ev.Time {
			r.odd(oddTwice, t)
			return
		}
		r.unheld(t, s, ev)
		return
	}
	t.released, t.releasedAt = ev.Addr, ev.Time
	if r.opt.LockStat {
		r.statRelease(&t.held[i], ev)
	}
	e := &t.held[i]
	l := r.lock(ev.Addr, ev.Name)
	if l.holder == t.slot {
		l.holder = 0
	}
	if l.class != e.class && l.class != r.classes[e.class].base {
		r.odd(oddName, t)
	}
	if s.irq() != e.state.irq() {
		r.odd(oddIRQ, t)
	}
	for j := i + 1; j < t.depth; j++ {
		if t.held[j].state.irq() != e.state.irq() {
			// An interrupt does not release what it interrupted.
			r.counts.ReleasedElsewhere++
			break
		}
	}
	if r.pop(t, i, ev); t.depth == 0 {
		r.ends(t, true)
	}
}

// pop takes an entry off the stack. Those above it are taken again, as the
// kernel does: without it they are other chains.
func (r *Replay) pop(t *task, i int32, ev *ktrace.Event) {
	e := &t.held[i]
	depth := t.depth
	t.depth, t.chain, t.bits = i, e.below, e.bits
	for j := i + 1; j < depth; j++ {
		above := t.held[j] // a copy: its slot is written
		above.state = above.state&(irqsOff|inHard|inSoft|preemptOn) | t.state&bhOff
		merged := above.merged
		r.push(t, above, ev)
		t.held[t.depth-1].merged = merged
	}
}

// unheld is a release of a lock that the task does not hold, as far as we know.
func (r *Replay) unheld(t *task, s state, ev *ktrace.Event) {
	l := r.lock(ev.Addr, ev.Name)
	if l.kept = false; l.class == 0 {
		return
	}
	for i := t.depth - 1; i >= 0; i-- {
		if h := &t.held[i]; h.merged > 0 && r.classes[h.class].base == l.class {
			h.merged--
			return
		}
	}
	if t.overtaken == ev.Addr {
		t.overtaken = 0
		return
	}
	if l.holder != 0 && l.holder != t.slot && int(l.holder) < len(r.tasks) {
		o := r.tasks[l.holder]
		if o.epoch != r.epoch {
			r.stale(o)
		}
		for i := o.depth - 1; i >= 0; i-- {
			if o.held[i].addr == ev.Addr {
				r.counts.ReleasedElsewhere++
				r.odd(oddIRQ, o)
				if o.held[i].mode&read == 0 { // of readers there may be others
					r.pop(o, i, ev)
					l.holder = 0
				}
				return
			}
		}
	}
	if !t.whole {
		r.counts.ReleasedBefore++
		if t.depth > 0 {
			t.dirty = true
		}
		return
	}
	r.odd(oddUnheld, t)
	r.observe(release, t, s, ev, &entry{addr: ev.Addr, time: ev.Time, class: l.class, cpu: int16(ev.CPU), state: s})
}

// acquired shows that a lock is one that is waited for.
func (r *Replay) acquired(t *task, ev *ktrace.Event) {
	r.counts.LockEvents++
	i := t.depth - 1
	for i >= 0 && t.held[i].addr != ev.Addr {
		i--
	}
	if i < 0 {
		if t.whole {
			r.odd(oddGot, t)
		}
		return
	}
	e := &t.held[i]
	if e.got {
		r.odd(oddGot, t)
	}
	for j := range t.held[:i] {
		// Nobody gets a lock that he holds, unless as a reader twice: it was
		// released, unseen.
		if o := &t.held[j]; o.addr == ev.Addr && o.mode&e.mode&read == 0 {
			r.odd(oddOvertook, t)
			r.retract(t, o)
			return
		}
	}
	c := &r.classes[r.classes[e.class].base]
	c.ev |= waited
	e.got = true
	if l := r.locks.find(ev.Addr); e.mode&read == 0 && l.holder != t.slot {
		l.holder = r.takeOver(t, l, ev)
	}
	switch s := e.state; {
	case s&(preemptOn|irqsOff|inHard|inSoft|bhOff) == preemptOn && r.preempt:
		c.ev |= sleeps
	case r.contended && r.preemptible && s&(preemptOn|noFlags) == 0 && e.mode&try == 0 && (t.pid != 0 || s.irq() != 0) && c.ev&mutex == 0:
		// Nobody waits asleep while preemption is off, but for the idle task
		// before it is one, when it boots the kernel.
		c.ev |= spins
	}
	if r.opt.LockStat {
		r.statAcquired(e, ev)
	}
}

// Flags of contention_begin (include/trace/events/lock.h).
const (
	lcbPerCPU = 16
	lcbMutex  = 32
)

// contention shows of what kind the lock is that the task wants. Its address
// is that of the lock, in which the map lies.
func (r *Replay) contention(t *task, ev *ktrace.Event) {
	r.contended = true
	if t.depth == 0 || ev.Num&(lcbPerCPU|lcbMutex) == 0 {
		return
	}
	e := &t.held[t.depth-1]
	if e.addr-ev.Addr > 512 {
		return
	}
	c := &r.classes[r.classes[e.class].base]
	if ev.Num&lcbMutex != 0 {
		c.ev |= mutex | waited
	} else {
		c.ev |= queued
	}
}

// enabled learns that the task holds its locks while interrupts are on.
func (r *Replay) enabled(t *task, s state, ev *ktrace.Event) {
	soft := s&(bhOff|inSoft) == 0
	news, unsure, class, usage := false, false, classID(0), uint16(0)
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		c := &r.classes[h.class]
		if c.ev&unchecked != 0 {
			continue
		}
		u := uint16(1) << kernel.HardirqOnW
		if soft {
			u |= 1 << kernel.SoftirqOnW
		}
		if h.mode&read != 0 {
			u <<= 1
		}
		if u&^c.usage != 0 {
			c.usage |= u
			news = true
		}
		if u&^c.sure != 0 {
			unsure, class, usage = true, h.class, u
		}
	}
	switch {
	case news:
		if i := r.observe(irqsGoOn, t, s, ev, nil); i >= 0 && t.opens() {
			r.opens(irqsGoOn, t, s, ev, nil, i, 0, class, usage)
		}
	case unsure && t.opens():
		r.opens(irqsGoOn, t, s, ev, nil, -1, 0, class, usage)
	}
}

func (r *Replay) irqsOn(t *task, ev *ktrace.Event, who caller) {
	s := t.state
	if ev.Flags&ktrace.FlagsKnown != 0 {
		s = stateOf[uint8(ev.Flags)]
	}
	s &^= irqsOff
	if who == userReturn && s.irq() == 0 {
		t.forget()
		if t.depth > 0 {
			r.leaves(t, ev, inUser)
		}
		t.whole = true
		return
	}
	if t.depth > 0 {
		r.enabled(t, s, ev)
		t.state = s
	}
}

// leaves is for a task that ends or returns to user space with locks held.
// Only locks are a finding whose stack is known from its beginning.
func (r *Replay) leaves(t *task, ev *ktrace.Event, what what) {
	if t.whole {
		r.observe(what, t, t.state, ev, nil)
		for i := range t.held[:t.depth] {
			if e := &t.held[i]; e.got && e.mode&read == 0 {
				r.locks.find(e.addr).kept = true
			}
		}
	}
	r.drop(t)
}
