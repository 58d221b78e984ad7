package engine

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

const initialKey uint64 = 0x9e3779b97f4a7c15

// mix folds the next lock of a chain into its key: one 64 by 64 bit multiply.
// Two chains with one key would hide the second; with 10^5 chains that has a
// chance below 10^-9.
func mix(key uint64, c ClassID, m Mode) uint64 {
	hi, lo := bits.Mul64(key^0xa0761d6478bd642f, (uint64(m)<<32|uint64(c))^0xe7037ed1a0b428db)
	return hi ^ lo ^ key<<1
}

// Acquire records that task t is about to take lock m in the given mode and
// judges it. It is called before the wait, so that a report precedes the hang.
// pc is the return address of the call that takes the lock.
//
// Cost: nothing held: two loads, one multiply, four stores. Something held and
// the chain known: one more multiply and one or two loads. No allocation.
//
// A nil t asks the host for the running goroutine's task; the task is returned,
// nil where the goroutine is not followed.
func (v *Validator) Acquire(t *Task, m *Map, pc uintptr, mode Mode) *Task {
	if t == nil {
		return v.acquireFirst(m, pc, mode)
	}
	sema := m.sema
	c := uint16(sema >> classShift)
	d := t.depth
	if c-1 >= slowBit-1 || t.slow != 0 || d >= t.cap {
		v.acquireSlow(t, m, pc, mode)
		return t
	}
	key := initialKey
	h := (*Held)(unsafe.Add(unsafe.Pointer(t.held), uintptr(d)*unsafe.Sizeof(Held{})))
	if d != 0 {
		key = (*Held)(unsafe.Add(unsafe.Pointer(h), -int(unsafe.Sizeof(Held{})))).key
	}
	key = mix(key, ClassID(c), mode)
	if d != 0 {
		e := &v.chains[key&v.chainMask]
		if atomic.LoadUint64(&e.key) != key {
			v.acquireChain(t, m, pc, mode, key)
			return t
		}
		if meta := atomic.LoadUint64(&e.meta); meta != 0 && meta != t.goid&0xffffffff {
			v.acquireChain(t, m, pc, mode, key)
			return t
		}
	}
	h.inst = uintptr(unsafe.Pointer(m))
	h.pc = pc
	h.key = key
	h.class = ClassID(c)
	h.mode = mode
	h.flags = 0
	h.serial = sema >> serialShift & serialMask
	t.depth = d + 1
	return t
}

func (v *Validator) acquireFirst(m *Map, pc uintptr, mode Mode) *Task {
	t := v.hostTask()
	if t != nil {
		v.Acquire(t, m, pc, mode)
	}
	return t
}

func (v *Validator) hostTask() *Task {
	if v.host.Task == nil {
		return nil
	}
	return v.host.Task()
}

// Acquired records that t got m: the end of the wait that Acquire announced.
func (v *Validator) Acquired(t *Task, m *Map, mode Mode) {
	d := t.depth
	if d == 0 {
		return
	}
	t.at(d - 1).flags |= heldGot
	if d > 1 {
		// Only where nothing else is held does the tag say all: see tagged.
		if h := t.at(0); d == 2 && mode == Write && h.mode == Write && h.flags&heldTry == 0 {
			v.tag(t, m, h)
		}
		if t.slow != 0 {
			v.settle(t, m)
		}
	}
}

// settle refutes a recursion: t got the lock that it held, so another
// goroutine released it, and the lock is handed over, not held.
func (v *Validator) settle(t *Task, m *Map) {
	if t.slow&taskPending == 0 {
		return
	}
	t.clearSlow(taskPending)
	v.lock()
	v.handoff(ClassID(m.class() &^ slowBit))
	v.unlock()
}

// Release records that t releases m.
func (v *Validator) Release(t *Task, m *Map, mode Mode) {
	if t != nil {
		if d := t.depth; d != 0 && t.slow == 0 {
			h := (*Held)(unsafe.Add(unsafe.Pointer(t.held), uintptr(d-1)*unsafe.Sizeof(Held{})))
			if h.inst == uintptr(unsafe.Pointer(m)) {
				t.depth = d - 1
				return
			}
		}
	}
	v.releaseSlow(t, m, mode)
}

// acquireChain is Acquire where the first probe of the chain cache missed.
func (v *Validator) acquireChain(t *Task, m *Map, pc uintptr, mode Mode, key uint64) {
	if !v.chainSettled(t, m, key) {
		v.learn(t, m, pc, mode, key, obsLock)
	}
	v.push(t, m, pc, mode, key, 0)
}

