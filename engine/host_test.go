package engine

import (
	"sync/atomic"
	"testing"
)

// A validator uses the lock of its host, calls no part of it that may wait with
// that lock held, and stands only where the host lets it.
func TestHostLock(t *testing.T) {
	var locked, locks, journaled, flushed atomic.Int32
	mayWait := false
	stood := 0
	host := Host{
		Lock: func(w *uint32) {
			if !atomic.CompareAndSwapUint32(w, 0, 1) {
				t.Error("locked twice")
			}
			locked.Store(1)
			locks.Add(1)
		},
		Unlock: func(w *uint32) {
			locked.Store(0)
			if !atomic.CompareAndSwapUint32(w, 1, 0) {
				t.Error("unlocked twice")
			}
		},
		Journal: func([]byte) {
			if locked.Load() == 0 {
				t.Error("Journal without the lock")
			}
			journaled.Add(1)
		},
		Flush: func() {
			if locked.Load() != 0 {
				t.Error("Flush with the lock held")
			}
			if journaled.Load() == flushed.Load() {
				t.Error("Flush with nothing to write")
			}
			flushed.Store(journaled.Load())
		},
		Found: func(FindingID) {
			if locked.Load() != 0 {
				t.Error("Found with the lock held")
			}
			if journaled.Load() != flushed.Load() {
				t.Error("Found before its records were written")
			}
		},
		MayWait: func() bool { return mayWait },
		Steer: &Steer{
			Sides: []SteerSide{{Holds: "a", Wants: "b"}, {Holds: "b", Wants: "a"}}, Times: 100,
			Nanos: func() int64 { return 0 },
			Pause: func() { t.Error("paused: the bound is 0") },
			Unlock: func(*Map, Mode) {
				if locked.Load() != 0 {
					t.Error("Steer.Unlock with the lock held")
				}
				stood++
			},
			Lock: func(*Map, Mode) {},
		},
	}
	v := New(SmallLimits(), host)
	pair := func(turn bool) {
		x := v.NewTask()
		var m [2]Map
		v.SetClass(x, &m[0], "a")
		v.SetClass(x, &m[1], "b")
		first, second := &m[0], &m[1]
		if turn {
			first, second = second, first
		}
		v.Taken(x, first, 1, Write)
		v.Taken(x, second, 2, Write)
		v.Release(x, second, Write)
		v.Release(x, first, Write)
		v.EndTask(x)
	}
	pair(false)
	pair(true)
	if stood != 0 {
		t.Errorf("stood %d times where it may not wait", stood)
	}
	mayWait = true
	pair(true)
	if stood == 0 {
		t.Error("did not stand where it may wait")
	}
	v.FlushStats()
	if locked.Load() != 0 || locks.Load() == 0 || flushed.Load() != journaled.Load() || flushed.Load() == 0 {
		t.Errorf("locked %d, %d locks, %d journaled, %d flushed", locked.Load(), locks.Load(), journaled.Load(), flushed.Load())
	}
}
