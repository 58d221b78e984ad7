package engine

import (
	"sync/atomic"
	"unsafe"
)

// This file takes locks that another goroutine releases off the held stack of
// the goroutine that took them. Go allows such a release, and nothing in a lock
// says who took it.
//
// The release is noted, with the time, in a table by the lock's address, and the
// epoch rises. Every task looks at the table at its next hook, whatever that is,
// and removes what it holds and another goroutine released ([Validator.renew]).
// Nobody searches for the holder. The epoch is the clock: a task's epoch is the
// time up to which it has looked.
//
// Proof that a writer's release removes the entry of its holder, and no other.
// Let the release be at time E. Its hook runs before the lock is really free.
//
//  1. The holder pushed its entry before, at an epoch below E, and does not look
//     between. At its first hook after E its epoch is still below E, so it finds
//     the note and removes the entry. It does so before it does anything else in
//     that hook: before it pops, pushes, or says that a wait is over.
//  2. Who takes the lock later has its real lock after E, so its hook sees an
//     epoch of E at least. [Validator.acquire], [Validator.Acquired] and
//     [Validator.TryAcquired] look first, and only then have an entry with
//     heldGot. Entries without it are never removed. From then on the task's
//     epoch is E or higher, and the note, being no younger, is not for it.
//  3. Any other entry of a writer with heldGot from before E is stale too: at E
//     one goroutine had the lock and then nobody. So a writer's note is not used
//     up: it is served, and stays for a while. ∎
//
// Of several readers nobody can say which one was released. Each release has its
// own note, and one entry from before it is removed; any of them will do, since
// their class is known to be handed over. An entry takes the oldest note that came
// after it: a younger note may be for entries that are too young for the old one. A
// reader whose entry another one's release took finds none when it releases itself,
// and notes that in turn. So there are as many entries, less those noted, as there
// are readers.
//
// A goroutine may sleep for ever, so that a note would stay for ever. Each
// hand-over also looks at the next few tasks, in a circle, and puts what it finds
// into their inboxes. A note that went round twice is for nobody, and is
// forgotten. So a hand-over costs the same with any number of goroutines, and
// there are never more notes than half of the tasks.
type handed struct {
	inst         uintptr
	serial       uint32
	mode         Mode
	at           uint32 // epoch of the last release
	next         uint32 // of the bucket
	older, newer uint32 // by age
	born         uint64 // v.turns at the last release
	served       bool   // a writer whose entry is gone
}

const (
	handTurns  = 4  // tasks that are looked at in a hand-over
	handServed = 64 // notes that stay although they were served
)

// handedBits is the number of buckets, as a power of two.
const handedBits = 16

func handedBucket(inst uintptr) uint64 { return pcHash(inst) >> 32 & (1<<handedBits - 1) }

// mayBeHanded reports whether there can be a note of inst. It takes no lock.
func (v *Validator) mayBeHanded(inst uintptr) bool {
	return atomic.LoadUint32(&v.nhanded) != 0 && atomic.LoadUint32(&v.handedIdx[handedBucket(inst)]) != 0
}

// handedAt finds the oldest note that entry h of a task which has looked up to that
// epoch was released; 0: there is none. It may be asked without the lock, and then
// can miss one that comes or goes meanwhile.
func (v *Validator) handedAt(h *Held, epoch uint32) uint32 {
	if h.flags()&heldGot == 0 || v.nhanded == 0 {
		return 0
	}
	oldest := uint32(0)
	x := v.handedIdx[handedBucket(h.inst)]
	for n := 0; x != 0 && n < 1<<10; n++ {
		p := &v.handedTab[x]
		if p.inst == h.inst && p.mode == h.mode() && p.serial == h.serial() && v.epoch-epoch > v.epoch-p.at &&
			(oldest == 0 || v.epoch-p.at > v.epoch-v.handedTab[oldest].at) {
			oldest = x
		}
		x = p.next
	}
	return oldest
}

// gone reports whether entry h of t, which may be another goroutine's, was
// released by another goroutine since t looked. It takes no lock and uses no
// atomic operation; without the lock it may be of a moment ago.
func (v *Validator) gone(t *Task, h *Held) bool {
	if h.flags()&heldGot == 0 {
		return false
	}
	if v.handedAt(h, t.epoch) != 0 {
		return true
	}
	x := t.inbox
	for n := 0; x != 0 && n < 1<<10; n++ {
		r := &v.releasedTab[x]
		if r.inst == h.inst && r.mode == h.mode() {
			return true
		}
		x = r.next
	}
	return false
}

