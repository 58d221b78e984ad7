package engine

import "unsafe"

// This file holds what the program may say about its own locks; package
// annotate documents the words.

// maxSubclass is the highest subclass, as in the kernel (MAX_LOCKDEP_SUBCLASSES
// is 8): a number that grows with the program's data is no role.
const maxSubclass = 7

// SetClass puts m into the class of that name. What was learned of it before
// stays with the old class, and so do the entries of those who hold it now.
func (v *Validator) SetClass(t *Task, m *Map, name string) {
	if name == "" {
		return
	}
	v.lock()
	c := v.classNamed(name, 0)
	v.unlock()
	v.join(t, m, c)
}

// NoValidate takes m out of the graph: it is still known to be held, but has
// no dependencies. Its class is the old one's name with a suffix, so that the
// other locks of that class are not concerned.
func (v *Validator) NoValidate(t *Task, m *Map, pc uintptr) {
	v.classify(t, m, pc, 'L')
	c := v.classIn(m)
	if c == 0 || v.classFlags(c)&classNoValidate != 0 {
		return
	}
	v.lock()
	c = v.classNamed(v.ClassName(c)+"/novalidate", v.classes[c].flags&classArray|classNoValidate)
	v.unlock()
	v.join(t, m, c)
}

// join puts m into class c, if there is one: the table may be full.
func (v *Validator) join(t *Task, m *Map, c ClassID) {
	if c == 0 {
		return
	}
	k := uint16(c)
	if v.classFlags(c)&classSlow != 0 {
		k |= slowBit
	}
	v.enroll(t, m, k)
}

// A nesting is the subclass that a task announced for an acquisition. It holds
// for the very next acquisition alone, and only of that lock; taskNested is set
// from the announcement to the end of the acquisition after it.
type nesting struct {
	inst  uintptr // address of the lock's Map
	sub   uint8   // announced and not yet used
	class ClassID // the class in which inst is taken, from then on

	of   ClassID // the subclass that was made last: class of/n is made
	n    uint8
	made ClassID
}

// Nested announces that t's next acquisition, if it is one of m, is of subclass
// n of m's class: the class with "/n" after its name.
func (v *Validator) Nested(t *Task, m *Map, n int) {
	t.nest.sub, t.nest.class = 0, 0
	if n <= 0 {
		return
	}
	t.nest.inst = uintptr(unsafe.Pointer(m))
	t.nest.sub = uint8(min(n, maxSubclass))
	t.setSlow(taskNested)
}

// nestedClass returns the class in which t takes m, by the slow path: that of
// the announcement, or m's own. An announcement for a lock that t holds
// already is void: to wait for oneself is a deadlock in any class.
func (v *Validator) nestedClass(t *Task, m *Map) ClassID {
	c := v.classIn(m)
	if t.slow&taskNested == 0 {
		return c
	}
	e := &t.nest
	n := e.sub
	e.sub, e.class = 0, 0
	if n == 0 || e.inst != uintptr(unsafe.Pointer(m)) {
		t.clearSlow(taskNested)
		return c
	}
	if _, held := t.find(e.inst); held || c == 0 {
		return c
	}
	if e.of != c || e.n != n {
		v.lock()
		const inherited = classWeak | classArray | classNoValidate
		e.made = v.classNamed(v.ClassName(c)+"/"+string([]byte{'0' + n}), v.classes[c].flags&inherited)
		v.unlock()
		e.of, e.n = c, n
	}
	if e.made == 0 {
		return c
	}
	e.class = e.made
	return e.made
}

// classOf returns the class in which t takes m in the acquisition under way.
func (v *Validator) classOf(t *Task, m *Map) ClassID {
	if t.slow&taskNested != 0 && t.nest.class != 0 && t.nest.inst == uintptr(unsafe.Pointer(m)) {
		return t.nest.class
	}
	return v.classIn(m)
}

// MightAcquire judges an acquisition that may happen here as one that does,
// except that t does not hold m afterwards. It reports false, and judges
// nothing, where t would wait for itself.
func (v *Validator) MightAcquire(t *Task, m *Map, pc uintptr, mode Mode, rw bool) bool {
	if t.slow&taskBusy != 0 || !v.wake(t) {
		return true
	}
	inst := uintptr(unsafe.Pointer(m))
	if t.holds(inst, Write, 0) > 0 || mode == Write && t.holds(inst, Read, 0) > 0 {
		return false
	}
	t.asks = true
	if rw && mode == Write {
		v.AcquireWriter(t, m, pc)
	} else {
		v.Acquire(t, m, pc, mode)
	}
	t.asks = false
	if i, ok := t.find(inst); ok { // the topmost entry of m is the one just made
		t.remove(i)
	}
	return true
}

// Holds reports whether t holds m, for reading or writing, and whether it does
// for writing. Where t is not followed, known is false.
func (v *Validator) Holds(t *Task, m *Map) (held, write, known bool) {
	if t.slow&taskBusy != 0 || !v.wake(t) {
		return false, false, false
	}
	inst := uintptr(unsafe.Pointer(m))
	w := t.holds(inst, Write, 0) > 0
	return w || t.holds(inst, Read, 0) > 0, w, true
}

// Misuse is what t, at pc, says of m and what is not so.
type Misuse uint8

const (
	// NotHeld: m is held, says the program; t does not hold it.
	NotHeld Misuse = iota
	// NotHeldWrite: m is held for writing; t holds it for reading, or not at all.
	NotHeldWrite
	// IsHeld: m is not held; t holds it.
	IsHeld
	// MightRecurse: m may be taken here; t holds it.
	MightRecurse
)

// Misused records that t misuses m, once a place and chain of held locks.
func (v *Validator) Misused(t *Task, m *Map, pc uintptr, what Misuse) {
	v.classify(t, m, pc, 'L')
	kind, mode := obsNotHeld, Read
	switch what {
	case NotHeldWrite:
		mode = Write
	case IsHeld:
		kind = obsHeld
	case MightRecurse:
		kind, mode = obsMight, Write
	}
	key := mix(t.topKey(), v.classOf(t, m), mode) ^ uint64(pcHash(pc))<<8 ^ uint64(kind)
	if !v.chainSettled(t, m, key) {
		v.learn(t, m, pc, mode, key, kind)
	}
}
