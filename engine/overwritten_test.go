package engine

import (
	"testing"
	"unsafe"
)

// memory is what the locks of a script look like in memory.
type memory struct {
	v     *Validator
	tasks map[byte]*Task
	locks map[byte]*Map
	read  map[*Map]int32 // readers that have it
	waits map[*Map]int32 // or wait for it
}

func (y *memory) lock(inst uintptr) LockState {
	for _, m := range y.locks {
		if uintptr(unsafe.Pointer(m)) == inst {
			return LockState{Known: true, Locked: m.state&1 != 0, Readers: y.read[m] + y.waits[m], Waited: y.read[m], Sema: m.sema}
		}
	}
	return LockState{Known: true}
}

func newMemory() *memory {
	y := &memory{tasks: map[byte]*Task{}, locks: map[byte]*Map{}, read: map[*Map]int32{}, waits: map[*Map]int32{}}
	y.v = New(SmallLimits(), Host{Look: y.lock})
	return y
}

func (y *memory) task(g byte) *Task {
	t := y.tasks[g]
	if t == nil {
		t = y.v.NewTask()
		y.tasks[g] = t
		y.v.wake(t)
		t.goid = uint64(g)
	}
	return t
}

// run does one step "goroutine operation lock". L and R take a free lock as Mutex
// and as reader, W as writer of a RWMutex, T by a try; l, q and r are announced and
// sleep, as in TestKnots, g ends that; u and U release what was taken for writing
// and reading. = overwrites the lock with an unlocked copy of itself, 0 with a zero
// one.
func (y *memory) run(s string) {
	v, t, m := y.v, y.task(s[0]), y.locks[s[2]]
	if m == nil {
		m = new(Map)
		y.locks[s[2]] = m
		v.SetClass(t, m, s[2:3])
	}
	switch s[1] {
	case 'L':
		m.state = 1
		if !v.Again(t, m, testPCs[0], ToWrite) {
			v.Taken(t, m, testPCs[0], Write)
		}
	case 'T':
		m.state = 1
		v.TryAcquired(t, m, testPCs[0], Write)
	case 'W':
		v.AcquireWriter(t, m, testPCs[0])
		m.state = 1
		v.Acquired(t, m, Write)
	case 'R':
		y.read[m]++
		v.Taken(t, m, testPCs[1], Read)
	case 'l':
		v.AcquireWriter(t, m, testPCs[2])
		v.Blocked(t, m, false)
	case 'q':
		v.AcquireWriter(t, m, testPCs[2])
		m.state = 1
		v.Blocked(t, m, true)
	case 'r':
		y.waits[m]++
		v.Acquire(t, m, testPCs[3], Read)
		v.Blocked(t, m, false)
	case 'g':
		m.state = 1
		v.Acquired(t, m, Write)
	case 'u':
		v.Release(t, m, Write)
		m.state = 0
	case 'U':
		v.Release(t, m, Read)
		y.read[m]--
	case '=':
		m.state, y.read[m], y.waits[m] = 0, 0, 0
	case '0':
		*m, y.read[m], y.waits[m] = Map{}, 0, 0
		v.SetClass(t, m, s[2:3])
	case 'e':
		v.EndTask(t)
		t.goid = uint64(s[0]) + 100
	}
}

