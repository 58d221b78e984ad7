package engine

import (
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
//  2. serial is given with the class and never changes; a copy of the lock
//     copies it, and is told apart by its address. It tells an object from an
//     earlier one in the same memory, which the collector has cleared.
//
// Two first acquirers may race: the class of one of them stays. All changes are
// atomic, since the runtime counts permits in the same word.
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

// class returns the class and the slow bit.
func (m *Map) class() uint16 { return uint16(m.sema >> classShift) }

// serial returns the instance's number, which with its address identifies it.
func (m *Map) serial() uint32 { return m.sema >> serialShift & serialMask }

// set gives m its class, with or without the slow bit, and, if it has none
// yet, its serial.
func (m *Map) set(class uint16, serial uint32) {
	for {
		o := atomic.LoadUint32(&m.sema)
		if s := o >> serialShift & serialMask; s != 0 {
			serial = s
		}
		n := o&(1<<serialShift-1) | serial&serialMask<<serialShift | uint32(class)<<classShift
		if atomic.CompareAndSwapUint32(&m.sema, o, n) {
			return
		}
	}
}

// Held is one entry of a task's held stack: 32 bytes.
type Held struct {
	inst   uintptr // address of the lock's Map
	pc     uintptr // return address of the acquisition
	key    uint64  // chain key, this entry included
	class  ClassID // 0: class table was full; the entry only balances its release
	mode   Mode
	flags  uint8
	serial uint32
}

const (
	heldTry uint8 = 1 << iota // taken by a try: nobody waited for it
	heldGot                   // the wait is over
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
	slow   uint32 // taskXxx bits: the next acquisition goes through the slow path
	goid   uint64
	held   *Held // [cap]Held
	cap    uint32
	id     uint32
	next   uint32 // next serial to give out
	last   uint32 // end of the block of serials
	inbox  uint32 // head of the released-elsewhere list, validator locked
	test   TestID
	origin uintptr // where the goroutine was made
	nest   nesting
	own    [inlineHeld]Held
}

const (
	taskFresh   uint32 = 1 << iota // the goroutine is new to this task
	taskInbox                      // another goroutine released a lock of this task
	taskBusy                       // the validator itself runs on this goroutine
	taskOrphans                    // locks were left behind: each one taken is looked up
	taskPending                    // waits for a lock that it holds itself
	taskBlind                      // too deep: not followed until the goroutine ends
	taskNested                     // the class of one acquisition is announced
)

func (t *Task) at(i uint32) *Held {
	return (*Held)(unsafe.Add(unsafe.Pointer(t.held), uintptr(i)*unsafe.Sizeof(Held{})))
}

// Depth returns the number of locks that the task holds.
func (t *Task) Depth() int { return int(t.depth) }

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
		if slab == nil {
			return nil
		}
		v.slabs[id/slabTasks] = slab
	}
	t := &(*[slabTasks]Task)(slab)[id%slabTasks]
	t.id = id
	t.held = &t.own[0]
	t.cap = inlineHeld
	t.slow = taskFresh
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
	var p *Held
	if v.heap {
		p = &make([]Held, n)[0]
	} else {
		p = (*Held)(v.alloc(uintptr(n) * unsafe.Sizeof(Held{})))
		if p == nil {
			t.setSlow(taskBlind)
			t.depth = 0
			return false
		}
	}
	old := t.held
	for i := uint32(0); i < t.depth; i++ {
		*(*Held)(unsafe.Add(unsafe.Pointer(p), uintptr(i)*unsafe.Sizeof(Held{}))) = *(*Held)(unsafe.Add(unsafe.Pointer(old), uintptr(i)*unsafe.Sizeof(Held{})))
	}
	t.held = p
	t.cap = n
	return true
}

// tags remember of locks what they were nested in last. The table is small and
// loses old entries; a lost one costs certainty, never a finding. An entry is
//
//	check of the inner lock 20 | check of the outer lock 28 | low bits of the goroutine 16
const tagBits = 14

func tagHash(inst uintptr, serial uint32) uint64 {
	h := (uint64(inst) ^ uint64(serial)<<48) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// tag notes that t nested m in h, with nothing else held.
func (v *Validator) tag(t *Task, m *Map, h *Held) {
	in := tagHash(uintptr(unsafe.Pointer(m)), m.serial())
	v.tags[in&(1<<tagBits-1)] = in>>44<<44 | tagHash(h.inst, h.serial)>>36<<16 | uint64(uint16(t.goid))
}

// taggedIn returns the low bits of the goroutine that nested the lock inner
// last, if the lock outer was what it was nested in.
func (v *Validator) taggedIn(inner uintptr, innerSerial uint32, outer uintptr, outerSerial uint32) (goid uint16, ok bool) {
	in := tagHash(inner, innerSerial)
	e := v.tags[in&(1<<tagBits-1)]
	return uint16(e), e>>16 == in>>44<<28|tagHash(outer, outerSerial)>>36
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

// serial gives the next instance serial, 1 to 4095. Tasks draw blocks, so that
// first acquisitions on different goroutines do not meet.
func (v *Validator) serial(t *Task) uint32 {
	if t.next == t.last {
		t.last = atomic.AddUint32(&v.serials, 64)
		t.next = t.last - 64
	}
	t.next++
	return t.next%serialMask + 1
}

// A released entry: a lock of one task that another task released.
type released struct {
	next uint32
	mode Mode
	inst uintptr
}

// post tells task t that another goroutine released its lock inst. Locked.
func (v *Validator) post(t *Task, inst uintptr, mode Mode) {
	n := v.freeReleased
	if n != 0 {
		v.freeReleased = v.releasedTab[n].next
	} else {
		if v.nreleased+1 >= uint32(len(v.releasedTab)) {
			v.full(tabHeld, uint32(len(v.releasedTab)))
			return
		}
		v.nreleased++
		n = v.nreleased
	}
	v.releasedTab[n] = released{next: t.inbox, mode: mode, inst: inst}
	t.inbox = n
	t.setSlow(taskInbox)
}

// posted counts how often inst is in t's inbox, released in that mode. Locked.
func (v *Validator) posted(t *Task, inst uintptr, mode Mode) uint32 {
	c := uint32(0)
	for n := t.inbox; n != 0; n = v.releasedTab[n].next {
		if r := &v.releasedTab[n]; r.inst == inst && r.mode == mode {
			c++
		}
	}
	return c
}

// drain removes what other goroutines released from t's held stack.
func (v *Validator) drain(t *Task) {
	v.lock()
	n := t.inbox
	t.inbox = 0
	t.clearSlow(taskInbox)
	for n != 0 {
		r := v.releasedTab[n]
		v.releasedTab[n].next = v.freeReleased
		v.freeReleased = n
		// The lowest entry goes: the task may still wait for the one on top.
		for i := uint32(0); i < t.depth; i++ {
			if h := t.at(i); h.inst == r.inst && h.mode == r.mode {
				t.remove(i)
				break
			}
		}
		n = r.next
	}
	v.unlock()
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
// nothing is validated again.
func (t *Task) remove(i uint32) {
	key := initialKey
	if i > 0 {
		key = t.at(i - 1).key
	}
	below := t.at(i).key
	for j := i + 1; j < t.depth; j++ {
		h := *t.at(j)
		if h.key != below { // an entry that is not judged has the key below it
			key = mix(key, h.class, h.mode)
		}
		below = h.key
		h.key = key
		*t.at(j - 1) = h
	}
	t.depth--
}
