package engine

import "sync/atomic"

// This file knows which goroutines can never go on because of what was found so
// far: those that doomed goroutines keep waiting. A task is doomed if
//
//   - it is one of a knot (see knot.go): for ever;
//   - whoever asks knows that it waits for what nobody can do: until he asks again;
//   - it waits for a lock that a doomed one keeps: likewise.
//
// The third follows from the first two as the knot itself does: it sleeps inside
// one acquisition until the one in its way does something, and that one never
// does. Go lets any goroutine unlock, so a lock of a class that was ever handed
// over is not followed.
const (
	doomedNot     uint32 = iota
	doomedForNow         // until Doom is called again
	doomedForEver        // one of a knot
)

// Doomed reports whether t's goroutine, which waits for a lock, can never go on.
// It may be asked while the world is stopped: it is a plain load.
func (t *Task) Doomed() bool { return t.doomed != doomedNot }

// Knotted reports whether t's goroutine is one of a knot.
func (t *Task) Knotted() bool { return t.doomed == doomedForEver }

// Doom marks the tasks that can never go on, given that those of stuck cannot.
// alone: nor can those that wait for a lock that they hold themselves; it
// reports whether there are any.
//
// The held stacks of others are read as they stand. What is read of one that
// runs may be of two moments, so who asks does so twice, and of goroutines that
// wait for a lock only; what is read of those that wait is exact.
func (v *Validator) Doom(stuck []*Task, alone bool) (any bool) {
	v.lock()
	list := uint32(0) // of the doomed, by doomNext
	for id := uint32(1); id <= v.ntasks; id++ {
		t := v.task(id)
		if t == nil {
			continue
		}
		if _, waits := waitOfTop(t); t.doomed == doomedForNow || !waits {
			t.doomed = doomedNot
		}
		if x, _ := waitOfTop(t); t.doomed == doomedNot && alone && v.waitsForItself(t) && v.certain(&x, &x) {
			t.doomed, any = doomedForNow, true
		}
		if t.doomed != doomedNot {
			t.doomNext, list = list, id
		}
	}
	for _, t := range stuck {
		if t != nil && t.doomed == doomedNot {
			t.doomed = doomedForNow
			t.doomNext, list = list, t.id
		}
	}
	steps := 0
	for more := list != 0; more; {
		more = false
		for id := uint32(1); id <= v.ntasks; id++ {
			t := v.task(id)
			if t == nil {
				continue
			}
			x, ok := waitOfTop(t)
			if !ok || t.doomed != doomedNot {
				continue
			}
			for u := list; u != 0; u = v.task(u).doomNext {
				if steps++; steps > waitSteps {
					v.unlock()
					return any // too little is claimed
				}
				if w := (wait{task: u}); v.blocks(&w, &x) && v.certain(&w, &x) {
					t.doomed = doomedForNow
					t.doomNext, list = list, id
					more = true
					break
				}
			}
		}
	}
	v.unlock()
	return any
}

// waitOfTop returns the wait that t's held stack shows; false: none.
func waitOfTop(t *Task) (wait, bool) {
	d := t.depth
	if d == 0 {
		return wait{}, false
	}
	h, ok := t.peek(d - 1)
	if !ok || h.flags()&heldGot != 0 {
		return wait{}, false
	}
	return wait{task: t.id, inst: h.inst, mode: h.mode(), queued: h.flags()&heldQueued != 0}, true
}

// waitsForItself reports whether t waits for a lock that it holds.
func (v *Validator) waitsForItself(t *Task) bool {
	x, ok := waitOfTop(t)
	if !ok {
		return false
	}
	for i := uint32(0); i+1 < t.depth; i++ {
		h, ok := t.peek(i)
		if ok && h.inst == x.inst && h.flags()&heldGot != 0 && !v.gone(t, &h) && v.classFlags(h.class())&classHandoff == 0 {
			return h.mode() == Write || x.mode == Write
		}
	}
	return false
}

// Hung reports whether goroutines were found that wait for each other, or one
// that waits for itself, since it was called last.
func (v *Validator) Hung() bool { return atomic.SwapUint32(&v.hung, 0) != 0 }

// hang notes that t's goroutine is about to sleep, perhaps for ever.
func (v *Validator) hang() {
	atomic.StoreUint32(&v.hung, 1)
	if v.host.Hang != nil {
		v.host.Hang()
	}
}

// Test returns the label of t's goroutine.
func (t *Task) Test() TestID { return t.test }

// TestName returns the name of a test's label, "" for none.
func (v *Validator) TestName(id TestID) string {
	v.lock()
	defer v.unlock()
	if id == 0 || uint32(id) > v.ntests {
		return ""
	}
	return v.str(v.tests[id])
}
