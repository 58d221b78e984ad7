package predict

import (
	"github.com/golockdep/lockdep/engine"
)

// Kind says what an event is.
type Kind uint8

const (
	// Lock and RLock: the goroutine has the lock.
	Lock Kind = iota + 1
	RLock
	// Unlock and RUnlock: it is about to release it.
	Unlock
	RUnlock
	// Send: what the goroutine did before happened before whatever a goroutine
	// does after it comes to the same object with Receive, later in the trace.
	Send
	Receive
	// Begin is a goroutine's first event. Object is the goroutine that made it,
	// 0 if that is not known, and Born the number of events before it was made.
	Begin
)

// An Event is one step of a goroutine.
type Event struct {
	Goroutine uint64
	Kind      Kind
	Try       bool   // the lock was taken by a try, which does not wait
	Object    uint64 // the lock, or what is waited for
	Class     string // of a lock
	At        engine.Frame
	Born      int
	Test      string
}

// A Trace is the events of one process in their order.
type Trace struct {
	Events []Event
	Cut    bool // events are missing at the end
}

// index is a trace with its events by goroutine and lock.
type index struct {
	events  []Event
	thread  []int          // of each event: its goroutine's number
	pos     []int          // of each event: its place in its goroutine
	threads [][]int        // events by goroutine
	numbers map[uint64]int // goroutines by their numbers in the trace
	release []int          // of each acquisition: the event that releases it, -1: none
	sends   map[uint64][]int
	locks   map[uint64][]int // acquisitions by lock
	acqs    []acquisition    // those with locks held
}

// An acquisition is of a lock with others held.
type acquisition struct {
	event int
	held  []holding
}

type holding struct {
	event int // the acquisition
	read  bool
}

func newIndex(t *Trace) *index {
	x := &index{events: t.Events, numbers: map[uint64]int{}, sends: map[uint64][]int{}, locks: map[uint64][]int{}}
	x.thread = make([]int, len(t.Events))
	x.pos = make([]int, len(t.Events))
	x.release = make([]int, len(t.Events))
	held := map[int][]holding{}
	for i := range t.Events {
		e := &t.Events[i]
		n, ok := x.numbers[e.Goroutine]
		if !ok {
			n = len(x.threads)
			x.numbers[e.Goroutine] = n
			x.threads = append(x.threads, nil)
		}
		x.thread[i], x.pos[i], x.release[i] = n, len(x.threads[n]), -1
		x.threads[n] = append(x.threads[n], i)
		switch e.Kind {
		case Lock, RLock:
			if h := held[n]; len(h) > 0 && !e.Try {
				x.acqs = append(x.acqs, acquisition{event: i, held: append([]holding(nil), h...)})
			}
			held[n] = append(held[n], holding{event: i, read: e.Kind == RLock})
			x.locks[e.Object] = append(x.locks[e.Object], i)
		case Unlock, RUnlock:
			x.unlock(held, n, i)
		case Send:
			x.sends[e.Object] = append(x.sends[e.Object], i)
		}
	}
	return x
}

// unlock pairs a release with its acquisition: of the goroutine itself, the
// last one; else of whoever has the lock, as Go allows.
func (x *index) unlock(held map[int][]holding, n, i int) {
	e := &x.events[i]
	from := func(m int) bool {
		h := held[m]
		for j := len(h) - 1; j >= 0; j-- {
			if x.events[h[j].event].Object == e.Object && h[j].read == (e.Kind == RUnlock) {
				x.release[h[j].event] = i
				held[m] = append(h[:j:j], h[j+1:]...)
				return true
			}
		}
		return false
	}
	if from(n) {
		return
	}
	for m := range held {
		if m != n && from(m) {
			return
		}
	}
}
