package engine

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

const initialKey uint64 = 0x9e3779b97f4a7c15

// mix folds the next lock of a chain into its key: one 64 by 64 bit multiply,
// and none for the first. Two chains with one key would hide the second; with
// 10^5 chains that has a chance below 10^-9.
func mix(key uint64, c ClassID, m Mode) uint64 { return mixLock(key, uint64(m)<<16|uint64(c)) }

func mixLock(key, lock uint64) uint64 {
	if key == initialKey {
		return initialKey ^ lock
	}
	hi, lo := bits.Mul64(key^0xa0761d6478bd642f, lock^0xe7037ed1a0b428db)
	return hi ^ lo ^ key<<1
}

// Pop is [Validator.Release] for the common case that m was taken last; false: it
// is not that case. Small enough to be inlined.
//
// A task that has not looked since another goroutine released a lock may have an
// entry that is not its own any more: then it is not that case.
func (v *Validator) Pop(t *Task, m *Map) bool {
	h := t.top()
	if h.inst != uintptr(unsafe.Pointer(m)) || !v.calm(t) {
		return false
	}
	t.depth--
	return true
}

// Again is [Validator.Taken] for the common case that t took m in this way at
// this place of its held stack before; false: it is not that case. how is
// [ToWrite] or [ToRead]. Small enough to be inlined.
//
// A popped entry stays where it is, and is good as long as it is what would be
// pushed: then it needs a new pc, and nothing is learned.
//
// Proof. The entry is m's, in its class and mode, and has no heldLook. Whoever
// changes what is under a popped entry marks it with that: a push that is no
// Again, and the removal of an entry that is not on top. So the same goroutine
// has learned this chain, of these instances, since its task came to it. Such a
// repetition teaches nothing unless the chain's meta word has changed since, and
// then the epoch has, too; entries of chains that are counted, or were never
// judged, are marked. ∎
func (v *Validator) Again(t *Task, m *Map, pc uintptr, how uint64) bool {
	h := t.at(t.depth)
	if h.inst != uintptr(unsafe.Pointer(m)) || h.word != uint64(m.sema)|how || !v.calm(t) {
		return false
	}
	h.pc = pc
	t.depth++
	return true
}

// renew asks the host for t's goroutine, if it is new to it, removes what other
// goroutines released, and makes t look at the locks that it took so far when it
// takes them again. The push that follows sees to the popped ones.
func (v *Validator) renew(t *Task) {
	if t.goid == 0 {
		v.fresh(t)
	}
	if atomic.LoadUint32(&t.slow)&taskInbox != 0 {
		v.drain(t) // first: those were taken off the notes
	}
	since := t.epoch
	atomic.StoreUint32(&t.epoch, atomic.LoadUint32(&v.epoch))
	for i := uint32(0); i < t.depth; i++ {
		t.at(i).word |= lookBit
	}
	t.above().word |= lookBit
	if t.depth != 0 && atomic.LoadUint32(&v.nhanded) != 0 {
		v.dropHanded(t, since)
	}
}

// Acquire records that task t is about to wait for lock m in the given mode and
// judges it. It is called before the wait, so that a report precedes the hang.
// pc is the return address of the call that takes the lock.
//
// A nil t asks the host for the running goroutine's task; the task is returned,
// nil where the goroutine is not followed.
func (v *Validator) Acquire(t *Task, m *Map, pc uintptr, mode Mode) *Task {
	if t == nil {
		if t = v.hostTask(); t == nil {
			return nil
		}
	}
	if atomic.LoadUint32(&v.orphans) != 0 {
		v.checkOrphan(t, m, pc, mode)
	}
	v.acquire(t, m, pc, uint64(mode)<<modeShift)
	return t
}

// Taken is Acquire and [Validator.Acquired] where t got m without a wait. It is
// called when t has it.
//
// Cost: nothing held: five stores. Something held and the chain known: a
// multiply and two loads more. No allocation.
func (v *Validator) Taken(t *Task, m *Map, pc uintptr, mode Mode) {
	v.acquire(t, m, pc, uint64(mode)<<modeShift|gotBit)
}

// What [Validator.Again] takes a lock for, as in Held.word.
const (
	ToWrite = gotBit | uint64(Write)<<modeShift
	ToRead  = gotBit | uint64(Read)<<modeShift
)

