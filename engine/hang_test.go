package engine

import "testing"

// Who waits for a lock that a doomed goroutine keeps is doomed as well.
func TestDoom(t *testing.T) {
	hangs := 0
	v := New(SmallLimits(), Host{Hang: func() { hangs++ }})
	var l [6]*Map
	var task [8]*Task
	for i := range l {
		l[i] = new(Map)
	}
	onHeap = append(onHeap[:0], l[:]...)
	for i := range task {
		task[i] = v.NewTask()
		v.wake(task[i])
		task[i].goid = uint64(i + 1)
	}
	for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
		v.SetClass(task[0], l[i], name)
	}
	doomed := func(stuck []*Task, alone bool) (s string) {
		v.Doom(stuck, alone)
		for i, x := range task {
			if x.Doomed() {
				s += string(rune('0' + i))
			}
		}
		return s
	}
	sleep := func(i, lock int, mode Mode, readers bool) {
		v.Acquire(task[i], l[lock], uintptr(10+i), mode)
		v.Blocked(task[i], l[lock], readers)
	}
	v.Taken(task[0], l[0], 1, Write)
	v.Taken(task[1], l[1], 2, Write)
	v.Taken(task[2], l[2], 3, Read)
	v.Taken(task[5], l[3], 4, Read)
	sleep(0, 1, Write, false)
	sleep(2, 0, Write, false) // behind the knot to be
	sleep(3, 2, Write, true)  // behind that
	sleep(4, 2, Read, false)  // behind the writer that queues
	sleep(6, 3, Write, true)  // behind one that runs
	if got := doomed(nil, true); got != "" || hangs != 0 || v.Hung() {
		t.Errorf("before the knot: %q, %d", got, hangs)
	}
	sleep(1, 0, Write, false)
	if got := doomed(nil, true); got != "01234" || hangs != 1 || !v.Hung() || v.Hung() {
		t.Errorf("the knot: %q, %d", got, hangs)
	}
	if got := doomed([]*Task{nil, task[5]}, false); got != "0123456" {
		t.Errorf("with one that is stuck elsewhere: %q", got)
	}
	v.Taken(task[7], l[4], 5, Write)
	sleep(7, 4, Write, false) // for itself
	if got := doomed(nil, false); got != "01234" || hangs != 2 || !v.Hung() {
		t.Errorf("one that may be rescued: %q, %d", got, hangs)
	}
	if got := doomed(nil, true); got != "012347" {
		t.Errorf("one whom nobody can rescue: %q", got)
	}
	v.handoff(ClassID(l[4].class()))
	v.handoff(ClassID(l[2].class()))
	if got := doomed(nil, true); got != "012" {
		t.Errorf("locks that are handed over: %q", got)
	}
}
