package engine

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// A Map is the validator's part of a lock: the kernel's lockdep_map. It is the
// lock's own mutex (internal/sync.Mutex, Go 1.24 to 1.26), which does not grow:
// a mutex's semaphore never holds more than one permit (unlockSlow wakes one
// waiter, and no other before that one ran), so its upper 28 bits are free. The
// instrumented runtime looks at the count below them alone.
//
//	sema: slow 1 | class 15 | serial 12 | permits 4
//
// Invariants:
//
//  1. class is 0 until the first acquisition; after that it changes only from a
//     weak class to a named one, or by an annotation. The slow bit sends the
//     next acquisition through the slow path.
//  2. serial is given with the class and never changes: the low bits of the
//     lock's birth (birth.go), which tells an object from an earlier one in the
//     same memory, which the collector has cleared. A copy of the lock copies it.
//
// Two first acquirers may race: the class of one of them stays. All changes are
// atomic, since the runtime counts permits in the same word.
//
// A program can write any word here: by package unsafe, in a union, in memory that
// nobody cleared. A class that does not exist counts as none, and the lock gets one
// ([Validator.classIn]); so no entry of a held stack has a class that does not
// exist, and what lies on a held stack stays what it was when the lock is
// overwritten. Bits that happen to name a class cannot be told from that class.
type Map struct {
	state int32
	sema  uint32
}

// slowBit in a class: the next acquisition goes through the slow path.
const slowBit = 1 << 15

const (
	serialShift = 4
	serialMask  = 1<<12 - 1
	classShift  = 16
)

// class returns the class and the slow bit, as they stand.
func (m *Map) class() uint16 { return uint16(m.sema >> classShift) }

// classIn returns m's class; 0: it has none that exists.
func (v *Validator) classIn(m *Map) ClassID {
	c := m.sema &^ (slowBit << classShift)
	if c > atomic.LoadUint32(&v.named)|(1<<classShift-1) {
		return 0
	}
	return ClassID(c >> classShift)
}

// serial returns the low bits of the instance's birth.
func (m *Map) serial() uint32 { return m.sema >> serialShift & serialMask }

// set gives m its class, with or without the slow bit, and, if it has none
// yet, its serial: then it reports true.
//
// More than one permit is none of ours, but left from a word that was written by
// somebody else. One is left of them: a waiter that is woken without need looks at
// the lock and sleeps again, while permits near the end of their bits would carry
// into the serial, and be lost with the next one that counts.
func (m *Map) set(class uint16, serial uint32) (first bool) {
	for {
		o := atomic.LoadUint32(&m.sema)
		first = true
		if s := o >> serialShift & serialMask; s != 0 {
			serial, first = s, false
		}
		permits := min(o&(1<<serialShift-1), 1)
		n := permits | serial&serialMask<<serialShift | uint32(class)<<classShift
		if atomic.CompareAndSwapUint32(&m.sema, o, n) {
			return first
		}
	}
}

// Held is one entry of a task's held stack: 32 bytes, written by four stores.
type Held struct {
	inst uintptr // address of the lock's Map
	pc   uintptr // return address of the acquisition
	key  uint64  // chain key, this entry included
	word uint64  // flags 8 | mode 8 | class 16 | serial 12 | unused 4, as in Map.sema
}

const heldSize = unsafe.Sizeof(Held{})

const (
	modeShift = 32
	flagShift = 40
	lockMask  = 1<<24 - 1 // of word >> classShift: mode and class
)

// class of the entry. 0: the class table was full; it only balances its release.
func (h *Held) class() ClassID { return ClassID(uint16(h.word >> classShift)) }
func (h *Held) mode() Mode     { return Mode(h.word >> modeShift & 0xff) }
func (h *Held) flags() uint8   { return uint8(h.word >> flagShift) }
func (h *Held) serial() uint32 { return uint32(h.word >> serialShift & serialMask) }

