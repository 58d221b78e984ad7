package engine

import "testing"

// annotated returns a validator, a task, and n locks of classes a, b, c.
func annotated(t *testing.T, n int) (*Validator, *Task, []Map) {
	t.Helper()
	v := New(SmallLimits(), Host{})
	task := v.NewTask()
	locks := make([]Map, n)
	for i := range locks {
		v.SetClass(task, &locks[i], string(rune('a'+i)))
	}
	return v, task, locks
}

func heldClasses(v *Validator, t *Task) string {
	s := ""
	for i := uint32(0); i < t.depth; i++ {
		s += v.ClassName(t.at(i).class()) + " "
	}
	return s
}

func TestNestedIsForOneAcquisition(t *testing.T) {
	v, task, l := annotated(t, 2)
	for _, c := range []struct {
		what string
		do   func()
		want string
	}{
		{"plain", func() { v.Acquire(task, &l[0], 1, Write) }, "a "},
		{"announced", func() { v.Nested(task, &l[1], 1); v.Acquire(task, &l[1], 2, Write) }, "a b/1 "},
		{"released", func() { v.Release(task, &l[1], Write) }, "a "},
		{"again", func() { v.Acquire(task, &l[1], 2, Write) }, "a b "},
		{"released again", func() { v.Release(task, &l[1], Write); v.Release(task, &l[0], Write) }, ""},
		{"void", func() { v.Nested(task, &l[1], 1); v.Acquire(task, &l[0], 1, Write) }, "a "},
		{"void, then", func() { v.Acquire(task, &l[1], 2, Write) }, "a b "},
		{"held", func() { v.Nested(task, &l[1], 1); v.Acquire(task, &l[1], 2, Write) }, "a b b "},
		{"try", func() {
			v.Release(task, &l[1], Write)
			v.Release(task, &l[1], Write)
			v.Nested(task, &l[1], 9)
			v.TryAcquired(task, &l[1], 2, Write)
		}, "a b/7 "},
		{"taken back", func() {
			v.Release(task, &l[1], Write)
			v.Nested(task, &l[1], 2)
			v.Nested(task, &l[1], 0)
			v.Acquire(task, &l[1], 2, Write)
		}, "a b "},
		{"end", func() { v.EndTask(task); v.Acquire(task, &l[1], 2, Write) }, "b "},
	} {
		if c.do(); heldClasses(v, task) != c.want {
			t.Errorf("%s: held %q, want %q", c.what, heldClasses(v, task), c.want)
		}
	}
}

func TestMightAcquireHoldsNothing(t *testing.T) {
	v, task, l := annotated(t, 2)
	v.Acquire(task, &l[0], 1, Write)
	for range 3 {
		if !v.MightAcquire(task, &l[1], 2, Write, true) || heldClasses(v, task) != "a " {
			t.Fatalf("held %q", heldClasses(v, task))
		}
	}
	if v.MightAcquire(task, &l[0], 2, Write, false) {
		t.Error("a lock that is held may be taken")
	}
	if s := v.Stats(); s.Dependencies != 1 || s.Findings != 0 {
		t.Errorf("%d dependencies, %d findings", s.Dependencies, s.Findings)
	}
	other := v.NewTask()
	v.Acquire(other, &l[1], 3, Write)
	v.MightAcquire(other, &l[0], 4, Write, false)
	if v.Stats().Findings != 1 {
		t.Error("no finding")
	}
}

func TestNoValidateIsForOneLock(t *testing.T) {
	v, task, l := annotated(t, 3)
	v.SetClass(task, &l[2], "a")
	v.NoValidate(task, &l[0], 1)
	other := v.NewTask()
	for _, m := range []*Map{&l[0], &l[2]} {
		v.Acquire(task, m, 1, Write)
		v.Acquire(task, &l[1], 2, Write)
		v.Release(task, &l[1], Write)
		v.Release(task, m, Write)
		v.Acquire(other, &l[1], 3, Write)
		v.Acquire(other, m, 4, Write)
		if held, write, known := v.Holds(other, m); !held || !write || !known {
			t.Errorf("held %v, for writing %v, known %v", held, write, known)
		}
		v.Release(other, m, Write)
		v.Release(other, &l[1], Write)
		want := 0
		if m == &l[2] {
			want = 1
		}
		if n := v.Stats().Findings; n != want {
			t.Errorf("%d findings, want %d", n, want)
		}
	}
}

// What the program says and what is not so are facts of the graph: found once a
// place, and found again by whoever reads the file.
func TestMisused(t *testing.T) {
	var journal []byte
	v := New(SmallLimits(), Host{Journal: func(b []byte) { journal = append(journal, b...) }})
	task := v.NewTask()
	l := [...]*Map{new(Map), new(Map)}
	onHeap = append(onHeap[:0], l[:]...) // not on the stack, which moves
	v.SetClass(task, l[0], "a")
	v.SetClass(task, l[1], "b")
	v.Taken(task, l[0], 1, Read)
	for range 3 {
		v.Misused(task, l[1], 2, NotHeld)
		v.Misused(task, l[0], 3, NotHeldWrite)
		v.Misused(task, l[0], 4, IsHeld)
		v.Misused(task, l[0], 5, MightRecurse)
	}
	want := "assert-held b held  proved\nassert-held a held a R proved\nassert-not-held a held a R proved\nrecursive a held a R likely\n"
	list := func(v *Validator) (s string) {
		for id := FindingID(1); id <= v.NumFindings(); id++ {
			f, _ := v.Finding(id)
			side := &f.Sides[0]
			s += f.Kind.String() + " " + side.Wants.Class + " held " + side.Holds.Class
			if side.Holds.Class != "" {
				s += " " + side.Holds.Mode
			}
			s += " " + f.Level.String() + "\n"
		}
		return s
	}
	if got := list(v); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	again := New(SmallLimits(), Host{})
	if err := replay(again, journal); err != nil {
		t.Fatal(err)
	}
	if got := list(again); got != want {
		t.Errorf("from the graph file: got\n%swant\n%s", got, want)
	}
}
