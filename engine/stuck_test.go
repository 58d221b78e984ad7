package engine

import "testing"

var onHeap []*Map

// A goroutine that can never go on is proved where locks are involved, and is no
// news where a knot or a recursion tells of it already, whichever comes first.
func TestStuck(t *testing.T) {
	v := New(SmallLimits(), Host{})
	l := [...]*Map{new(Map), new(Map)}
	onHeap = append(onHeap[:0], l[:]...) // not on the stack, which moves
	a, b, c := v.NewTask(), v.NewTask(), v.NewTask()
	for i, task := range []*Task{a, b, c} {
		v.wake(task)
		task.goid = uint64(i + 1)
	}
	v.SetClass(a, l[0], "a")
	v.SetClass(a, l[1], "b")
	levels := func() (s string) {
		for id := FindingID(1); id <= v.NumFindings(); id++ {
			f, _ := v.Finding(id)
			s += f.Kind.String() + " " + f.Sides[0].Wants.Mode + " " + f.Level.String() + "\n"
		}
		return s
	}
	v.Taken(a, l[0], 1, Write)
	v.Taken(b, l[1], 2, Write)
	v.Acquire(a, l[1], 3, Write)
	v.Stuck(a, StuckGoroutine{Goroutine: 1}) // before the knot is known
	v.Blocked(a, l[1], false)
	v.Acquire(b, l[0], 4, Write)
	v.Blocked(b, l[0], false)
	v.Stuck(b, StuckGoroutine{Goroutine: 2})
	v.Taken(c, new(Map), 5, Read)
	v.Stuck(nil, StuckGoroutine{Goroutine: 4, Wait: WaitSelect, PCs: []uintptr{1}})
	v.Stuck(nil, StuckGoroutine{Goroutine: 4, Wait: WaitSelect, LocksOnly: true})
	const want = "stuck W suppressed\ncircular W proved\nstuck W suppressed\nstuck select possible\n"
	if got := levels(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Who wants a lock is proved to be stuck; who holds one only if somebody can want
// it; and nobody who can be reached by a weak pointer.
func TestStuckLevels(t *testing.T) {
	for _, test := range []struct {
		holds, wants, unwanted, weak bool
		level                        Level
		why                          Why
	}{
		{level: Possible, why: WhyNoLock},
		{weak: true, level: Possible, why: WhyNoLock | WhyWeak},
		{unwanted: true, level: Possible, why: WhyNoLock},
		{holds: true, level: Proved},
		{holds: true, unwanted: true, level: Possible, why: WhyUnwanted},
		{holds: true, weak: true, level: Possible, why: WhyWeak},
		{holds: true, unwanted: true, weak: true, level: Possible, why: WhyUnwanted | WhyWeak},
		{wants: true, level: Proved},
		{wants: true, unwanted: true, level: Proved},
		{wants: true, weak: true, level: Possible, why: WhyWeak},
		{holds: true, wants: true, level: Proved},
		{holds: true, wants: true, unwanted: true, level: Proved},
		{holds: true, wants: true, weak: true, level: Possible, why: WhyWeak},
	} {
		v := New(SmallLimits(), Host{})
		task, l := v.NewTask(), [...]*Map{new(Map), new(Map)}
		onHeap = append(onHeap[:0], l[:]...)
		v.wake(task)
		v.SetClass(task, l[0], "a")
		v.SetClass(task, l[1], "b")
		if test.holds {
			v.Taken(task, l[0], 1, Write)
		}
		if test.wants {
			v.Acquire(task, l[1], 2, Write)
		}
		var held [MaxLocks]uintptr
		if n, wants := task.Locks(&held); n > 0 != test.holds || wants != 0 != test.wants {
			t.Errorf("%+v: Locks: %d, %#x", test, n, wants)
		}
		v.Stuck(task, StuckGoroutine{Goroutine: 1, Wait: WaitSend, Unwanted: test.unwanted, Weak: test.weak})
		f, ok := v.Finding(1)
		if !ok || f.Level != test.level || f.Why != test.why {
			t.Errorf("%+v: got %v, %v, %#x", test, ok, f.Level, f.Why)
		}
	}
}