// Flags in a Held.word.
const (
	gotBit  = uint64(heldGot) << flagShift
	lookBit = uint64(heldLook) << flagShift
)

// acquire is the common path; bits are the mode and the flags of the entry.
func (v *Validator) acquire(t *Task, m *Map, pc uintptr, bits uint64) {
	s := m.sema
	if t != nil && t.epoch != atomic.LoadUint32(&v.epoch) {
		v.renew(t)
	}
	// No class, one that does not exist, or the slow bit: see Map.
	if t == nil || s-1<<classShift >= atomic.LoadUint32(&v.named) || t.slow != 0 || t.depth >= t.cap {
		v.acquireSlow(t, m, pc, bits)
		return
	}
	h := t.at(t.depth)
	up := h.below()
	word := uint64(s) | bits
	key := initialKey ^ word>>classShift&lockMask
	if up.key != initialKey { // something is held that is judged
		key = mixLock(up.key, word>>classShift&lockMask)
		e := v.chainAt(key)
		meta := atomic.LoadUint64(&e.meta)
		if atomic.LoadUint64(&e.key) != key || meta != 0 && meta != t.goid&0xffffffff {
			v.acquireChain(t, m, pc, bits, key)
			return
		}
		if up.below().key == initialKey && (up.word|word)&untagged == 0 {
			v.tag(t, m, s>>serialShift&serialMask, up)
		}
	}
	h.inst = uintptr(unsafe.Pointer(m))
	h.pc = pc
	h.key = key
	h.word = word
	h.above().word |= lookBit
	t.depth++
}

func (v *Validator) hostTask() *Task {
	if v.host.Task == nil {
		return nil
	}
	return v.host.Task()
}

// Acquired records that t got m: the end of the wait that Acquire announced.
func (v *Validator) Acquired(t *Task, m *Map, mode Mode) {
	if t.epoch != atomic.LoadUint32(&v.epoch) || t.slow&taskInbox != 0 {
		v.look(t) // an older entry of m may be one that was released
	}
	if d := t.depth; d != 0 {
		t.at(d - 1).word |= uint64(heldGot) << flagShift
		if t.slow != 0 {
			v.timeAcquired(t)
			v.settle(t, m)
			v.recorded(t, m)
		}
	}
}

// settle ends t's wait. If it waited for a lock that it held itself, another
// goroutine released it: the lock is handed over, not held.
func (v *Validator) settle(t *Task, m *Map) {
	if t.slow&taskWaits != 0 {
		v.unwait(t)
	}
	if t.slow&taskPending == 0 {
		return
	}
	t.clearSlow(taskPending)
	v.lock()
	v.handoff(v.classIn(m))
	v.unlock()
}

// Release records that t releases m.
func (v *Validator) Release(t *Task, m *Map, mode Mode) {
	if t == nil || !v.Pop(t, m) {
		v.releaseSlow(t, m, mode)
	}
}

// acquireChain is acquire where the first probe of the chain cache missed.
func (v *Validator) acquireChain(t *Task, m *Map, pc uintptr, bits, key uint64) {
	if _, again := t.find(mapInst(m)); again && v.retaken(t, m, bits) {
		key = mix(t.topKey(), v.classOf(t, m), Mode(bits>>modeShift))
		if !t.Holding() {
			v.push(t, m, pc, bits, key)
			return
		}
	}
	v.acquireHeld(t, m, pc, bits, key)
}

// acquireHeld is acquireChain where it is known that t's entries of m are true.
func (v *Validator) acquireHeld(t *Task, m *Map, pc uintptr, bits, key uint64) {
	mode := Mode(bits >> modeShift)
	settled := v.chainSettled(t, m, key)
	if !settled && v.stripped(t, m) {
		key = mix(t.topKey(), v.classOf(t, m), mode)
		settled = !t.Holding() || v.chainSettled(t, m, key)
	}
	if !settled {
		if bits&gotBit != 0 {
			t.got, t.gotAs = mapInst(m), mode
		}
		v.learn(t, m, pc, mode, key, obsLock)
		t.got = 0
	}
	if e := v.chainFind(key); e == nil || atomic.LoadUint64(&e.meta)>>metaTop != 0 {
		bits |= lookBit // counted each time
	}
	v.push(t, m, pc, bits, key)
}

