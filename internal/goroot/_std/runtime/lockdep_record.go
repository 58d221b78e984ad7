package runtime

import (
	"internal/runtime/atomic"
	"unsafe"
)

// LockdepOnSync runs where goroutines meet, in a program that is recorded.
var LockdepOnSync func(p unsafe.Pointer, kind byte)

// LockdepRecorded is the number of recorded events.
var LockdepRecorded atomic.Uint64

func lockdepSync(p unsafe.Pointer, kind byte) {
	gp := getg()
	if f := LockdepOnSync; f != nil && gp != gp.m.g0 && gp != gp.m.gsignal && gp.m.locks == 0 && gp.goid != 0 {
		f(p, kind)
	}
}

func lockdepSend(p unsafe.Pointer)    { lockdepSync(p, 's') }
func lockdepReceive(p unsafe.Pointer) { lockdepSync(p, 'r') }
func lockdepFork()                    { lockdepSync(nil, 'f') }

// lockdepSelect records that a select begins, or that it is over: it counts as
// a meeting at all of its channels.
func lockdepSelect(cas0 *scase, n int, over bool) {
	for i := 0; i < n; i++ {
		c := (*scase)(add(unsafe.Pointer(cas0), uintptr(i)*unsafe.Sizeof(scase{}))).c
		switch {
		case c == nil:
		case over:
			lockdepReceive(unsafe.Pointer(c))
		default:
			lockdepSend(unsafe.Pointer(c))
		}
	}
}

// LockdepBorn returns how many events were recorded before the running goroutine
// was made and by which one, 0 for none that is known, and whether this is the
// first time that it is asked.
func LockdepBorn() (born, maker uint64, first bool) {
	gp := getg()
	born, first = gp.lockdepBirth.tell()
	return born, gp.parentGoid, first
}

func lockdepRecordedNow() uint64 { return LockdepRecorded.Load() }
