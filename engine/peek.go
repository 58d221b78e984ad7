package engine

import "unsafe"

// A Peeked is an entry of a held stack as somebody else sees it.
type Peeked struct {
	Class string
	Mode  string // "W" or "R"
	Waits bool   // it is not held yet: the task waits for it
	Gone  bool   // another goroutine released it, and the task has not looked since
	PC    uintptr
}

// Peek returns entry i of t's held stack, the outermost being 0; false: there
// is none. It may be asked by a process that dies, in a signal handler, about a
// task that runs: it takes no lock, allocates nothing, and uses no atomic
// operation, which the race detector would follow. What it says of a task that
// runs meanwhile is of one moment or of two; of one that sleeps it is exact.
func (v *Validator) Peek(t *Task, i int) (Peeked, bool) {
	h, ok := t.peek(uint32(i))
	if !ok {
		return Peeked{}, false
	}
	p := Peeked{Class: "a lock without a class", Mode: "W", Waits: h.flags()&heldGot == 0, Gone: v.gone(t, &h), PC: h.pc}
	if c := h.class(); c != 0 && uint32(c) <= v.nclasses {
		p.Class = v.ClassName(c)
	}
	if h.mode() == Read {
		p.Mode = "R"
	}
	return p, true
}

// MaxLocks bounds what [Task.Locks] tells.
const MaxLocks = 32

// Locks stores the addresses of the locks that t holds, the outermost first, and
// returns their number, at most MaxLocks, and the lock that t waits for, 0 for
// none. t sleeps. It may be asked while the world is stopped, as Peek may be.
func (t *Task) Locks(held *[MaxLocks]uintptr) (n int, wants uintptr) {
	for i := uint32(0); ; i++ {
		h, ok := t.peek(i)
		switch {
		case !ok:
			return n, 0
		case h.flags()&heldGot == 0:
			return n, h.inst
		case n < MaxLocks:
			held[n] = h.inst
			n++
		}
	}
}

// peek is at for a task that may run meanwhile; false: it holds no lock i.
//
// It stays inside the array, whichever it reads, the old one or the new one:
// neither is ever freed, and the size stands in the array itself, written before
// the array could be seen.
func (t *Task) peek(i uint32) (Held, bool) {
	held := t.held
	if uintptr(i) >= held.below().pc || i >= t.depth {
		return Held{}, false
	}
	return *(*Held)(unsafe.Add(unsafe.Pointer(held), uintptr(i)*heldSize)), true
}
