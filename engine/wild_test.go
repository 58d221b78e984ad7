package engine

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"testing"
	"unsafe"
)

// A wildRun drives a validator by bytes: operations on a few locks whose words
// are written by anybody at any time, as a program can do by package unsafe. The
// locks may be overwritten by each other, also while they are held. Nothing that
// it does may panic.
type wildRun struct {
	v     *Validator
	tasks []*Task
	locks []Map
	event Event
	gen   uint32
	in    []byte
	now   int64
}

func newWildRun(lim Limits, host Host, in []byte) *wildRun {
	w := &wildRun{in: in, locks: make([]Map, 6)}
	host.Now = func() int64 { w.now += 7; return w.now }
	host.Journal = func([]byte) {}
	if host.Name == nil {
		host.Name = wildName
		host.Names = true
	}
	w.v = New(lim, host)
	if w.v == nil {
		return nil
	}
	w.event.PC = testPCs[0]
	for range 3 {
		w.tasks = append(w.tasks, w.v.NewTask())
	}
	return w
}

// wildName names every second site; the others have weak classes.
func wildName(fn, file string, line int, kind byte) Naming {
	if line%2 == 0 {
		return Naming{Class: fmt.Sprint("p.line", line)}
	}
	return Naming{}
}

func (w *wildRun) next() byte {
	if len(w.in) == 0 {
		return 0
	}
	b := w.in[0]
	w.in = w.in[1:]
	return b
}

// word is a value of a lock's semaphore: any at all, or one near a limit.
func (w *wildRun) word() uint32 {
	switch b := w.next(); b % 8 {
	case 0:
		return 0
	case 1:
		return uint32(w.v.nclasses+uint32(b>>3)%3) << classShift
	case 2:
		return w.v.lim.Classes << classShift
	case 3:
		return (slowBit|w.v.nclasses+uint32(b>>3)%3)<<classShift | uint32(b)
	case 4:
		return ^uint32(0) - uint32(b>>3)
	case 5:
		return 1<<31 | uint32(b>>3)
	default:
		return uint32(w.next()) | uint32(w.next())<<8 | uint32(w.next())<<16 | uint32(w.next())<<24
	}
}

// step does one operation.
func (w *wildRun) step() {
	op, b := w.next(), w.next()
	t, m, mode, pc := w.tasks[int(b)%len(w.tasks)], &w.locks[int(b>>2)%len(w.locks)], Mode(b>>5&1), testPCs[int(b>>3)%5]
	if t == nil { // no memory for it
		w.tasks[int(b)%len(w.tasks)] = w.v.NewTask()
		return
	}
	v := w.v
	switch op % 26 {
	case 0, 1:
		v.Acquire(t, m, pc, mode)
		v.Acquired(t, m, mode)
	case 2:
		v.Acquire(t, m, pc, mode)
		v.Blocked(t, m, mode == Write && b&1 == 0)
		v.Acquired(t, m, mode)
	case 3, 4:
		if !v.Again(t, m, pc, []uint64{ToWrite, ToRead}[mode&1]) {
			v.Taken(t, m, pc, mode)
		}
	case 5, 6, 7, 8:
		v.Release(t, m, mode)
	case 9:
		v.TryAcquired(t, m, pc, mode)
	case 10:
		v.TryFailed(t, m, pc, mode)
	case 11:
		v.AcquireWriter(t, m, pc)
		v.Acquired(t, m, Write)
	case 12:
		v.AcquireOnce(t, m, pc)
		v.Acquired(t, m, Write)
	case 13:
		v.Touch(t, m, pc)
		v.Wait(t, pc)
	case 14:
		v.SetClass(t, m, fmt.Sprint("p.set", b%4))
	case 15:
		v.NoValidate(t, m, pc)
	case 16:
		v.Nested(t, m, int(b%9))
	case 17:
		v.MightAcquire(t, m, pc, mode, b&1 == 0)
		v.Holds(t, m)
	case 18:
		v.Misused(t, m, pc, Misuse(b%4))
	case 19:
		v.EndTask(t)
	case 20:
		*m = w.locks[int(b)%len(w.locks)]
	case 21, 22:
		m.sema = w.word()
	case 23:
		m.state = int32(w.word())
		m.sema ^= 1 << (b % 32)
	case 24:
		w.meet(t, b, pc)
	case 25:
		if b < 16 {
			w.look(t, b)
		}
	}
}