// look makes t see what other goroutines released.
func (v *Validator) look(t *Task) {
	if t.epoch != atomic.LoadUint32(&v.epoch) {
		v.renew(t)
	}
	if atomic.LoadUint32(&t.slow)&taskInbox != 0 {
		v.drain(t)
	}
}

// dropHanded removes what other goroutines released between that epoch and now
// off t's held stack.
func (v *Validator) dropHanded(t *Task, epoch uint32) {
	any := false
	for i := uint32(0); i < t.depth; i++ {
		any = any || v.mayBeHanded(t.at(i).inst)
	}
	if !any {
		return
	}
	v.lock()
	for i := uint32(0); i < t.depth; {
		x := v.handedAt(t.at(i), epoch)
		if x == 0 {
			i++
			continue
		}
		v.handedTo(x)
		v.timeRelease(t, i)
		t.remove(i)
	}
	v.unlock()
}

// handedTo says that an entry was found for note x. A reader's note is done. A
// writer's stays: all entries from before it are stale. Locked.
func (v *Validator) handedTo(x uint32) {
	p := &v.handedTab[x]
	if p.mode == Write {
		if !p.served {
			p.served = true
			v.unserved--
		}
		return
	}
	v.forget(x)
}

// handTables allocates what hand-overs need, at the first one; false: there is no
// memory. handedTab comes last: where it is, the others are. Locked.
func (v *Validator) handTables() bool {
	if v.handedIdx == nil {
		if x := tableOf(&v.handedIdx, 1<<handedBits); !v.allocate(&x) {
			return v.noMemory(x.n)
		}
	}
	if v.releasedTab == nil {
		if x := tableOf(&v.releasedTab, 2*v.lim.Tasks+64); !v.allocate(&x) {
			return v.noMemory(x.n)
		}
	}
	if x := tableOf(&v.handedTab, v.lim.Tasks/2+2*handServed); !v.allocate(&x) {
		return v.noMemory(x.n)
	}
	return true
}

// handOver notes that a goroutine that does not hold m releases it. Locked.
func (v *Validator) handOver(m *Map, mode Mode) {
	if v.handedTab == nil && !v.handTables() {
		return
	}
	inst, serial := uintptr(unsafe.Pointer(m)), m.serial()
	b := handedBucket(inst)
	x := v.handedIdx[b]
	if mode == Write { // one note says it all
		for x != 0 && (v.handedTab[x].inst != inst || v.handedTab[x].mode != mode || v.handedTab[x].serial != serial) {
			x = v.handedTab[x].next
		}
		if x != 0 {
			v.forget(x)
		}
	}
	for v.freeHanded == 0 && v.usedHanded+1 >= uint32(len(v.handedTab)) {
		v.forget(v.oldestHanded) // cannot be: the circle is faster
	}
	if x = v.freeHanded; x != 0 {
		v.freeHanded = v.handedTab[x].next
	} else {
		v.usedHanded++
		x = v.usedHanded
	}
	v.handedTab[x] = handed{
		inst: inst, serial: serial, mode: mode, at: v.epoch + 1,
		next: v.handedIdx[b], older: v.newestHanded, born: v.turns,
	}
	if v.newestHanded != 0 {
		v.handedTab[v.newestHanded].newer = x
	} else {
		v.oldestHanded = x
	}
	v.newestHanded = x
	v.unserved++
	atomic.StoreUint32(&v.handedIdx[b], x)
	atomic.AddUint32(&v.nhanded, 1)
	atomic.AddUint32(&v.epoch, 1) // now every task looks
	v.turn()
}

// forget takes note x out of the table. Locked.
func (v *Validator) forget(x uint32) {
	p := &v.handedTab[x]
	if !p.served {
		v.unserved--
	}
	if p.older != 0 {
		v.handedTab[p.older].newer = p.newer
	} else {
		v.oldestHanded = p.newer
	}
	if p.newer != 0 {
		v.handedTab[p.newer].older = p.older
	} else {
		v.newestHanded = p.older
	}
	b := handedBucket(p.inst)
	if v.handedIdx[b] == x {
		atomic.StoreUint32(&v.handedIdx[b], p.next)
	} else {
		i := v.handedIdx[b]
		for v.handedTab[i].next != x {
			i = v.handedTab[i].next
		}
		v.handedTab[i].next = p.next
	}
	*p = handed{next: v.freeHanded}
	v.freeHanded = x
	atomic.AddUint32(&v.nhanded, ^uint32(0))
}