func (v *Validator) push(t *Task, m *Map, pc uintptr, bits, key uint64) {
	if !v.grow(t) {
		return
	}
	h := t.at(t.depth)
	if up := h.below(); up.key != initialKey && up.below().key == initialKey && (up.word|bits)&untagged == 0 {
		v.tag(t, m, m.serial(), up)
	}
	*h = Held{
		inst: uintptr(unsafe.Pointer(m)), pc: pc, key: key,
		word: bits | uint64(m.serial())<<serialShift | uint64(v.classOf(t, m))<<classShift,
	}
	h.above().word |= lookBit
	t.depth++
	if t.slow&taskTimed != 0 {
		v.timePush(t)
	}
	if t.slow&taskPending != 0 && bits>>flagShift&uint64(heldGot) != 0 {
		v.settle(t, m)
	}
}

// wake prepares a task for an acquisition that takes the slow path; false:
// the task is not followed.
func (v *Validator) wake(t *Task) bool {
	s := atomic.LoadUint32(&t.slow)
	if t.goid == 0 {
		v.fresh(t)
	}
	if s&taskInbox != 0 || t.epoch != atomic.LoadUint32(&v.epoch) {
		v.look(t)
	}
	return s&taskBlind == 0
}

func (v *Validator) fresh(t *Task) {
	t.goid = uint64(t.id)
	if v.host.Goroutine != nil {
		t.goid, t.origin = v.host.Goroutine()
	}
	if t.maker = 0; v.host.Maker != nil {
		t.maker = v.host.Maker()
	}
	if v.host.Record != nil {
		t.setSlow(taskRecord)
	}
}

// recorded tells the host of t's top entry, which it has now.
func (v *Validator) recorded(t *Task, m *Map) {
	if h := t.top(); t.slow&taskRecord != 0 && t.depth != 0 && h.inst == uintptr(unsafe.Pointer(m)) && h.flags()&heldGot != 0 {
		kind := "LR"[h.mode()&1]
		if h.flags()&heldTry != 0 {
			kind = "TV"[h.mode()&1]
		}
		v.host.Record(h.inst, h.serial(), h.class(), h.pc, kind)
	}
}

// topKey returns the key of the chain that t holds.
func (t *Task) topKey() uint64 {
	return t.top().key
}

func (v *Validator) acquireSlow(t *Task, m *Map, pc uintptr, bits uint64) {
	if t == nil {
		t = v.hostTask()
	}
	if t == nil || !v.wake(t) {
		return
	}
	v.classify(t, m, pc, 'L')
	if t.depth != 0 {
		v.mend(t, m, bits)
	}
	mode := Mode(bits >> modeShift)
	c := v.nestedClass(t, m)
	if t.slow&taskLeaving != 0 {
		v.after(t, c)
	}
	if c == 0 || t.slow&taskBusy != 0 || v.classFlags(c)&classNoValidate != 0 {
		v.push(t, m, pc, bits|lookBit, t.topKey())
		v.recorded(t, m)
		return
	}
	back := v.steers(t, c) && v.stand(t, m, c, mode, bits&gotBit != 0)
	if back {
		bits &^= gotBit
	}
	if key := mix(t.topKey(), c, mode); t.Holding() {
		v.acquireHeld(t, m, pc, bits, key)
	} else {
		v.push(t, m, pc, bits, key)
	}
	if back {
		v.host.Steer.Lock(m, mode)
		v.Acquired(t, m, mode)
		return
	}
	v.recorded(t, m)
}

// AcquireWriter is Acquire for the writer of a reader/writer lock: it also
// records that a writer exists, without which readers exclude nobody.
func (v *Validator) AcquireWriter(t *Task, m *Map, pc uintptr) *Task {
	t = v.Acquire(t, m, pc, Write)
	if t == nil {
		return nil
	}
	if !v.wroteBefore(t, m) {
		v.writer(t, m, pc)
	}
	return t
}

// TryAcquired records that t took m by a try. A try does not wait, so nothing
// leads into m; what is taken while m is held is ordered as usual.
func (v *Validator) TryAcquired(t *Task, m *Map, pc uintptr, mode Mode) {
	if !v.wake(t) {
		return
	}
	v.classify(t, m, pc, 'L')
	v.mend(t, m, uint64(mode)<<modeShift|gotBit)
	c := v.nestedClass(t, m)
	if t.slow&taskLeaving != 0 {
		v.after(t, c)
	}
	key := t.topKey()
	if c != 0 && v.classFlags(c)&classNoValidate == 0 {
		key = mix(key, c, mode)
	}
	v.push(t, m, pc, uint64(mode)<<modeShift|uint64(heldTry|heldGot)<<flagShift, key)
	v.recorded(t, m)
}