// above returns the entry over h. Behind the last one is one that is never held.
func (h *Held) above() *Held { return (*Held)(unsafe.Add(unsafe.Pointer(h), heldSize)) }

// below returns the entry under h. The one under the first has the key of the
// empty chain, as has an entry that is not judged with nothing judged under it.
func (h *Held) below() *Held { return (*Held)(unsafe.Add(unsafe.Pointer(h), -int(heldSize))) }

const (
	heldTry    uint8 = 1 << iota // taken by a try: nobody waited for it
	heldGot                      // the wait is over
	heldQueued                   // a writer that readers queue behind: it waits for the readers before it
	heldOld                      // taken before the goroutine's stretch began: see event.go
	heldSlept                    // the goroutine slept for it
	heldLook                     // not to be taken again without a look: see Again
)

const (
	inlineHeld = 8    // entries that a task holds without a further allocation
	maxHeld    = 1024 // deeper stacks are not followed: a limit that is said
	slabTasks  = 64
)

// A Task is one goroutine's held stack. It is touched by its own goroutine
// only, but for slow and inbox, which others set with the validator locked.
type Task struct {
	depth  uint32
	cap    uint32
	epoch  uint32 // of the validator, when the popped entries were good
	slow   uint32 // taskXxx bits: the next acquisition goes through the slow path
	goid   uint64 // 0: the goroutine is new to this task
	held   *Held  // [cap]Held, and one more at either end: the one in front has the key of the empty chain, and cap as pc
	id     uint32
	inbox  uint32 // head of the released-elsewhere list, validator locked
	test   TestID
	origin uintptr // where the goroutine was made
	maker  uint64  // see AsMaker
	next   uint64  // the birth that was given out last: see birth.go
	last   uint64  // end of the block of births
	uses   uint16  // goroutines that had the task before
	made   uint16  // goroutines that the present one made
	nest   nesting
	asks   bool    // whether it might take a lock: see MightAcquire
	gotAs  Mode    // and how it has got
	got    uintptr // the lock, in an acquisition under way
	wait   uint32  // its wait, 0: none that is followed
	own    [1 + inlineHeld + 1]Held
	times  *taskTimes // nil: never timed

	closed  closed // see closed.go
	leaving [maxCloses]leaving

	doomed   uint32 // see hang.go
	doomNext uint32
}

const (
	taskInbox   uint32 = 1 << iota // another goroutine released a lock of this task
	taskBusy                       // the validator itself runs on this goroutine
	taskPending                    // waits for a lock that it holds itself
	taskBlind                      // too deep: not followed until the goroutine ends
	taskNested                     // the class of one acquisition is announced
	taskWaits                      // it is in the list of waits
	taskRecord                     // all that it does is recorded
	taskTimed                      // its locks are timed: see lockstat.go
	taskLeaving                    // it closed a channel, and what it takes now is followed: see closed.go
)

func (t *Task) at(i uint32) *Held {
	return (*Held)(unsafe.Add(unsafe.Pointer(t.held), uintptr(i)*heldSize))
}

// top returns the entry that was taken last; with nothing held, the one in
// front of the stack.
func (t *Task) top() *Held {
	return (*Held)(unsafe.Add(unsafe.Pointer(t.held), uintptr(t.depth)*heldSize-heldSize))
}

// calm reports whether t has no slow bit and has looked since the epoch changed
// last: one comparison of two words with their neighbours.
//
// A load that is not atomic is good enough. What changes the epoch happens before
// the release of a real lock; the hook of whoever takes that lock next comes after
// its compare-and-swap, which later loads do not overtake.
func (v *Validator) calm(t *Task) bool {
	if raceDetector {
		return atomic.LoadUint32(&t.slow) == 0 && atomic.LoadUint32(&t.epoch) == atomic.LoadUint32(&v.epoch)
	}
	return *(*uint64)(unsafe.Pointer(&t.epoch)) == *(*uint64)(unsafe.Pointer(&v.epoch))
}

