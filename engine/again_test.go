package engine

import "testing"

// take locks m without a wait and reports whether that was nothing new.
func (r *rig) take(t, m int) bool {
	again := r.v.Again(r.tasks[t], &r.maps[m], testPCs[0], ToWrite)
	if !again {
		r.v.Taken(r.tasks[t], &r.maps[m], testPCs[0], Write)
	}
	return again
}

// TestAgain takes locks again, each time after something that says whether
// that has to be looked at. Locks 0 and 3 are of class a, 1 and 4 of class b, 2
// is of class c.
func TestAgain(t *testing.T) {
	// invert makes the cycle of classes, on locks that nobody else takes.
	invert := func(r *rig) {
		r.take(1, 4)
		r.take(1, 3)
		r.unlock(1, 3, Write)
		r.unlock(1, 4, Write)
	}
	tests := []struct {
		name  string
		then  func(r *rig) // with locks 0 and 1 held, after which 1 is taken again
		again bool
	}{
		{"nothing", func(r *rig) { r.unlock(0, 1, Write) }, true},
		{"both", func(r *rig) {
			r.unlock(0, 1, Write)
			r.unlock(0, 0, Write)
			if !r.take(0, 0) {
				t.Error("the outer lock is new")
			}
		}, true},
		{"another outer lock", func(r *rig) {
			r.unlock(0, 1, Write)
			r.unlock(0, 0, Write)
			r.take(0, 3)
		}, false},
		{"another outer lock in between", func(r *rig) {
			r.unlock(0, 1, Write)
			r.unlock(0, 0, Write)
			r.take(0, 2)
			r.unlock(0, 2, Write)
			r.take(0, 0)
		}, false},
		{"another inner lock in between", func(r *rig) {
			r.unlock(0, 1, Write)
			r.take(0, 2)
			r.unlock(0, 2, Write)
		}, false},
		{"outer lock released first", func(r *rig) {
			r.unlock(0, 0, Write)
			r.unlock(0, 1, Write)
			r.take(0, 0)
		}, false},
		{"outer lock released, and handed over", func(r *rig) { r.unlock(0, 0, Write) }, false},
		{"taken as another class in between", func(r *rig) {
			r.unlock(0, 1, Write)
			r.v.Nested(r.tasks[0], &r.maps[1], 1)
			r.take(0, 1)
			r.unlock(0, 1, Write)
		}, false},
		{"another goroutine on the task", func(r *rig) {
			r.unlock(0, 1, Write)
			r.unlock(0, 0, Write)
			r.v.EndTask(r.tasks[0])
			r.take(0, 0)
		}, false},
		{"chain hot when popped", func(r *rig) {
			r.unlock(0, 1, Write)
			invert(r)
		}, false},
		{"chain hot when popped, seen", func(r *rig) {
			r.unlock(0, 1, Write)
			invert(r)
			r.take(0, 1)
			r.unlock(0, 1, Write)
		}, true},
		{"chain hot when held", func(r *rig) {
			invert(r)
			r.take(0, 2)
			r.unlock(0, 2, Write)
			r.unlock(0, 1, Write)
		}, false},
		{"chain hot before another one is looked at", func(r *rig) {
			r.unlock(0, 1, Write)
			r.unlock(0, 0, Write)
			invert(r)
			r.take(0, 0)
		}, false},
		{"not judged before", func(r *rig) {
			r.unlock(0, 1, Write)
			r.tasks[0].setSlow(taskBusy)
			r.take(0, 2)
			r.unlock(0, 2, Write)
			r.take(0, 1)
			r.unlock(0, 1, Write)
			r.tasks[0].clearSlow(taskBusy)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(SmallLimits(), Host{}, 2, 3)
			r.maps = append(r.maps, newMap(r.maps[0].class(), uint32(r.v.newBirth(r.tasks[0]))), newMap(r.maps[1].class(), uint32(r.v.newBirth(r.tasks[0]))))
			r.take(0, 0)
			r.take(0, 1)
			tt.then(r)
			if got := r.take(0, 1); got != tt.again {
				t.Errorf("Again = %v, want %v", got, tt.again)
			}
		})
	}
}

// TestAgainCounts takes the locks of a finding again: each time counts.
func TestAgainCounts(t *testing.T) {
	r := newRig(SmallLimits(), Host{}, 2, 2)
	pair := func(t, a, b int) {
		r.take(t, a)
		r.take(t, b)
		r.unlock(t, b, Write)
		r.unlock(t, a, Write)
	}
	pair(0, 0, 1)
	for range 10 {
		pair(1, 1, 0)
	}
	f, ok := r.v.Finding(1)
	if !ok || f.Count < 9 {
		t.Errorf("finding counted %d times, want 9 or more", f.Count)
	}
}