func (v *Validator) push(t *Task, m *Map, pc uintptr, mode Mode, key uint64, flags uint8) {
	if !v.grow(t) {
		return
	}
	*t.at(t.depth) = Held{
		inst: uintptr(unsafe.Pointer(m)), pc: pc, key: key, serial: m.serial(),
		class: t.classOf(m), mode: mode, flags: flags,
	}
	t.depth++
}

// wake prepares a task for an acquisition that takes the slow path; false:
// the task is not followed.
func (v *Validator) wake(t *Task) bool {
	s := atomic.LoadUint32(&t.slow)
	if s&taskFresh != 0 {
		v.fresh(t)
	}
	if s&taskInbox != 0 {
		v.drain(t)
	}
	if s&taskOrphans != 0 && atomic.LoadUint32(&v.orphans) == 0 {
		t.clearSlow(taskOrphans)
	}
	return s&taskBlind == 0
}

func (v *Validator) fresh(t *Task) {
	t.goid = uint64(t.id)
	if v.host.Goroutine != nil {
		t.goid, t.origin = v.host.Goroutine()
	}
	t.clearSlow(taskFresh)
	if atomic.LoadUint32(&v.orphans) != 0 {
		t.setSlow(taskOrphans)
	}
}

func (t *Task) topKey() uint64 {
	if t.depth == 0 {
		return initialKey
	}
	return t.at(t.depth - 1).key
}

func (v *Validator) acquireSlow(t *Task, m *Map, pc uintptr, mode Mode) {
	if !v.wake(t) {
		return
	}
	v.classify(t, m, pc, 'L')
	c := v.nestedClass(t, m)
	if c != 0 && t.slow&taskBusy == 0 && v.classFlags(c)&classNoValidate == 0 {
		if v.orphans != 0 {
			v.checkOrphan(t, m, pc, mode)
		}
		key := mix(t.topKey(), c, mode)
		if t.depth != 0 && !v.chainSettled(t, m, key) {
			v.learn(t, m, pc, mode, key, obsLock)
		}
		v.push(t, m, pc, mode, key, 0)
		return
	}
	v.push(t, m, pc, mode, t.topKey(), 0)
}

// AcquireWriter is Acquire for the writer of a reader/writer lock: it also
// records that a writer exists, without which readers exclude nobody.
func (v *Validator) AcquireWriter(t *Task, m *Map, pc uintptr) *Task {
	t = v.Acquire(t, m, pc, Write)
	if t == nil {
		return nil
	}
	if c := t.classOf(m); v.classFlags(c)&classBareWriter == 0 && c != 0 {
		v.writer(t, m, pc)
	}
	return t
}

// TryAcquired records that t took m by a try. A try does not wait, so nothing
// leads into m; what is taken while m is held is ordered as usual.
func (v *Validator) TryAcquired(t *Task, m *Map, pc uintptr, mode Mode, rw bool) {
	if t.slow != 0 && !v.wake(t) {
		return
	}
	if m.class() == 0 || m.class()&slowBit != 0 {
		v.classify(t, m, pc, 'L')
	}
	c := v.nestedClass(t, m)
	key := t.topKey()
	if c != 0 && v.classFlags(c)&classNoValidate == 0 {
		key = mix(key, c, mode)
	}
	v.push(t, m, pc, mode, key, heldTry|heldGot)
	if mode == Write && rw && c != 0 && v.classFlags(c)&classBareWriter == 0 {
		v.writer(t, m, pc)
	}
}

// TryFailed records that t tried to take m and did not get it.
func (v *Validator) TryFailed(t *Task, m *Map, pc uintptr, mode Mode) {
	if v.orphans != 0 {
		if t.slow != 0 && !v.wake(t) {
			return
		}
		v.checkOrphan(t, m, pc, mode)
	}
}

// Touch judges an acquisition of m that found it settled without waiting, as
// Once.Do does when the function ran before: the order is a fact, the lock is
// not held afterwards.
func (v *Validator) Touch(t *Task, m *Map, pc uintptr) {
	if t.depth == 0 || t.slow&(taskBusy|taskBlind) != 0 {
		return
	}
	if t.slow != 0 && !v.wake(t) {
		return
	}
	c := ClassID(m.class() &^ slowBit)
	if c == 0 || v.classFlags(c)&classNoValidate != 0 || t.depth == 0 {
		return
	}
	key := mix(t.topKey(), c, Write) + 1
	if !v.chainSettled(t, m, key) {
		v.learn(t, m, pc, Write, key, obsTouch)
	}
}