// Each script is as memory.run has it. level is the highest level of a finding
// afterwards, held the number of locks of goroutine 1.
func TestOverwritten(t *testing.T) {
	for _, c := range []struct {
		name, script string
		level        Level
		held         uint32
	}{
		{"a double lock", "1La 1la", Proved, 2},
		{"a free lock taken again", "1La 1=a 1La", Suppressed, 1},
		{"by a try", "1La 1=a 1Ta", Suppressed, 1},
		{"zero", "1La 10a 1La", Suppressed, 1},
		{"zero, by a try", "1La 10a 1Ta", Suppressed, 1},
		{"and by a writer", "1Wa 1=a 1Wa", Suppressed, 1},
		{"a double lock after that", "1La 1=a 1La 1la", Proved, 2},
		{"locked by another one, and wanted", "1La 1=a 2La 1la", Suppressed, 1},
		{"zero, locked by another one, and wanted", "1La 10a 2La 1la", Suppressed, 1},
		{"a double lock of the other one", "1La 10a 2La 2la", Proved, 1},
		{"a reader alone", "1Ra 1=a 1Ra", Suppressed, 1},
		{"a reader and its writer", "1Ra 1=a 1Wa", Suppressed, 1},
		{"readers, one of them real", "2Wa 2ua 1Ra 1=a 1Ra", Suppressed, 1},
		{"a reader that is real", "2Wa 2ua 1Ra 1Ra", Likely, 2},
		{"a reader upgrades", "1Ra 1la", Proved, 2},

		{"no order from it", "2Lb 2La 2ua 2ub 1La 1=a 1Lb", Suppressed, 1},
		{"zero, no order from it", "2Lb 2La 2ua 2ub 1La 10a 1Lb", Suppressed, 1},
		{"zero and taken, no order from it", "2Lb 2La 2ua 2ub 1La 10a 3La 1Lb", Suppressed, 1},
		{"taken, no certain order from it", "2Lb 2La 2ua 2ub 1La 1=a 3La 1Lb", Possible, 2},
		{"and before the other order", "1La 1=a 3La 1Lb 1ub 3ua 2Lb 2La 2ua", Possible, 1},
		{"the goroutine ended", "1La 1=a 3La 1Lb 1ub 3ua 1ea 2Lb 2La", Possible, 0},
		{"readers of what was written before", "3La 3Lb 3ub 3ua 2Wa 2Wb 2ub 2ua 1Rb 1Ra", Likely, 2},
		{"an order with nothing overwritten", "2Lb 2La 2ua 2ub 1La 1Lb", Likely, 2},

		{"knot: not locked", "1La 1=a 2Lb 2la 1lb", Suppressed, 1},
		{"knot: zero", "1La 10a 2Lb 2la 1lb", Suppressed, 1},
		{"knot: taken by another one", "1La 1=a 3La 2Lb 2la 1lb", Possible, 2},
		{"knot: zero, taken by another one", "1La 10a 3La 2Lb 2la 1lb", Suppressed, 1},
		{"knot: of the other one", "1La 10a 3La 2Lb 2la 3lb", Proved, 1},
		{"knot: a third one has a phantom elsewhere", "3Lc 3=c 1La 2Lb 2la 1lb", Proved, 2},
		{"knot: not of its own phantom", "1Lc 1=c 1La 2Lb 2la 1lb", Proved, 2},
		{"knot: readers behind writers", "1Ra 2Rb 3qa 4qb 1rb 2ra", Proved, 2},
		{"knot: a reader that is none", "1Ra 1=a 2Rb 3qa 4qb 1rb 2ra", Suppressed, 1},
		{"knot: one reader of two is none", "1Ra 1=a 5Ra 2Rb 3qa 4qb 1rb 2ra", Likely, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := newMemory()
			for s := c.script + " "; s != ""; s = s[4:] {
				y.run(s)
			}
			best := Suppressed
			for id := FindingID(1); id <= y.v.NumFindings(); id++ {
				best = max(best, y.v.Level(id))
			}
			if best != c.level {
				t.Errorf("a finding at %v, want %v", best, c.level)
			}
			if d := y.task('1').depth; d != c.held {
				t.Errorf("%d locks held, want %d", d, c.held)
			}
		})
	}
}

// Locks that are overwritten one after the other do not fill the held stack, and
// other goroutines' locks are held as before.
func TestOverwrittenOften(t *testing.T) {
	y := newMemory()
	y.run("2Lk ")
	for i := range 5000 {
		s := []byte("1La ")
		s[2] = byte('a' + i%8)
		y.run(string(s))
		s[1] = "=0"[i/8%2]
		y.run(string(s))
	}
	if f := y.v.Full(); f != nil {
		t.Errorf("full: %q", f)
	}
	if d := y.task('1').depth; d > 8 {
		t.Errorf("%d locks held", d)
	}
	y.run("1la ")
	y.v.Acquired(y.task('1'), y.locks['a'], Write)
	if d := y.task('2').depth; d != 1 {
		t.Errorf("%d locks held, want 1", d)
	}
}

// A lock that moved is not taken for one that was at its new address before.
func TestMovedToAnOldAddress(t *testing.T) {
	y := newMemory()
	y.run("1La ") // forgotten
	y.run("1Lb ")
	*y.locks['a'] = *y.locks['b']
	y.run("1ua ")
	if d := y.task('1').depth; d != 0 {
		t.Errorf("%d locks held, want none", d)
	}
}

// A lock of annotate's, which is no mutex, is believed to be held.
func TestAnnotatedIsNotRead(t *testing.T) {
	y := newMemory()
	y.v.host.Look = func(inst uintptr) LockState { return LockState{} }
	m := new(Map)
	y.locks['a'] = m
	y.v.SetClass(y.task('1'), m, "a")
	m.Annotated()
	y.run("1Wa ")
	m.state = -1 << 31
	y.v.Acquire(y.task('1'), m, testPCs[1], Write)
	if !y.v.proved() {
		t.Error("a double acquisition is not found")
	}
}
