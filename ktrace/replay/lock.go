package replay

import (
	"strings"
	"unsafe"
)

// classID is a class with its subclass, from 1; 0 is none.
type classID uint16

// maxClasses is what fits the kernel's chain keys, 13 bits.
const maxClasses = 8191

// maxSub is the number of subclasses.
const maxSub = 8

// evidence is what the events have shown of a class's locks.
type evidence uint16

const (
	// waited: lock_acquired or lock_contended followed its acquisition, so it is
	// a lock that one can wait for, and not only an annotation.
	waited evidence = 1 << iota
	mutex           // contention_begin with MUTEX
	sleeps          // taken with preemption on: it sleeps
	spins           // taken with preemption off, and no mutex
	many            // more than one address
	reads           // readers
	// What the kernel's source says of the name: see knowledge.
	unchecked
	recursive
	queued
	override
)

// class is what is known of a class while the trace is read.
type class struct {
	name  string // as the events have it
	base  classID
	sub   uint8
	ev    evidence // of the base
	usage uint16   // bits of kernel.Usage that were observed
	sure  uint16   // those of sure observations
	subs  [maxSub]classID
	addr  uint64 // of the first lock
	// static is the address that is its own key, 0 if the name alone is.
	static uint64
	stat   *lockStat
	ops    uint64 // acquisitions
	event  uint8  // 2: lock of a completion's queue, 1: it is not, 0: not asked yet
}

// lock is a lock by its address.
type lock struct {
	addr   uint64
	name   string
	holder int32 // task that took it last, 0 once it was released
	class  classID
	kept   bool // its holder ended, or went to user space, with it
}

// locks finds locks by address: open addressing, linear probing. Pointers
// are valid until the next call of find.
type locks struct {
	slots []lock
	used  int
}

const maxLocks = 1 << 20

func hashAddr(a uint64) uint64 { return (a * 0x9e3779b97f4a7c15) >> 24 }

// find returns the slot of the address, made if need be.
func (t *locks) find(addr uint64) *lock {
	mask := uint64(len(t.slots) - 1)
	for i := hashAddr(addr) & mask; ; i = (i + 1) & mask {
		l := &t.slots[i]
		if l.addr == addr {
			return l
		}
		if l.addr == 0 {
			if 2*(t.used+1) > len(t.slots) {
				t.grow()
				return t.find(addr)
			}
			t.used++
			l.addr = addr
			return l
		}
	}
}

// grow doubles the table. A trace with ever new addresses does not fill the
// memory: at its limit the table forgets all, which loses who holds what.
func (t *locks) grow() {
	old := t.slots
	if t.used = 0; len(old) >= 2*maxLocks {
		clear(t.slots)
		return
	}
	t.slots = make([]lock, 2*len(old))
	mask := uint64(len(t.slots) - 1)
	for _, l := range old {
		if l.addr == 0 {
			continue
		}
		i := hashAddr(l.addr) & mask
		for t.slots[i].addr != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = l
		t.used++
	}
}

func (t *locks) reset() { *t = locks{slots: make([]lock, 1<<12)} }

// same compares strings that are one and the same most of the time.
func same(a, b string) bool {
	return len(a) == len(b) && (unsafe.StringData(a) == unsafe.StringData(b) || a == b)
}

// name is a name of locks and the classes that it stands for.
type name struct {
	named   classID   // of locks that the name alone tells
	classes []classID // of static locks, by order of appearance
	static  []uint64  // addresses in the present file, of the classes with the same index
}

// lock returns the lock at an address. Memory that got another name is
// another lock.
func (r *Replay) lock(addr uint64, name string) *lock {
	l := r.locks.find(addr)
	if l.class == 0 || !same(l.name, name) {
		if addr&3 != 0 { // a lock has pointers in it
			r.odd(oddAddress, nil)
		}
		*l = lock{addr: addr, name: name, class: r.classOf(addr, name)}
	}
	return l
}

// isStatic says whether an address is one of the kernel's image or of a
// module, so that the lock there can be its own key. It knows x86-64 alone;
// elsewhere the name is the class.
func isStatic(addr uint64) bool { return addr >= 0xffffffff80000000 }

// isStack says whether an address may be that of a kernel stack: in the area of
// vmalloc, without the end that is left to per-CPU memory. x86-64 again.
func isStack(addr uint64) bool { return addr>>40 >= 0xffffc9 && addr>>40 < 0xffffe8 }

// declared says whether a name is that of a declaration: an identifier, with
// fields, constant indices and the parentheses of macros, or the FILE:LINE of
// a static timer.
func declared(name string) bool {
	if strings.HasPrefix(name, "rcu_node_") {
		return false // one key a level (kernel/rcu/tree.c)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '[' && i+1 < len(name) && (name[i+1] < '0' || name[i+1] > '9'):
			return false
		case strings.IndexByte("_.()[]/:-", c) < 0, c == '-' && strings.HasPrefix(name[i:], "->"):
			return false
		}
	}
	return true
}