// meet lets tasks end each other's waits.
func (w *wildRun) meet(t *Task, b byte, pc uintptr) {
	other := w.tasks[(int(b)+1)%len(w.tasks)]
	w.v.Meet(&Meeting{
		Event: &w.event, Waker: t, Woken: other, For: WaitSend + Mode(b>>2&1),
		OneSided: b&8 != 0, Waits: b&16 != 0, WakerHad: b&32 != 0, WokenHad: b&64 != 0,
	})
	w.v.Follow(t, &w.gen)
	if other != nil {
		w.v.Done(other, 0x100, &w.gen)
	}
	w.v.Waited(t, 0x100, &w.gen, pc)
	if b == 255 {
		w.v.Stuck(t, StuckGoroutine{Goroutine: t.goid, Wait: WaitReceive, PCs: []uintptr{pc}})
	}
}

// look asks all that a live program can be asked.
func (w *wildRun) look(t *Task, b byte) {
	v := w.v
	if b%4 == 0 {
		v.Time()
	}
	for i := 0; t != nil && i < 5; i++ {
		v.Peek(t, i)
	}
	v.Holders()
	v.LockStats()
	v.Chains()
	v.Classes()
	v.Edges(func(Edge) bool { return true })
	for c := ClassID(0); c < 4; c++ {
		v.Class(c)
	}
	for id := FindingID(0); id <= v.NumFindings(); id++ {
		if f, ok := v.Finding(id); ok {
			f.AppendWhy(f.AppendText(nil, ""))
		}
	}
}

// check looks for a class that does not exist, anywhere that it could have got to.
func (w *wildRun) check() string {
	v := w.v
	exists := func(c ClassID) bool { return uint32(c) <= v.nclasses }
	for _, t := range w.tasks {
		for i := uint32(0); t != nil && i < t.depth; i++ {
			if h := t.at(i); !exists(h.class()) {
				return fmt.Sprintf("entry %d has class %d of %d", i, h.class(), v.nclasses)
			}
		}
	}
	for i := uint32(1); i <= v.nobs; i++ {
		o := &v.obs[i]
		if !exists(o.lock.class) {
			return fmt.Sprintf("observation %d has class %d of %d", i, o.lock.class, v.nclasses)
		}
		for _, h := range v.held[o.held : o.held+uint32(o.n)] {
			if !exists(h.class) || h.class == 0 {
				return fmt.Sprintf("observation %d holds class %d of %d", i, h.class, v.nclasses)
			}
		}
	}
	return v.checkOrder()
}

func (w *wildRun) run() string {
	for len(w.in) > 0 {
		w.step()
	}
	w.look(w.tasks[0], 1)
	return w.check()
}

// wildLimits are small: a class number that does not exist is out of range soon.
func wildLimits() Limits {
	lim := SmallLimits()
	lim.Classes = 24
	return lim
}

func wildInput(seed int64, n int) []byte {
	in := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(in)
	return in
}

// TestWildWords writes any word into locks, and holds that nothing panics and no
// class that does not exist gets into what is learned.
func TestWildWords(t *testing.T) {
	runs := 1000
	if testing.Short() {
		runs = 60
	}
	for seed := range int64(runs) {
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("seed %d: %v", seed, p)
				}
			}()
			if s := newWildRun(wildLimits(), Host{}, wildInput(seed, 1500)).run(); s != "" {
				t.Errorf("seed %d: %s", seed, s)
			}
		}()
		if t.Failed() {
			return
		}
	}
}

func FuzzWildWords(f *testing.F) {
	for seed := range int64(8) {
		f.Add(wildInput(seed, 400))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 4000 {
			return
		}
		if s := newWildRun(wildLimits(), Host{}, in).run(); s != "" {
			t.Error(s)
		}
	})
}

