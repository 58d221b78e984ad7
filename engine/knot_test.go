package engine

import "testing"

// Each script is a sequence of "goroutine operation lock": L takes for writing,
// R for reading, Q queues for writing (readers wait from now on), l, r and q the
// same but goes to sleep, g got what it slept for, u releases. The last operation closes a knot, or does not.
func TestKnots(t *testing.T) {
	for _, c := range []struct {
		name, script string
		knot         bool
	}{
		{"abba", "1La 2Lb 1lb 2la", true},
		{"ring", "1La 2Lb 3Lc 1lb 2lc 3la", true},
		{"the holder runs", "1La 2Lb 1lb", false},
		{"the holder waits elsewhere", "1La 2Lb 3Lc 1lb 2lc", false},
		{"two wait for one", "1La 2Lb 3Lc 2la 3la", false},
		{"a wait that is over", "1La 2Lb 1lb 2ub 1gb 1ub 2Lb 2la", false},
		{"readers do not keep readers out", "1Ra 2Rb 1rb 2ra", false},
		{"readers behind queued writers", "1Ra 2Rb 3qa 4qb 1rb 2ra", true},
		{"the queued writer comes last", "1Ra 2Rb 4qb 1rb 2ra 3qa", true},
		{"only one lock has a writer", "1Ra 2Rb 4qb 1rb", false},
		{"a writer that is not queued yet keeps no reader out", "1Ra 2Rb 3la 4lb 1rb 2ra", false},
		{"read again behind a writer", "1Ra 2qa 1ra", true},
		{"writer for reader", "1Ra 2Lb 1lb 2qa", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := New(SmallLimits(), Host{})
			tasks := map[byte]*Task{}
			locks := map[byte]*Map{}
			for s := c.script + " "; s != ""; s = s[4:] {
				if tasks[s[0]] == nil {
					tasks[s[0]] = v.NewTask()
					v.wake(tasks[s[0]])
					tasks[s[0]].goid = uint64(s[0])
				}
				task := tasks[s[0]]
				if locks[s[2]] == nil {
					locks[s[2]] = new(Map)
					v.SetClass(task, locks[s[2]], s[2:3])
				}
				m := locks[s[2]]
				if v.proved() {
					t.Fatalf("a knot before %s", s)
				}
				switch s[1] {
				case 'L':
					v.AcquireWriter(task, m, 1)
					v.Acquired(task, m, Write)
				case 'R':
					v.Taken(task, m, 2, Read)
				case 'l':
					v.AcquireWriter(task, m, 3)
					v.Blocked(task, m, false)
				case 'q':
					v.AcquireWriter(task, m, 3)
					v.Blocked(task, m, true)
				case 'r':
					v.Acquire(task, m, 4, Read)
					v.Blocked(task, m, false)
				case 'g':
					v.Acquired(task, m, Write)
				case 'u':
					v.Release(task, m, Write)
				}
			}
			if v.proved() != c.knot {
				t.Errorf("proved: %v, want %v", v.proved(), c.knot)
			}
		})
	}
}

// proved reports whether a finding is proved.
func (v *Validator) proved() bool {
	for id := FindingID(1); id <= v.NumFindings(); id++ {
		if f, _ := v.Finding(id); f.Level == Proved {
			return true
		}
	}
	return false
}

// A wait ends when the lock is there, and leaves nothing behind.
func TestWaitsEnd(t *testing.T) {
	v := New(SmallLimits(), Host{})
	a := v.NewTask()
	l := [...]*Map{new(Map), new(Map)}
	onHeap = append(onHeap[:0], l[:]...) // not on the stack, which moves
	v.SetClass(a, l[0], "a")
	v.SetClass(a, l[1], "b")
	for range 3 {
		v.Taken(a, l[0], 1, Write)
		v.Acquire(a, l[1], 2, Write)
		v.Blocked(a, l[1], false)
		v.Blocked(a, l[1], false) // woken too early
		v.Acquired(a, l[1], Write)
		v.Release(a, l[1], Write)
		v.Release(a, l[0], Write)
	}
	if v.waitList != 0 || v.nwaits != 1 || a.slow != 0 || a.depth != 0 {
		t.Errorf("list %d, used %d, slow %b, depth %d", v.waitList, v.nwaits, a.slow, a.depth)
	}
	for i, n := range v.waitCount {
		if n != 0 {
			t.Errorf("bucket %d: %d waits", i, n)
		}
	}
}

// A lock that got its name after its holder took it is one lock in the knot.
func TestKnotNamedLater(t *testing.T) {
	v := New(SmallLimits(), Host{})
	l := [...]*Map{new(Map), new(Map)}
	onHeap = append(onHeap[:0], l[:]...)
	a, b := v.NewTask(), v.NewTask()
	for i, task := range []*Task{a, b} {
		v.wake(task)
		task.goid = uint64(i + 1)
	}
	v.SetClass(a, l[0], "a")
	v.Taken(a, l[0], testPCs[0], Write)
	v.Taken(b, l[1], testPCs[1], Write) // no name: its site
	v.SetClass(a, l[1], "b")
	v.Acquire(a, l[1], testPCs[2], Write)
	v.Blocked(a, l[1], false)
	v.Acquire(b, l[0], testPCs[3], Write)
	v.Blocked(b, l[0], false)
	if !v.proved() {
		t.Error("the knot was not reported")
	}
}