// slow follows epoch, and noSlow does in a Validator; both are read as one word.
const (
	_ = -(unsafe.Offsetof(Task{}.epoch) + 4 ^ unsafe.Offsetof(Task{}.slow))
	_ = -(unsafe.Offsetof(Validator{}.epoch) + 4 ^ unsafe.Offsetof(Validator{}.noSlow))
)

// above returns the place of the next entry, which the last popped one may be in.
func (t *Task) above() *Held { return t.at(t.depth) }

// Holding reports whether the task holds a lock that is judged: whether what it
// waits for matters.
func (t *Task) Holding() bool { return t.top().key != initialKey }

// NewTask returns a task with no locks held, or nil where the table is full.
// The task is for one goroutine at a time; [Validator.EndTask] makes it ready
// for the next.
func (v *Validator) NewTask() *Task {
	v.lock()
	defer v.unlock()
	id := v.ntasks + 1
	if id >= v.lim.Tasks || int(id/slabTasks) >= len(v.slabs) {
		v.full(tabTasks, v.lim.Tasks)
		return nil
	}
	slab := v.slabs[id/slabTasks]
	if slab == nil {
		if v.heap {
			slab = unsafe.Pointer(new([slabTasks]Task))
		} else {
			slab = v.alloc(unsafe.Sizeof([slabTasks]Task{}))
		}
		if slab == nil || uintptr(slab)&7 != 0 {
			v.noMemory(id)
			return nil
		}
		v.slabs[id/slabTasks] = slab
	}
	t := &(*[slabTasks]Task)(slab)[id%slabTasks]
	t.id = id
	t.own[0].key, t.own[0].pc = initialKey, inlineHeld
	t.held = &t.own[1]
	t.cap = inlineHeld
	t.epoch = v.epoch - 1 // to be renewed
	if v.timed {
		t.slow = taskTimed
	}
	v.ntasks = id
	return t
}

func (v *Validator) task(id uint32) *Task {
	if id == 0 || id > v.ntasks {
		return nil
	}
	slab := v.slabs[id/slabTasks]
	if slab == nil {
		return nil
	}
	return &(*[slabTasks]Task)(slab)[id%slabTasks]
}

// grow makes room for one more held lock; false: the task is too deep.
func (v *Validator) grow(t *Task) bool {
	if t.depth < t.cap {
		return true
	}
	if t.cap >= maxHeld {
		v.lock()
		v.full(tabDepth, maxHeld)
		v.unlock()
		t.setSlow(taskBlind)
		t.depth = 0
		return false
	}
	n := min(t.cap*4, maxHeld)
	var p unsafe.Pointer
	if v.heap {
		p = unsafe.Pointer(&make([]Held, n+2)[0])
	} else if p = v.alloc(uintptr(n+2) * heldSize); p == nil || uintptr(p)&7 != 0 {
		v.lock()
		v.noMemory(t.cap)
		v.unlock()
		t.setSlow(taskBlind)
		t.depth = 0
		return false
	}
	held := (*Held)(unsafe.Add(p, heldSize))
	copy(unsafe.Slice((*Held)(p), n+1), unsafe.Slice((*Held)(unsafe.Add(unsafe.Pointer(t.held), -int(heldSize))), t.depth+1))
	held.below().pc = uintptr(n)
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&t.held)), unsafe.Pointer(held)) // see [Task.peek]
	t.cap = n
	return true
}

// tags remember who nested a pair of locks last. The table is small and loses
// old entries; a lost one costs certainty, never a finding. An entry is
//
//	check of both locks 48 | low bits of the goroutine 16
//
// of addresses and serials. The same goroutine nesting the same pair again finds
// its tag and stores nothing, so those that nest one lock in locks of their own
// share no cache line that is written. The second word is a hash of both births,
// stored where the first one changes: a tag of other locks that had the same
// addresses and serials is not believed. Two pairs are taken for each other with a
// chance of 2^-64.
type tag struct {
	check  uint64
	births uint64
}

const tagBits = 14