// A class that does not exist is none: the lock gets the one of its site. What
// comes to have that number later is not the lock's class.
func TestWildClass(t *testing.T) {
	for _, class := range []uint16{3, 4, 20, 511, 512, 32766, 32767, slowBit, slowBit | 3, slowBit | 32767} {
		t.Run(fmt.Sprint(class), func(t *testing.T) {
			r := newRig(SmallLimits(), Host{Name: func(string, string, int, byte) Naming { return Naming{Class: "p.right"} }}, 1, 2)
			m := Map{sema: uint32(class)<<classShift | 77<<serialShift | 3}
			r.v.Taken(r.tasks[0], &m, testPCs[0], Write)
			for i := range 30 {
				r.v.AddClass(fmt.Sprint("p.wrong", i), 0)
			}
			if got := r.v.ClassName(r.tasks[0].top().class()); got != "p.right" {
				t.Errorf("the lock is held in class %q", got)
			}
			r.lock(0, 1, Write)
			r.unlock(0, 1, Write)
			r.v.Release(r.tasks[0], &m, Write)
			r.v.Acquire(r.tasks[0], &m, testPCs[0], Read)
			if got := r.v.ClassName(r.tasks[0].top().class()); got != "p.right" {
				t.Errorf("the lock is taken again in class %q", got)
			}
			if m.sema&15 != 1 {
				t.Errorf("the permits are %d, want 1", m.sema&15)
			}
			r.v.Edges(func(e Edge) bool {
				if e.From != "p.right" {
					t.Errorf("a dependency of %q", e.From)
				}
				return true
			})
		})
	}
}

// failing is an allocator without memory for its n-th table and, if all is set,
// for those after it. What it gives the collector does not look at, so it is kept.
type failing struct {
	n, at int
	all   bool
	kept  [][]uint64
}

func (f *failing) alloc(size uintptr) unsafe.Pointer {
	f.n++
	if f.n == f.at || f.all && f.n > f.at {
		return nil
	}
	f.kept = append(f.kept, make([]uint64, size/8+1))
	return unsafe.Pointer(&f.kept[len(f.kept)-1][0])
}

// TestNoMemory fails each allocation in turn, that one alone and all from it on:
// in Init, which says so, and afterwards, where what needed the memory is left out.
func TestNoMemory(t *testing.T) {
	whole := &failing{}
	w := newWildRun(wildLimits(), Host{Alloc: whole.alloc}, nil)
	tables := len(w.v.tables())
	if tables < 31 || whole.n < tables {
		t.Fatalf("%d tables and %d allocations", tables, whole.n)
	}
	for at := 1; at <= tables; at++ {
		var v Validator
		if f := (&failing{at: at}); v.Init(wildLimits(), Host{Alloc: f.alloc}) {
			t.Errorf("Init did without allocation %d", at)
		}
	}
	for at := tables + 1; at < tables+12; at++ {
		for _, all := range []bool{false, true} {
			f := &failing{at: at, all: all}
			lim := wildLimits()
			w := newWildRun(lim, Host{Alloc: f.alloc}, wildInput(int64(at), 6000))
			w.v.Time()
			for i := range 200 { // slabs, deep stacks and times
				if k := w.v.NewTask(); k != nil && i%20 == 0 {
					w.tasks = append(w.tasks, k)
					for range 300 {
						w.v.Acquire(k, new(Map), testPCs[i%5], Write)
						w.v.Acquired(k, &w.locks[0], Write)
					}
				}
			}
			for i, k := range w.tasks { // hand-overs
				if k != nil && i > 0 {
					var m Map
					w.v.Acquire(k, &m, testPCs[0], Write)
					w.v.Acquired(k, &m, Write)
					w.v.Release(w.tasks[0], &m, Write)
				}
			}
			if s := w.run(); s != "" {
				t.Errorf("allocation %d: %s", at, s)
			}
			if got := slices.Contains(w.v.Full(), tabMemory.String()); got != (f.n >= at) {
				t.Errorf("allocation %d of %d: said %v", at, f.n, got)
			}
		}
	}
}

// Every slice of a Validator is one of its tables, or one of those that start empty.
func TestTablesAreAll(t *testing.T) {
	empty := []string{"slabs", "spare", "out", "fulls", "handedIdx", "handedTab", "releasedTab"}
	w := newWildRun(wildLimits(), Host{}, nil)
	known := map[unsafe.Pointer]bool{}
	for _, x := range w.v.tables() {
		known[x.at] = true
	}
	s := reflect.ValueOf(w.v).Elem()
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Type.Kind() == reflect.Slice && !known[s.Field(i).Addr().UnsafePointer()] && !slices.Contains(empty, f.Name) {
			t.Errorf("%s is allocated, but not by tables()", f.Name)
		}
	}
	for p := range known {
		if uintptr(*(*unsafe.Pointer)(p))&7 != 0 {
			t.Error("a table is not aligned to 8")
		}
	}
}
