package annotate

import "sync"

// A Lock is what can be annotated.
type Lock interface {
	*sync.Mutex | *sync.RWMutex | *Map
}

// SetClass puts l into the class of that name from its next acquisition on,
// whatever its declaration says. Locks of one declaration that play different
// roles get classes of their own by it, locks of several declarations that play
// one role a common one. Names are free; those that lockdep makes look like
// "importpath.Type.field". It is best called where the lock is made: what was
// learned of l before stays with its old class. An empty name changes nothing.
func SetClass[L Lock](l L, name string) {
	if on && hooks.setClass != nil {
		if m := mapOf(l); m != nil {
			hooks.setClass(m, name)
		}
	}
}

// Nested returns l, and says that l is taken as a lock of the given subclass of
// its class if the running goroutine takes it next:
//
//	parent.mu.Lock()
//	annotate.Nested(&child.mu, 1).Lock()
//
// Reports print the subclass behind the class: "Node.mu/1". Subclass 0 is the
// class itself, as for every lock that is not nested by this function; a number
// above 7 counts as 7. lockdep learns the order of locks of one class by itself,
// and reports it where it contradicts itself; a subclass is for an order that
// must hold, say, of a directory before a file, also between other locks.
func Nested[L Lock](l L, subclass int) L {
	if on && hooks.nested != nil {
		if m := mapOf(l); m != nil {
			hooks.nested(m, subclass)
		}
	}
	return l
}

// NoValidate takes l out of the lock graph: no order is learned of it and no
// cycle is reported through it. [AssertHeld] still knows it. It is for a lock
// whose order is decided by what lockdep cannot see; the comment beside the call
// should say by what. [SetClass] takes l in again.
func NoValidate[L Lock](l L) {
	if on && hooks.noValidate != nil {
		if m := mapOf(l); m != nil {
			hooks.noValidate(m)
		}
	}
}

// AssertHeld reports it if the running goroutine does not hold l, for reading
// or for writing.
func AssertHeld[L Lock](l L) {
	if on && hooks.assertHeld != nil {
		if m := mapOf(l); m != nil {
			hooks.assertHeld(m)
		}
	}
}

// AssertHeldWrite reports it if the running goroutine does not hold l for
// writing.
func AssertHeldWrite[L Lock](l L) {
	if on && hooks.assertHeldWrite != nil {
		if m := mapOf(l); m != nil {
			hooks.assertHeldWrite(m)
		}
	}
}

// AssertNotHeld reports it if the running goroutine holds l, for reading or for
// writing.
func AssertNotHeld[L Lock](l L) {
	if on && hooks.assertNotHeld != nil {
		if m := mapOf(l); m != nil {
			hooks.assertNotHeld(m)
		}
	}
}

// MightLock declares that l may be taken here, for writing if it can be read,
// and has the acquisition judged as if it was: its order goes into the graph.
// It belongs at the head of a function that takes l on a path that tests rarely
// reach, an error or a full buffer. If the goroutine holds l, that is reported.
func MightLock[L Lock](l L) {
	if on && hooks.mightLock != nil {
		if m := mapOf(l); m != nil {
			_, mutex := any(l).(*sync.Mutex)
			hooks.mightLock(m, !mutex)
		}
	}
}

// MightRLock is [MightLock] for an acquisition for reading.
func MightRLock[L interface{ *sync.RWMutex | *Map }](l L) {
	if on && hooks.mightRLock != nil {
		if m := mapOf(l); m != nil {
			hooks.mightRLock(m)
		}
	}
}

// OnReport makes f the function that is called with the text of each report, in
// addition to where lockdep prints it; a nil f ends that. f runs on a goroutine
// of its own, for one report at a time, and may take locks, also those of the
// report: whoever made the finding does not wait for it. (Not two of them at
// once; that can be the other half of the deadlock.) When the process ends, f is
// given up to a second for the last reports; with halt_on_error it is not.
func OnReport(f func(text string)) {
	if on && hooks.onReport != nil {
		hooks.onReport(f)
	}
}