// tagOf returns the entry and the check of the pair outer, inner.
func (v *Validator) tagOf(inner uintptr, innerSerial uint32, outer uintptr, outerSerial uint32) (e *tag, check uint64) {
	hi, lo := bits.Mul64(uint64(inner)^uint64(innerSerial)<<48^0xa0761d6478bd642f, uint64(outer)^uint64(outerSerial)<<48^0xe7037ed1a0b428db)
	h := hi ^ lo
	return (*tag)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.tags)), h&(1<<tagBits-1)*uint64(unsafe.Sizeof(tag{})))), h &^ 0xffff
}

// untagged are the bits of Held.word of which a tag does not tell: readers and tries.
const untagged = uint64(0xff)<<modeShift | uint64(heldTry)<<flagShift

// tag notes that t nested m in h, with nothing else held.
func (v *Validator) tag(t *Task, m *Map, serial uint32, h *Held) {
	e, check := v.tagOf(uintptr(unsafe.Pointer(m)), serial, h.inst, h.serial())
	if check |= uint64(uint16(t.goid)); atomic.LoadUint64(&e.check) != check {
		v.retag(e, check, m, serial, h)
	}
}

// retag stores a tag. Where two goroutines store one at the same time, the words may be
// of different pairs: then the births do not agree. If they do, it is one pair, and the
// goroutine is one that nested it.
func (v *Validator) retag(e *tag, check uint64, m *Map, serial uint32, h *Held) {
	births := bornPair(v.birthOf(uintptr(unsafe.Pointer(m)), serial), v.birthOf(h.inst, h.serial()))
	if wide {
		e.births, e.check = births, check
		return
	}
	atomic.StoreUint64(&e.births, births)
	atomic.StoreUint64(&e.check, check)
}

// bornPair hashes the births of the pair inner, outer.
func bornPair(inner, outer uint64) uint64 {
	hi, lo := bits.Mul64(inner^0xa0761d6478bd642f, outer^0xe7037ed1a0b428db)
	return hi ^ lo
}

// taggedIn returns the low bits of the goroutine that nested the lock inner
// in the lock outer last, with nothing else held.
func (v *Validator) taggedIn(inner, outer *heldRec) (goid uint16, ok bool) {
	e, check := v.tagOf(uintptr(inner.addr), uint32(inner.birth)&serialMask, uintptr(outer.addr), uint32(outer.birth)&serialMask)
	x := atomic.LoadUint64(&e.check)
	return uint16(x), x&^0xffff == check && atomic.LoadUint64(&e.births) == bornPair(inner.birth, outer.birth)
}

func (t *Task) setSlow(b uint32) {
	for {
		o := atomic.LoadUint32(&t.slow)
		if atomic.CompareAndSwapUint32(&t.slow, o, o|b) {
			return
		}
	}
}

func (t *Task) clearSlow(b uint32) {
	for {
		o := atomic.LoadUint32(&t.slow)
		if atomic.CompareAndSwapUint32(&t.slow, o, o&^b) {
			return
		}
	}
}

// find returns the topmost entry of inst.
func (t *Task) find(inst uintptr) (uint32, bool) {
	for i := t.depth; i > 0; i-- {
		if t.at(i-1).inst == inst {
			return i - 1, true
		}
	}
	return 0, false
}

// remove takes entry i out of the stack. The chains of the entries above get
// shorter; every dependency in them was learned when they were taken, so
// nothing is validated again, unless they are taken again.
func (t *Task) remove(i uint32) {
	key := t.at(i).below().key
	below := t.at(i).key
	for j := i + 1; j < t.depth; j++ {
		h := *t.at(j)
		if h.key != below { // an entry that is not judged has the key below it
			key = mix(key, h.class(), h.mode())
		}
		below = h.key
		h.key = key
		h.word |= lookBit
		*t.at(j - 1) = h
	}
	t.depth--
	if i != t.depth {
		t.at(t.depth).word |= lookBit
	}
}
