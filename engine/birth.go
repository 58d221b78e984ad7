package engine

import (
	"sync/atomic"
	"unsafe"
)

// A birth is the number of a lock: two observations are of the same lock if they
// agree in address and birth. A lock is born at its first acquisition, which is
// known by the zero serial in its Map; its serial is the low 12 bits of the birth.
//
//	0 | number of the first acquisition 47
//	1 | collections 35 | serial 12          a lock that is known until the next collection
//
// 0 is no lock, or one that cannot be told from others.
//
// The births table has the births of the locks that were born last, by address.
// An entry is written when a lock is born and read only when something is
// recorded. It is one word, which is written and read at once:
//
//	birth 48 | check of the address 16
//
// Claim: two records with one address and one birth are of the same lock.
//
// Proof. No number is given out twice. So the question is whether the entry of an
// address can be taken for a lock that came later to the same memory. A lock
// that was zero when it was first taken got an entry of its own then, and it
// replaced the old one. Every other lock has its serial from elsewhere: it is a
// copy of a lock that was used, or its entry lost its place to another address.
// If no entry agrees with address and serial, the lock gets a birth that holds
// until the next garbage collection. Between two collections no memory comes to
// another object, so the address is enough. An entry of another address
// with the same check changes nothing: what is born at either of them replaces it. ∎
//
// What is left is a copy that happens to have the serial (one of 4095) of the lock
// that was born at the same address before it, and such a serial where an entry of
// another address with the same check (one of 65,536) stood at the address's own
// place in the set, so that the older entry of the address was left.
const (
	birthWays  = 8 // entries of one set: a cache line
	birthShift = 6 // log of the bytes of memory whose locks share a set: as many as it has entries

	birthCheck = 16                                   // bits
	birthFold  = 13 + 5*(unsafe.Sizeof(uintptr(0))/8) // log of the number of sets of [DefaultLimits]

	birthFound = uint64(1) << 47 // known until the next collection
	lastBirth  = birthFound - 1
	birthBlock = 64 // numbers that a task draws at once
)

// A birthSet is the entries that an address may have.
type birthSet [birthWays]uint64

// birthsAt returns the set of an address, and the check of the address.
// Neighbours in memory are neighbours in the table, so that a program touches no
// more of it than it has memory with locks.
func (v *Validator) birthsAt(addr uintptr) (set *birthSet, check uint64) {
	x := uint64(addr) >> birthShift
	x ^= x>>birthFold ^ x>>(2*birthFold)
	x &= v.birthMask
	set = (*birthSet)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.births)), x*uint64(unsafe.Sizeof(birthSet{}))))
	return set, uint64(addr) * 0x9e3779b97f4a7c15 >> (64 - birthCheck)
}

// A cradle is the place in the table where an address's birth will be entered.
type cradle struct {
	set   *birthSet
	check uint64
	at    uint64
	was   uint64 // the entry there
}

// cradleOf finds the place for the lock at addr. It is asked before the lock gets its
// serial: that is a locked instruction, which the load of the entry would wait for.
func (v *Validator) cradleOf(addr uintptr) (c cradle) {
	c.set, c.check = v.birthsAt(addr)
	c.at = birthWay(addr)
	c.was = atomic.LoadUint64(&c.set[c.at])
	return c
}

// bear enters a birth. Where two write one entry at the same time, one of their locks
// has none.
func (c cradle) bear(birth uint64) {
	at := c.at
	if c.was != 0 && c.was&(1<<birthCheck-1) != c.check {
		at = birthPlace(c.set, c.check, birth)
	}
	if wide {
		c.set[at%birthWays] = birth<<birthCheck | c.check
		return
	}
	atomic.StoreUint64(&c.set[at%birthWays], birth<<birthCheck|c.check)
}

// birthWay is the entry that an address takes while it is free: that of its place in
// the memory whose locks share the set.
func birthWay(addr uintptr) uint64 { return uint64(addr) / (1 << birthShift / birthWays) % birthWays }