// nameless is how the events print a map without a name.
const nameless = "(null)"

// classOf finds the class of a lock by its name and address.
//
// A lock that an initialiser in code sets up has an expression for its name,
// and one key for all locks set up there. A static lock with its own initialiser is its
// own key, so two addresses are two classes; at any other address its name is
// that of a copy, as work items and timers make one for the time they run,
// and stands for the first of them. A lock without a name is its own class.
func (r *Replay) classOf(addr uint64, text string) classID {
	n := r.names[text]
	if n == nil {
		if len(r.classes) > maxClasses {
			r.counts.ClassesLost++
			return 0
		}
		n = &name{}
		r.names[strings.Clone(text)] = n
	}
	if text == nameless {
		return r.newClass(text, addr)
	}
	switch {
	case !declared(text), !isStatic(addr) && !isStack(addr):
		if n.named == 0 {
			n.named = r.newClass(text, addr)
		}
		return r.seenAt(n.named, addr)
	case !isStatic(addr):
		if len(n.classes) == 0 {
			n.classes = append(n.classes, r.newClass(text, addr))
		}
		return r.seenAt(n.classes[0], addr)
	}
	at := len(n.static)
	for i, a := range n.static {
		if a == addr {
			at = i
		}
	}
	if at == len(n.static) {
		n.static = append(n.static, addr)
	}
	if at == len(n.classes) {
		n.classes = append(n.classes, r.newClass(text, addr))
	}
	id := n.classes[at]
	if id != 0 && r.classes[id].static == 0 {
		r.classes[id].static = addr
	}
	return id
}

// copies says whether all locks of the class are copies of one.
func (r *Replay) copies(c *class) bool {
	return c.static != 0 && len(r.names[c.name].classes) == 1
}

// seenAt notes that the class has a lock at the address.
func (r *Replay) seenAt(id classID, addr uint64) classID {
	if c := &r.classes[id]; id != 0 && c.addr != addr {
		c.ev |= many
	}
	return id
}

// newClass makes a class, or returns 0 if there are too many.
func (r *Replay) newClass(text string, addr uint64) classID {
	if len(r.classes) > maxClasses {
		r.counts.ClassesLost++
		return 0
	}
	id := classID(len(r.classes))
	c := class{name: strings.Clone(text), base: id, addr: addr, ev: knowledge(text)}
	c.subs[0] = id
	r.classes = append(r.classes, c)
	return id
}

// subclass returns the class of a lock that is taken while as many others of
// its class are held.
func (r *Replay) subclass(base classID, sub int) classID {
	c := &r.classes[base]
	if c.subs[sub] == 0 {
		if len(r.classes) > maxClasses {
			r.counts.ClassesLost++
			return base
		}
		id := classID(len(r.classes))
		r.classes = append(r.classes, class{name: c.name, base: base, sub: uint8(sub), addr: c.addr, ev: c.ev})
		r.classes[base].subs[sub] = id
		return id
	}
	return c.subs[sub]
}

// keySet is a set of chain keys; 0 is never in it. The lowest bit of a slot is a
// mark and no part of the key.
type keySet struct {
	slots []uint64
	used  int
}

// add puts the key in, and says whether it was new, and whether it is marked.
func (s *keySet) add(key uint64) (news, marked bool) {
	key |= 1
	mask := uint64(len(s.slots) - 1)
	for i := key >> 1 & mask; ; i = (i + 1) & mask {
		switch v := s.slots[i]; {
		case v == key:
			return false, true
		case v == key-1 && v != 0:
			return false, false
		case v == 0:
			s.slots[i] = key - 1
			if s.used++; 2*s.used > len(s.slots) {
				s.grow()
			}
			return true, false
		}
	}
}

// find returns the slot of a key, nil if it is not there.
func (s *keySet) find(key uint64) *uint64 {
	mask := uint64(len(s.slots) - 1)
	for i := key >> 1 & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if s.slots[i]|1 == key|1 {
			return &s.slots[i]
		}
	}
	return nil
}

func (s *keySet) mark(key uint64) {
	if p := s.find(key); p != nil {
		*p |= 1
	}
}

func (s *keySet) unmark(key uint64) {
	if p := s.find(key); p != nil {
		*p &^= 1
	}
}

func (s *keySet) marked(key uint64) bool {
	p := s.find(key)
	return p != nil && *p&1 != 0
}

func (s *keySet) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	mask := uint64(len(s.slots) - 1)
	for _, v := range old {
		if v == 0 {
			continue
		}
		i := v >> 1 & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = v
	}
}

// mix folds a class and its mode into a chain key: one multiplication. The low
// bits come from the high ones, so they can be used as an index.
func mix(key, id uint64) uint64 {
	key = (key ^ id) * 0x9e3779b97f4a7c15
	if key ^= key >> 32; key <= 1 {
		return 2
	}
	return key
}