// AcquireOnce is Acquire for the function of a Once.
func (v *Validator) AcquireOnce(t *Task, m *Map, pc uintptr) {
	if m.class() == 0 {
		if !v.wake(t) {
			return
		}
		v.classify(t, m, pc, 'O')
		if c := ClassID(m.class() &^ slowBit); c != 0 && v.classFlags(c)&classOnce == 0 {
			v.lock()
			v.classes[c].set(classOnce)
			v.unlock()
		}
	}
	v.Acquire(t, m, pc, Write)
}

// Wait records that t waits for an event (a WaitGroup) with locks held. The
// waits are kept for later; nothing is judged.
func (v *Validator) Wait(t *Task, pc uintptr) {
	if t.depth == 0 || t.slow&(taskBusy|taskBlind) != 0 {
		return
	}
	if t.slow != 0 && !v.wake(t) {
		return
	}
	key := mix(t.topKey(), 0, Write) ^ uint64(pc)
	if !v.chainSettled(t, nil, key) {
		v.learn(t, nil, pc, Write, key, obsWait)
	}
}

func (v *Validator) releaseSlow(t *Task, m *Map, mode Mode) {
	if t == nil {
		if t = v.hostTask(); t == nil {
			return
		}
	}
	if t.slow&taskInbox != 0 { // m may be another goroutine's by now
		v.drain(t)
	}
	if i, ok := t.find(uintptr(unsafe.Pointer(m))); ok {
		// Two readers on one goroutine release their own kind first.
		for j := i; ; j-- {
			if h := t.at(j); h.inst == uintptr(unsafe.Pointer(m)) && h.mode == mode {
				i = j
				break
			}
			if j == 0 {
				break
			}
		}
		t.remove(i)
		return
	}
	if m.class() == 0 || t.slow&taskBlind != 0 {
		return
	}
	v.releaseElsewhere(t, m, mode)
}

// releaseElsewhere handles a lock that another goroutine took: Go allows it.
// The lock leaves the stack of the task that took it, and its class is known
// to be handed over.
func (v *Validator) releaseElsewhere(t *Task, m *Map, mode Mode) {
	inst := uintptr(unsafe.Pointer(m))
	c := ClassID(m.class() &^ slowBit)
	v.lock()
	defer v.unlock()
	if v.orphans != 0 && v.adoptOrphan(m) {
		v.handoff(c)
		return
	}
	if c != 0 && v.classes[c].flags&classSemaphore != 0 {
		return
	}
	// A lock does not say who took it. The search is linear in the tasks; a
	// class whose locks are handed over again and again is a semaphore, and its
	// holders are not followed any more.
	for id := uint32(1); id <= v.ntasks; id++ {
		if o := v.task(id); o != nil && o != t && o.depth != 0 && o.holds(inst, mode, heldGot) > v.posted(o, inst, mode) {
			v.handoff(c)
			v.post(o, inst, mode)
			break
		}
	}
	if c != 0 {
		k := &v.classes[c]
		if k.handoffs++; k.handoffs > maxHandoffs {
			k.set(classSemaphore | classNoValidate)
		}
	}
}

const maxHandoffs = 10000

// holds counts t's entries of inst in that mode that have those flags. It may race with t's own pushes; the
// entries below the top do not move while their locks are held, and a lock
// that another goroutine releases is one that t is not taking just now.
func (t *Task) holds(inst uintptr, mode Mode, flags uint8) uint32 {
	n := uint32(0)
	d := t.depth
	if d > t.cap {
		d = t.cap
	}
	for i := uint32(0); i < d; i++ {
		if h := t.at(i); h.inst == inst && h.mode == mode && h.flags&flags == flags {
			n++
		}
	}
	return n
}

// EndTask records that t's goroutine ends and makes t ready for another one.
func (v *Validator) EndTask(t *Task) {
	if t.depth != 0 || t.slow&^taskFresh != 0 {
		if t.slow&taskInbox != 0 {
			v.drain(t)
		}
		if t.slow&(taskBlind|taskBusy) == 0 {
			for i := uint32(0); i < t.depth; i++ {
				v.orphan(t, t.at(i))
			}
		}
		t.depth = 0
		t.clearSlow(taskBlind | taskBusy | taskNested)
	}
	t.setSlow(taskFresh)
	t.test = 0
	t.origin = 0
}

// SetTest labels what t learns from now on with a test's name.
func (t *Task) SetTest(id TestID) { t.test = id }