// birthPlace returns the entry that an address has, a free one, or the one that makes
// room.
func birthPlace(set *birthSet, check, birth uint64) uint64 {
	at := uint64(birthWays)
	for i := uint64(0); i < birthWays; i++ {
		w := atomic.LoadUint64(&set[i])
		if w&(1<<birthCheck-1) == check && w != 0 {
			return i
		}
		if w == 0 && at == birthWays {
			at = i
		}
	}
	if at == birthWays {
		at = displaced(set, birth)
	}
	return at
}

// displaced chooses the entry of a full set that makes room: the newest, since most
// locks die young. So a lock that lives long keeps its place. One time in eight it is
// any, so that a set does not fill with the dead for ever.
func displaced(set *birthSet, birth uint64) uint64 {
	dice := birth * 0x9e3779b97f4a7c15 >> 58
	at, newest := dice%birthWays, uint64(0)
	if dice/birthWays == 0 {
		return at
	}
	for i := uint64(0); i < birthWays; i++ {
		if w := atomic.LoadUint64(&set[i]); w >= newest {
			at, newest = i, w
		}
	}
	return at
}

// birthOf returns the birth of the lock at addr that has that serial.
func (v *Validator) birthOf(addr uintptr, serial uint32) uint64 {
	if serial == 0 {
		return 0
	}
	set, check := v.birthsAt(addr)
	for i, first := uint64(0), birthWay(addr); i < birthWays; i++ {
		w := atomic.LoadUint64(&set[(first+i)%birthWays])
		if w&(1<<birthCheck-1) == check && uint32(w>>birthCheck)&serialMask == serial {
			return w >> birthCheck
		}
	}
	return v.foundBirth(serial)
}

// foundBirth returns the birth of a lock that has no entry.
func (v *Validator) foundBirth(serial uint32) uint64 {
	b := birthFound | uint64(serial)
	if v.host.Collections != nil {
		b |= uint64(v.host.Collections()) << 12
	}
	return b
}

// newBirth returns the birth of a lock that t takes for the first time. Tasks
// draw blocks, so that first acquisitions on different goroutines do not meet.
func (v *Validator) newBirth(t *Task) uint64 {
	for {
		if t.next == t.last {
			if t.last = v.born.Add(birthBlock); t.last > lastBirth {
				v.born.Store(lastBirth + 1) // and never comes round
			}
			t.next = t.last - birthBlock
		}
		if t.next++; t.next&serialMask != 0 { // 0 is the serial of a lock that was never taken
			break
		}
	}
	if t.next > lastBirth {
		return v.foundBirth(uint32(t.next) & serialMask)
	}
	return t.next
}

// enroll gives m its class and, if this is its first acquisition, its birth.
func (v *Validator) enroll(t *Task, m *Map, class uint16) {
	if m.serial() != 0 {
		m.set(class, 0)
		return
	}
	c := v.cradleOf(uintptr(unsafe.Pointer(m)))
	b := t.next + 1
	if t.next == t.last || b&serialMask == 0 || b > lastBirth {
		b = v.newBirth(t)
	} else {
		t.next = b
	}
	if m.set(class, uint32(b)&serialMask) {
		if b > lastBirth {
			b = 0 // an entry that agrees with no lock
		}
		c.bear(b)
		if v.host.Record != nil {
			v.host.Record(uintptr(unsafe.Pointer(m)), m.serial(), 0, 0, 'N')
		}
	}
}

// is reports whether the two records, of one process, are of the same lock.
func (h *heldRec) is(x *heldRec) bool { return h.birth == x.birth && h.addr == x.addr }

// isLock reports whether the record is of m. Of a lock that was known until the next
// collection it may be another one, so what follows from it is not above possible.
func (v *Validator) isLock(h *heldRec, m *Map) bool {
	addr := uintptr(unsafe.Pointer(m))
	return h.addr == uint64(addr) && uint32(h.birth)&serialMask == m.serial() && (h.birth&birthFound != 0 || h.birth == v.birthOf(addr, m.serial()))
}
