package engine

import (
	"encoding/binary"
	"slices"
	"testing"
)

// rig is a validator with one task for each goroutine and one lock of each of
// n classes.
type rig struct {
	v     *Validator
	tasks []*Task
	maps  []Map
}

func newRig(lim Limits, host Host, tasks, classes int) *rig {
	r := &rig{v: New(lim, host), maps: make([]Map, classes)}
	for range tasks {
		r.tasks = append(r.tasks, r.v.NewTask())
	}
	for i := range r.maps {
		r.maps[i] = r.fresh(i)
	}
	return r
}

func (r *rig) fresh(class int) Map {
	name := "p.c" + string(appendInt(nil, uint64(class)))
	return newMap(uint16(r.v.AddClass(name, 0)), uint32(r.v.newBirth(r.tasks[0])))
}

func (r *rig) lock(t, m int, mode Mode) {
	r.v.Acquire(r.tasks[t], &r.maps[m], testPCs[0], mode)
	r.v.Acquired(r.tasks[t], &r.maps[m], mode)
}

func (r *rig) wlock(t, m int) {
	r.v.AcquireWriter(r.tasks[t], &r.maps[m], testPCs[0])
	r.v.Acquired(r.tasks[t], &r.maps[m], Write)
}

func (r *rig) unlock(t, m int, mode Mode) { r.v.Release(r.tasks[t], &r.maps[m], mode) }

func (r *rig) pair(mode Mode) {
	r.lock(0, 0, mode)
	r.unlock(0, 0, mode)
}

func (r *rig) nested4() {
	for i := range 4 {
		r.lock(0, i, Write)
	}
	for i := 3; i >= 0; i-- {
		r.unlock(0, i, Write)
	}
}

func (r *rig) try() {
	r.v.TryAcquired(r.tasks[0], &r.maps[0], testPCs[0], Write)
	r.unlock(0, 0, Write)
}

func (r *rig) readerNested() {
	r.lock(0, 0, Write)
	r.lock(0, 1, Read)
	r.unlock(0, 1, Read)
	r.unlock(0, 0, Write)
}

