package engine

import (
	"sync/atomic"
	"unsafe"
)

// This file steers a program into a cycle that was predicted, so that it either
// happens, which the search for knots then sees, or is not to be had.
//
// A goroutine that holds the outer lock of a side stands right before it takes
// the inner one, until the goroutines of all other sides stand before theirs,
// with these very instances, and until writers are queued where readers are to
// wait for readers; or until a bound passes. Then it goes on. To stand there is
// nothing that the scheduler could not do: no goroutine sees more than that
// another one is slow. So a knot that is reached is one that can happen, and
// whatever keeps the goroutines apart, a lock around both orders, an order by
// address, the end of one before the start of the other, keeps them apart here.
//
// A lock that is free is taken before its hook runs. It is given back, and
// taken again afterwards: its goroutine has not come back from Lock.

// A Steer is a cycle to steer towards. It may not change.
type Steer struct {
	Sides []SteerSide // side i wants what side i+1 holds; the last one, what the first holds
	Bound int64       // nanoseconds that a goroutine stands at most
	Times uint32      // how often goroutines stand, in the whole process
	Seed  uint64      // 0: every goroutine stands that can; else some do not, other ones with every seed

	Nanos  func() int64
	Pause  func()                  // lets others run; a bubble's time stands still meanwhile
	Unlock func(m *Map, mode Mode) // gives a lock back that was taken without a wait
	Lock   func(m *Map, mode Mode) // takes it, and tells Blocked where that waits
}

// A SteerSide is a lock that is taken while another one is held, by class names.
type SteerSide struct {
	Holds, Wants         string
	HoldsMode, WantsMode Mode
}

// A stander is a goroutine that stands before its inner lock.
type stander struct {
	t    *Task // nil: free
	inst uintptr
	c    ClassID
	mode Mode
	met  bool // all others are there
}

const maxStanders = 64

// SteerStats are the counters of a steered process.
type SteerStats struct {
	Stood []uint32 // by side
	Met   uint32   // how often all stood at the same time
}

// steered reports whether the class of that name is wanted by a side.
func (v *Validator) steered(name string) bool {
	if s := v.host.Steer; s != nil {
		for i := range s.Sides {
			if s.Sides[i].Wants == name {
				return true
			}
		}
	}
	return false
}

// isSide reports whether a goroutine that holds what t holds, and wants a lock
// of class c, is at side i.
func (v *Validator) isSide(i int, t *Task, c ClassID, mode Mode) bool {
	s := &v.host.Steer.Sides[i]
	if s.WantsMode != mode || s.Wants != v.ClassName(c) {
		return false
	}
	for j := uint32(0); j < t.depth; j++ {
		h := t.at(j)
		if h.flags()&heldGot != 0 && h.mode() == s.HoldsMode && h.class() != 0 && v.ClassName(h.class()) == s.Holds {
			return true
		}
	}
	return false
}

// stand lets t, which is about to wait for m or (got) just took it, stand if it
// is at a side of the cycle; true: m was given back and has to be taken again.
func (v *Validator) stand(t *Task, m *Map, c ClassID, mode Mode, got bool) bool {
	s := v.host.Steer
	v.lock()
	x := v.enterStander(t, uintptr(unsafe.Pointer(m)), c, mode)
	v.unlock()
	if x == nil {
		return false
	}
	if got {
		s.Unlock(m, mode)
	}
	for end := s.Nanos() + s.Bound; ; s.Pause() {
		v.lock()
		if !x.met {
			v.meetAll(x)
		}
		met := x.met
		v.unlock()
		if met || s.Nanos() >= end {
			break
		}
	}
	v.lock()
	*x = stander{}
	v.unlock()
	return got
}

// enterStander enters t into the table, nil if it is not to stand. Locked.
func (v *Validator) enterStander(t *Task, inst uintptr, c ClassID, mode Mode) *stander {
	s := v.host.Steer
	var sides [maxCycle]bool
	any := false
	for i := 0; i < min(len(s.Sides), maxCycle); i++ {
		sides[i] = v.isSide(i, t, c, mode)
		any = any || sides[i]
	}
	if !any || v.steerTimes >= s.Times {
		return nil
	}
	if s.Seed != 0 {
		v.steerRand = (v.steerRand ^ s.Seed) * 0x9e3779b97f4a7c15
		if v.steerRand ^= v.steerRand >> 29; v.steerRand&3 == 0 {
			return nil
		}
	}
	for i := range v.standers {
		if x := &v.standers[i]; x.t == nil {
			*x = stander{t: t, inst: inst, c: c, mode: mode}
			v.steerTimes++
			for j, at := range sides {
				if at {
					v.stood[j]++
				}
			}
			return x
		}
	}
	return nil
}

// meetAll looks for a cycle through x of goroutines that stand, and lets them
// go on if there is one. Locked.
func (v *Validator) meetAll(x *stander) {
	var path [maxCycle]*stander
	n := len(v.host.Steer.Sides)
	if n > maxCycle {
		return
	}
	for side := 0; side < n; side++ {
		if !v.isSide(side, x.t, x.c, x.mode) {
			continue
		}
		path[0] = x
		if v.meetNext(path[:1], side, n) {
			v.met++
			return
		}
	}
}

// meetNext prolongs a path of standers, the last of which is at that side.
func (v *Validator) meetNext(path []*stander, side, n int) bool {
	last := path[len(path)-1]
	if len(path) == n {
		if !v.bars(path[0].t, last) {
			return false
		}
		for _, x := range path {
			x.met = true
		}
		return true
	}
	side = (side + 1) % n
next:
	for i := range v.standers {
		y := &v.standers[i]
		if y.t == nil || y.met || !v.isSide(side, y.t, y.c, y.mode) || !v.bars(y.t, last) {
			continue
		}
		for _, x := range path {
			if x.t == y.t {
				continue next
			}
		}
		if v.meetNext(append(path, y), side, n) {
			return true
		}
	}
	return false
}

// bars reports whether t holds what x wants, so that x will wait for it.
func (v *Validator) bars(t *Task, x *stander) bool {
	for i := uint32(0); i < t.depth; i++ {
		h := t.at(i)
		if h.inst != x.inst || h.flags()&heldGot == 0 || v.gone(t, h) {
			continue
		}
		if h.mode() == Write || x.mode == Write {
			return true
		}
		for w := v.waitList; w != 0; w = v.waits[w].next {
			if v.waits[w].inst == x.inst && v.waits[w].queued {
				return true // the writer between the two readers
			}
		}
	}
	return false
}

// SteerStats returns the counters.
func (v *Validator) SteerStats() SteerStats {
	v.lock()
	defer v.unlock()
	s := SteerStats{Met: v.met}
	if v.host.Steer != nil {
		s.Stood = append([]uint32(nil), v.stood[:min(len(v.stood), len(v.host.Steer.Sides))]...)
	}
	return s
}

// steers reports whether an acquisition of a lock of class c may be one to stand at.
func (v *Validator) steers(t *Task, c ClassID) bool {
	return v.host.Steer != nil && t.depth != 0 && c != 0 && atomic.LoadUint32(&v.classes[c].flags)&classSteered != 0 &&
		(v.host.MayWait == nil || v.host.MayWait())
}
