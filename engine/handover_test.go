package engine

import (
	"fmt"
	"slices"
	"testing"
)

// handRig is a validator with many tasks, and locks of one class that are made
// when they are first taken.
type handRig struct {
	*rig
	t     *testing.T
	class uint16
	locks []*Map
}

func newHandRig(t *testing.T, tasks, idle int) *handRig {
	lim := SmallLimits()
	lim.Pairs, lim.Samples, lim.Observations, lim.HeldRecords = 1<<16, 1<<16, 1<<16, 1<<20
	lim.Tasks = max(uint32(tasks+idle+1), lim.Tasks)
	r := &handRig{rig: newRig(lim, Host{}, tasks, 2), t: t}
	for range idle {
		r.v.NewTask()
	}
	r.class = uint16(r.v.AddClass("p.handed", 0))
	return r
}

func (r *handRig) new() *Map {
	m := newMapPtr(r.class, uint32(r.v.newBirth(r.tasks[0])))
	r.locks = append(r.locks, m)
	return m
}

// take takes m on task t as a Mutex that is free, or as a reader.
func (r *handRig) take(t int, m *Map, mode Mode) {
	if !r.v.Again(r.tasks[t], m, testPCs[0], gotBit|uint64(mode)<<modeShift) {
		r.v.Taken(r.tasks[t], m, testPCs[0], mode)
	}
}

// free releases m on task t, by the hook's two steps.
func (r *handRig) free(t int, m *Map, mode Mode) { r.v.Release(r.tasks[t], m, mode) }

// nothing checks that no task holds anything, whether it ran since or not, and
// that nothing was full.
func (r *handRig) nothing() {
	r.t.Helper()
	for id := uint32(1); id <= r.v.ntasks; id++ {
		o := r.v.task(id)
		for _, h := range r.v.standing(o) {
			r.t.Errorf("task %d: a lock that nobody holds is shown as held: %+v", id, h)
			return
		}
		r.v.wake(o)
		if o.depth != 0 {
			r.t.Errorf("task %d holds %d locks that nobody holds", id, o.depth)
			return
		}
	}
	for _, tab := range []Table{tabHeld, tabDepth} {
		if slices.Contains(r.v.Full(), tab.String()) {
			r.t.Errorf("%s: full", tab)
		}
	}
	for id := FindingID(1); id <= r.v.NumFindings(); id++ {
		if r.v.Level(id) != Suppressed {
			r.t.Errorf("a finding at %v", r.v.Level(id))
		}
	}
}