func TestHitPathDoesNotAllocate(t *testing.T) {
	r := newRig(SmallLimits(), Host{}, 1, 4)
	for name, f := range map[string]func(){
		"pair":         func() { r.pair(Write) },
		"nested4":      r.nested4,
		"RPair":        func() { r.pair(Read) },
		"try":          r.try,
		"readerNested": r.readerNested,
		"writer":       func() { r.wlock(0, 2); r.unlock(0, 2, Write) },
		"outOfOrder": func() {
			r.lock(0, 0, Write)
			r.lock(0, 1, Write)
			r.unlock(0, 0, Write)
			r.unlock(0, 1, Write)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f() // learns
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if r.tasks[0].depth != 0 {
				t.Error("locks are left on the held stack")
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	for name, f := range map[string]func(r *rig){
		"release of a lock never taken": func(r *rig) {
			r.unlock(0, 0, Write)
			r.unlock(0, 0, Read)
			var m Map
			r.v.Release(r.tasks[0], &m, Write)
			r.v.Release(r.tasks[0], &m, Read)
		},
		"released twice": func(r *rig) {
			r.lock(0, 0, Write)
			r.unlock(0, 0, Write)
			r.unlock(0, 0, Write)
		},
		"released twice elsewhere": func(r *rig) {
			r.lock(0, 0, Write)
			r.unlock(1, 0, Write)
			r.unlock(1, 0, Write)
			r.unlock(0, 0, Write)
		},
		"reader released as a writer": func(r *rig) {
			r.lock(0, 0, Read)
			r.unlock(0, 0, Write)
			r.lock(0, 0, Write)
			r.unlock(1, 0, Read)
			r.unlock(0, 0, Write)
		},
		"no task and no host": func(r *rig) {
			r.v.Acquire(nil, &r.maps[0], testPCs[0], Write)
			r.v.AcquireWriter(nil, &r.maps[0], testPCs[0])
			r.v.Release(nil, &r.maps[0], Write)
		},
		"ends with locks, ends twice": func(r *rig) {
			r.lock(0, 0, Write)
			r.lock(0, 1, Read)
			r.v.EndTask(r.tasks[0])
			r.v.EndTask(r.tasks[0])
		},
		"a zero program counter": func(r *rig) {
			var m Map
			r.lock(0, 1, Write)
			r.v.Acquire(r.tasks[0], &m, 0, Write)
			r.v.Release(r.tasks[0], &m, Write)
			r.unlock(0, 1, Write)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(SmallLimits(), Host{}, 2, 2)
			f(r)
			for _, k := range r.tasks {
				r.v.EndTask(k)
			}
			r.nestedOK(t)
		})
	}
}

// nestedOK: the validator still works.
func (r *rig) nestedOK(t *testing.T) {
	t.Helper()
	r.lock(0, 0, Write)
	r.lock(0, 1, Write)
	if d := r.tasks[0].depth; d != 2 {
		t.Errorf("%d locks held, want 2", d)
	}
	r.unlock(0, 1, Write)
	r.unlock(0, 0, Write)
	if d := r.tasks[0].depth; d != 0 {
		t.Errorf("%d locks held, want 0", d)
	}
}

func TestTooDeep(t *testing.T) {
	r := newRig(SmallLimits(), Host{}, 1, 2)
	var deep [2000]Map
	for i := range deep {
		deep[i] = r.fresh(0)
		r.v.Acquire(r.tasks[0], &deep[i], testPCs[0], Write)
		r.v.Acquired(r.tasks[0], &deep[i], Write)
	}
	if got := r.v.Full(); !slices.Contains(got, tabDepth.String()) {
		t.Errorf("full: %q", got)
	}
	for i := range deep {
		r.v.Release(r.tasks[0], &deep[len(deep)-1-i], Write)
	}
	if d := r.tasks[0].depth; d != 0 {
		t.Errorf("%d locks held", d)
	}
	if n := r.v.NumFindings(); n != 0 {
		t.Errorf("%d findings", n)
	}
	r.v.EndTask(r.tasks[0])
	r.nestedOK(t)
}

// saidFull counts the records of full tables in a journal.
func saidFull(t *testing.T, b []byte) map[Table]int {
	t.Helper()
	said := map[Table]int{}
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if b[k] == RecLimit {
			tab, _ := binary.Uvarint(b[k+1:])
			said[Table(tab)]++
		}
		b = b[k+int(n)+4:]
	}
	return said
}

// tiny has, for each table, limits under which it fills first.
var tiny = map[Table]func(*Limits){
	tabClasses:      func(l *Limits) { l.Classes = 3 },
	tabSites:        func(l *Limits) { l.Sites = 4 },
	tabChains:       func(l *Limits) { l.Chains = 4 },
	tabEdges:        func(l *Limits) { l.Edges = 4 },
	tabSamples:      func(l *Limits) { l.Samples = 6 },
	tabObservations: func(l *Limits) { l.Observations = 6 },
	tabHeld:         func(l *Limits) { l.HeldRecords = 9 },
	tabStacks:       func(l *Limits) { l.Stacks = 2 },
	tabFrames:       func(l *Limits) { l.Frames = 4 },
	tabTests:        func(l *Limits) { l.Tests = 3 },
	tabFindings:     func(l *Limits) { l.Findings = 2 },
	tabTasks:        func(l *Limits) { l.Tasks = 3 },
	tabText:         func(l *Limits) { l.Text = 40 },
}

// TestFullTables fills one table after the other: each is said once, nothing
// panics, and the evidence of every finding is still true.
func TestFullTables(t *testing.T) {
	for tab, shrink := range tiny {
		t.Run(tab.String(), func(t *testing.T) {
			lim := twinLimits()
			shrink(&lim)
			filled := 0
			for seed := int64(1); seed <= 60; seed++ {
				c := newConfig(seed)
				c.length = 300
				h := newHarnessLim(c, lim)
				for _, o := range draw(c) {
					if o.task >= len(h.tasks) {
						continue
					}
					if s := h.step(o); s != "" {
						t.Fatalf("seed %d: %s", seed, s)
					}
				}
				for i := range 4 {
					h.v.Test("T" + string(rune('A'+i)))
				}
				h.v.Observe(&Recorded{Kind: obsWait, Goroutine: 1})
				for i := range h.names {
					h.v.AddClass("x"+string(rune('a'+i)), 0)
				}
				h.v.NewTask()
				h.v.FlushStats()
				said := saidFull(t, h.journal)
				if slices.Contains(h.v.Full(), tab.String()) {
					filled++
					if said[tab] != 1 {
						t.Fatalf("seed %d: %s said %d times", seed, tab, said[tab])
					}
				}
				for x, n := range said {
					if n != 1 {
						t.Fatalf("seed %d: %s said %d times", seed, x, n)
					}
				}
				for id := FindingID(1); id <= h.v.NumFindings(); id++ {
					f, _ := h.v.Finding(id)
					f.AppendWhy(f.AppendText(nil, ""))
				}
			}
			if filled == 0 {
				t.Error("never full")
			}
		})
	}
}

func BenchmarkPair(b *testing.B) {
	r := newRig(SmallLimits(), Host{}, 1, 1)
	r.pair(Write)
	b.ReportAllocs()
	for b.Loop() {
		r.v.Acquire(r.tasks[0], &r.maps[0], testPCs[0], Write)
		r.v.Acquired(r.tasks[0], &r.maps[0], Write)
		r.v.Release(r.tasks[0], &r.maps[0], Write)
	}
}

func BenchmarkRPair(b *testing.B) {
	r := newRig(SmallLimits(), Host{}, 1, 1)
	r.pair(Read)
	b.ReportAllocs()
	for b.Loop() {
		r.v.Acquire(r.tasks[0], &r.maps[0], testPCs[0], Read)
		r.v.Acquired(r.tasks[0], &r.maps[0], Read)
		r.v.Release(r.tasks[0], &r.maps[0], Read)
	}
}

func BenchmarkNested4(b *testing.B) {
	r := newRig(SmallLimits(), Host{}, 1, 4)
	r.nested4()
	b.ReportAllocs()
	for b.Loop() {
		r.nested4()
	}
}

// BenchmarkFreshLock takes a lock that was never taken: it gets its class.
func BenchmarkFreshLock(b *testing.B) {
	r := newRig(SmallLimits(), Host{}, 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		var m Map
		r.v.Acquire(r.tasks[0], &m, testPCs[0], Write)
		r.v.Acquired(r.tasks[0], &m, Write)
		r.v.Release(r.tasks[0], &m, Write)
	}
}

func newMap(class uint16, serial uint32) Map { return *newMapPtr(class, serial) }

func newMapPtr(class uint16, serial uint32) *Map {
	m := new(Map)
	m.set(class, serial)
	return m
}