// turn looks at the next few tasks for those who sleep with a lock that another
// goroutine released, and forgets the notes that went round.
//
// Proof that such a note is for nobody: all tasks that there were when it was made
// have been looked at since, twice, because one that moves its entries just then
// may have been misread. Those that were made later cannot hold the lock from
// before. ∎
func (v *Validator) turn() {
	for range handTurns {
		if v.unserved <= 1 {
			break // the one that is made just now
		}
		v.hand = v.hand%v.ntasks + 1
		v.turns++
		if o := v.task(v.hand); o != nil && atomic.LoadUint32(&o.depth) != 0 {
			v.visit(o)
		}
	}
	for x := v.oldestHanded; x != 0; x = v.oldestHanded {
		p := &v.handedTab[x]
		if v.turns-p.born < 2*uint64(v.ntasks) && (!p.served || v.nhanded < handServed) {
			break
		}
		v.forget(x)
	}
}

// visit tells o, which may run meanwhile, what it holds and others released. Locked.
func (v *Validator) visit(o *Task) {
	epoch := atomic.LoadUint32(&o.epoch)
	if epoch == v.epoch {
		return
	}
	for i := uint32(0); ; i++ {
		h, ok := o.peek(i)
		if !ok {
			return
		}
		x := v.handedAt(&h, epoch)
		if x == 0 || v.posted(o, h.inst, h.mode()) >= o.holds(h.inst, h.mode(), heldGot) {
			continue
		}
		if atomic.LoadUint32(&o.epoch) != epoch {
			return // it looks itself
		}
		v.handedTo(x)
		v.post(o, h.inst, h.mode())
	}
}

// moved reports whether m, which t releases and does not hold, is a lock that t
// took at another address: a slice of locks grew meanwhile, or the struct was
// copied. Then the entry goes, and nothing is handed over.
//
// A copy has the class and the serial of its original. Two locks can have one
// serial, so if m was born where it is, or somebody else holds m itself, it is no
// copy of t's.
func (v *Validator) moved(t *Task, m *Map, mode Mode) bool {
	if v.birthOf(uintptr(unsafe.Pointer(m)), m.serial()) <= lastBirth {
		return false
	}
	for i := t.depth; i > 0; i-- {
		h := t.at(i - 1)
		if h.flags()&heldGot == 0 || h.mode() != mode || h.serial() != m.serial() || m.serial() == 0 || h.class() != v.classIn(m) {
			continue
		}
		v.lock()
		n := v.holders(uintptr(unsafe.Pointer(m)), m.serial(), mode, t)
		v.unlock()
		if n != 0 {
			return false
		}
		v.timeRelease(t, i-1)
		t.remove(i - 1)
		return true
	}
	return false
}

// holders counts the entries of a lock in that mode that tasks but t hold. It looks
// at all tasks. Locked.
func (v *Validator) holders(inst uintptr, serial uint32, mode Mode, t *Task) (n uint32) {
	for id := uint32(1); id <= v.ntasks; id++ {
		o := v.task(id)
		if o == nil || o == t || atomic.LoadUint32(&o.depth) == 0 {
			continue
		}
		for i := uint32(0); ; i++ {
			h, ok := o.peek(i)
			if !ok {
				break
			}
			if h.inst == inst && h.serial() == serial && h.mode() == mode && h.flags()&heldGot != 0 && !v.gone(o, &h) {
				n++
			}
		}
	}
	return n
}

// holds counts t's entries of inst in that mode that have those flags. It may race
// with t's own pushes; the entries below the top do not move while their locks are
// held.
func (t *Task) holds(inst uintptr, mode Mode, flags uint8) uint32 {
	n := uint32(0)
	for i := uint32(0); ; i++ {
		h, ok := t.peek(i)
		if !ok {
			return n
		}
		if h.inst == inst && h.mode() == mode && h.flags()&flags == flags {
			n++
		}
	}
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

// drain removes what is in t's inbox from its held stack.
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
			if h := t.at(i); h.inst == r.inst && h.mode() == r.mode && h.flags()&heldGot != 0 {
				v.timeRelease(t, i)
				t.remove(i)
				break
			}
		}
		n = r.next
	}
	v.unlock()
}