// TryFailed records that t tried to take m and did not get it.
func (v *Validator) TryFailed(t *Task, m *Map, pc uintptr, mode Mode) {
	if atomic.LoadUint32(&v.orphans) != 0 {
		v.checkOrphan(t, m, pc, mode)
	}
}

// Touch judges an acquisition of m that found it settled without waiting, as
// Once.Do does when the function ran before: the order is a fact, the lock is
// not held afterwards.
func (v *Validator) Touch(t *Task, m *Map, pc uintptr) {
	if !t.Holding() || t.slow&(taskBusy|taskBlind) != 0 {
		return
	}
	if (t.slow != 0 || t.epoch != atomic.LoadUint32(&v.epoch)) && !v.wake(t) || !t.Holding() {
		return
	}
	c := v.classIn(m)
	if c == 0 || v.classFlags(c)&classNoValidate != 0 || !t.Holding() {
		return
	}
	key := mix(t.topKey(), c, Write) + 1
	if !v.chainSettled(t, m, key) {
		v.learn(t, m, pc, Write, key, obsTouch)
	}
}

// AcquireOnce is Acquire for the function of a Once.
func (v *Validator) AcquireOnce(t *Task, m *Map, pc uintptr) {
	if v.classIn(m) == 0 {
		if !v.wake(t) {
			return
		}
		v.classify(t, m, pc, 'O')
		if c := v.classIn(m); c != 0 && v.classFlags(c)&classOnce == 0 {
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
	if !t.Holding() || t.slow&(taskBusy|taskBlind) != 0 {
		return
	}
	if (t.slow != 0 || t.epoch != atomic.LoadUint32(&v.epoch)) && !v.wake(t) || !t.Holding() {
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
	if t.goid == 0 {
		v.fresh(t)
	}
	if t.slow&taskRecord != 0 && v.classIn(m) != 0 {
		v.host.Record(uintptr(unsafe.Pointer(m)), m.serial(), 0, 0, "UQ"[mode&1])
	}
	v.look(t) // m may be another goroutine's by now
	for {
		i, ok := t.find(mapInst(m))
		if !ok {
			break
		}
		if s := t.at(i).serial(); s != 0 && s != m.serial() { // an older lock was there
			v.dropPhantom(t, i, isOtherMap)
			continue
		}
		// Two readers on one goroutine release their own kind first.
		for j := i; ; j-- {
			if h := t.at(j); h.inst == uintptr(unsafe.Pointer(m)) && h.mode() == mode {
				i = j
				break
			}
			if j == 0 {
				break
			}
		}
		v.timeRelease(t, i)
		t.remove(i)
		return
	}
	if m.class() == 0 && v.fullMask == 0 || t.slow&taskBlind != 0 || v.moved(t, m, mode) {
		return
	}
	v.releaseElsewhere(t, m, mode)
}

// releaseElsewhere handles a lock that another goroutine took: Go allows it.
// The lock leaves the stack of the task that took it (see handover.go), and its
// class is known to be handed over.
func (v *Validator) releaseElsewhere(t *Task, m *Map, mode Mode) {
	v.lock()
	if v.orphans == 0 || !v.adoptOrphan(m) {
		v.handOver(m, mode)
	}
	v.handoff(v.classIn(m))
	v.unlock()
}

// EndTask records that t's goroutine ends and makes t ready for another one.
func (v *Validator) EndTask(t *Task) {
	if t.depth != 0 || t.slow != 0 {
		v.look(t)
		if t.slow&(taskBlind|taskBusy) == 0 {
			v.stripped(t, nil)
			for i := uint32(0); i < t.depth; i++ {
				v.orphan(t, t.at(i))
			}
		}
		t.depth = 0
		t.clearSlow(taskBlind | taskBusy | taskNested | taskLeaving)
	}
	t.Stretch()
	t.uses++
	t.goid, t.origin, t.test, t.made = 0, 0, 0, 0
	t.leaving = [maxCloses]leaving{}
	atomic.StoreUint32(&t.epoch, atomic.LoadUint32(&v.epoch)-1) // to be renewed
}

// SetTest labels what t learns from now on with a test's name.
func (t *Task) SetTest(id TestID) { t.test = id }