// TestHandOver releases locks on other tasks than those that took them, in all
// ways; afterwards nothing is held.
func TestHandOver(t *testing.T) {
	for name, f := range map[string]func(r *handRig){
		"10,100 and then the first": func(r *handRig) {
			first := r.new()
			r.take(0, first, Write)
			for range 10100 {
				m := r.new()
				r.take(0, m, Write)
				r.free(1, m, Write)
			}
			if d := len(r.v.standing(r.tasks[0])); d != 1 {
				r.t.Errorf("%d locks held, want the first one", d)
			}
			r.free(1, first, Write)
		},
		"one lock, 10,100 times": func(r *handRig) {
			m := r.new()
			for range 10100 {
				r.take(0, m, Write)
				r.free(1, m, Write)
			}
		},
		"from hand to hand": func(r *handRig) {
			m := r.new()
			for i := range 10100 {
				r.take(i%3, m, Write)
				r.free((i+1)%3, m, Write)
			}
		},
		"readers, 300,000 times": func(r *handRig) {
			m := r.new()
			for i := range 300_000 {
				r.take(i%4, m, Read)
				r.take((i+1)%4, m, Read)
				r.free((i+2)%4, m, Read)
				r.free((i+3)%4, m, Read)
			}
		},
		"a thousand readers at a time": func(r *handRig) {
			m := r.new()
			for range 10 {
				for i := range 400 {
					r.take(i%4, m, Read)
				}
				for range 400 {
					r.free(4, m, Read)
				}
			}
		},
		"a reader's release is not for those who came later": func(r *handRig) {
			m := r.new()
			r.take(1, m, Read)
			r.free(0, m, Read) // task 1's
			r.take(0, m, Read)
			r.take(0, m, Read)
			r.free(2, m, Read) // one of task 0's
			for i := range 2 {
				if r.v.wake(r.tasks[i]); r.tasks[i].depth != uint32(1-i) {
					r.t.Errorf("task %d reads %d times, want %d", i, r.tasks[i].depth, 1-i)
				}
			}
			r.free(0, m, Read)
		},
		"taken by a try": func(r *handRig) {
			for range 10100 {
				m := r.new()
				r.v.TryAcquired(r.tasks[0], m, testPCs[0], Write)
				r.free(1, m, Write)
			}
		},
		"many held before the first hand-over": func(r *handRig) {
			var all []*Map
			for i := range 400 {
				all = append(all, r.new())
				r.take(i%4, all[i], Write)
			}
			for i, m := range all {
				r.free(4+i%2, m, Write)
			}
		},
		"the holder wants it again": func(r *handRig) {
			for range 10100 {
				m := r.new()
				r.take(0, m, Write)
				r.v.Acquire(r.tasks[0], m, testPCs[1], Write)
				r.free(1, m, Write)
				r.v.Acquired(r.tasks[0], m, Write)
				if d := len(r.v.standing(r.tasks[0])); d != 1 {
					r.t.Fatalf("%d locks held, want 1", d)
				}
				r.free(0, m, Write)
			}
		},
		"the holder releases it for another one": func(r *handRig) {
			for range 10100 {
				m := r.new()
				r.take(0, m, Write)
				r.free(1, m, Write)
				r.take(2, m, Write)
				r.free(0, m, Write) // its own entry is not what it releases
			}
		},
		"a reader releases it for another one": func(r *handRig) {
			m := r.new()
			for range 10100 {
				r.take(0, m, Read)
				r.free(1, m, Read)
				r.take(2, m, Read)
				r.free(0, m, Read)
			}
		},
		"the holders end": func(r *handRig) {
			for i := range 10100 {
				m := r.new()
				k := i % 4
				r.take(k, m, Write)
				if i%2 == 0 {
					r.free(4, m, Write)
					r.v.EndTask(r.tasks[k])
				} else {
					r.v.EndTask(r.tasks[k])
					r.free(4, m, Write)
				}
			}
			if r.v.orphans != 0 {
				r.t.Errorf("%d locks left behind", r.v.orphans)
			}
		},
		"its memory is used again": func(r *handRig) {
			m := r.new()
			for range 10100 {
				r.take(0, m, Write)
				r.free(1, m, Write)
				*m = newMap(r.class, uint32(r.v.newBirth(r.tasks[0])))
				r.take(2, m, Write)
				if d := len(r.v.standing(r.tasks[2])); d != 1 {
					r.t.Fatalf("%d locks held, want 1", d)
				}
				r.free(2, m, Write)
			}
		},
		"the epoch comes round": func(r *handRig) {
			r.v.epoch = ^uint32(0) - 5000
			for range 10100 {
				m := r.new()
				r.take(0, m, Write)
				r.free(1, m, Write)
				r.take(2, m, Write)
				r.free(2, m, Write)
			}
		},
		"a slice of locks grows": func(r *handRig) {
			for range 100 {
				m, grown := r.new(), new(Map)
				r.take(0, m, Write)
				*grown = *m
				r.free(0, grown, Write)
			}
			if c := r.v.classFlags(ClassID(r.class)); c&classHandoff != 0 {
				r.t.Error("taken for a lock that is handed over")
			}
		},
	} {
		for _, idle := range []int{0, 3000} { // with those, nobody is told before he looks
			t.Run(fmt.Sprintf("%s/%d", name, idle), func(t *testing.T) {
				r := newHandRig(t, 6, idle)
				f(r)
				r.nothing()
			})
		}
	}
}

// A hand-over takes the same steps with ten tasks and with many, also when those
// sleep with locks that others released, and the notes of them stay few.
func TestHandOverSteps(t *testing.T) {
	for _, tasks := range []int{10, 1000, 20_000} {
		for _, sleep := range []bool{false, true} {
			r := newHandRig(t, tasks, 0)
			most := uint32(0)
			for i := range 40_000 {
				m := r.new()
				k := 0
				if sleep {
					k = 1 + i%(tasks-2) // takes one, and then nothing for a long time
				}
				r.take(k, m, Write)
				r.free(tasks-1, m, Write)
				most = max(most, r.v.nhanded)
			}
			if r.v.turns > 40_000*handTurns || !sleep && r.v.turns != 0 {
				t.Errorf("%d tasks: %d tasks were looked at in 40,000 hand-overs", tasks, r.v.turns)
			}
			if limit := uint32(tasks/2 + handServed + 2); most > limit {
				t.Errorf("%d tasks: %d notes, want %d at most", tasks, most, limit)
			}
			r.nothing()
		}
	}
}

// BenchmarkHandOver is a hand-over with so many goroutines that hold a lock.
func BenchmarkHandOver(b *testing.B) {
	for _, tasks := range []int{10, 20_000, 200_000} {
		b.Run(fmt.Sprint(tasks), func(b *testing.B) {
			lim := SmallLimits()
			lim.Tasks = uint32(tasks + 2)
			r := newRig(lim, Host{}, tasks, 1)
			own := make([]Map, tasks)
			for i := range own {
				own[i] = r.fresh(0)
				r.v.Taken(r.tasks[i], &own[i], testPCs[0], Write)
			}
			m := r.fresh(0)
			for b.Loop() {
				r.v.Taken(r.tasks[0], &m, testPCs[0], Write)
				r.v.Release(r.tasks[1], &m, Write)
			}
		})
	}
}
