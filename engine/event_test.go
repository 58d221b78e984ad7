package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// Each script is a sequence of operations of goroutines 1 to 9:
//
//	1La 1Ra 1Ta  lock a for writing, for reading, by a try (A: another instance of a's class)
//	1ua          unlock
//	1s2 1r2      send to, receive from goroutine 2, which waits on an unbuffered channel
//	1c2          close; 2 waits to receive
//	1b2          send into a channel with room; 2 waits to receive
//	1n2          send in a select with a default; 2 waits to receive
//	1e2          send; 2 waits in a select of several cases
//	1t2          signal a Cond; 2 waits for it
//	1g- 1x-      make a goroutine; end, another goroutine has the task from then on
//	1p- 1d- 1w-  WaitGroup.Add with locks held; Done; Wait returns
func TestEvents(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"the receiver takes the lock first", "2La 2ua 1La 1s2", "wait possible"},
		{"the sender waits", "2La 2ua 1La 2r1", "wait possible"},
		{"closed by who takes the lock", "2La 2ua 1La 2c1", "wait possible"},
		{"a reader for a writer", "2La 2ua 1Ra 1s2", "wait possible"},
		{"two readers", "2Ra 2ua 1Ra 1s2", ""},
		{"a receiver without the lock", "1La 1s2", ""},
		{"another one without the lock, later", "2La 2ua 1La 1s2 1s3", ""},
		{"another one without the lock, before", "1La 1s3 2La 2ua 1s2", ""},
		{"another one without the lock for who holds none", "3s1 2La 2ua 1La 1s2", ""},
		{"a channel with room", "2La 2ua 1La 1b2", ""},
		{"a Cond", "2La 2ua 1La 2t1", "wait possible"},
		{"a Cond, signalled without the lock", "2La 2ua 1La 2t1 3t1", ""},
		{"a default", "2La 2ua 1La 1n2", ""},
		{"another way out", "2La 2ua 1La 2e1", ""},
		{"a lock that is let go", "2La 2ua 1La 1ua 1s2", ""},
		{"taken before the goroutine was made", "2La 2ua 2g- 1La 1s2", ""},
		{"taken before another wait", "2La 2ua 2r3 1La 1s2", ""},
		{"taken by another goroutine before", "2La 2ua 2x- 1La 1s2", ""},
		{"taken by a try", "2Ta 2ua 1La 1s2", ""},
		{"another instance", "2LA 2uA 1La 1s2", ""},
		{"another instance later", "2La 2ua 1La 1s2 2LA 2uA 1s2", ""},
		{"a second lock at the same depth", "2La 2ua 2Lb 2ub 1La 1s2", ""},
		{"held since before", "2La 2r3 2ua 1La 1s2", ""},

		{"WaitGroup", "2La 2ua 1La 1p- 2d- 1w-", "wait possible"},
		{"WaitGroup, of many one", "2La 2ua 1La 1p- 2d- 3d- 1w-", "wait possible"},
		{"WaitGroup, its own", "1La 1p- 1d- 1w-", ""},
		{"WaitGroup, of the wait before", "2La 2ua 1La 1p- 1ua 2d- 1w- 1La 1w-", ""},
		{"a barrier", "3Lc 3p- 1La 2Lb 1d- 2d- 1w- 1d- 2d- 2w-", ""},

		{"a spawned goroutine takes b", "1La 1p- 1g- 2Lb 2ub 2d- 1w- 1ua 3Lb 3La", "circular possible"},
		{"the same, b and then a before", "3Lb 3La 3ua 3ub 1La 1p- 1g- 2Lb 2ub 2d- 1w-", "circular possible"},
		{"the same by a channel", "1La 1g- 2Lb 2ub 2c1 1ua 3Lb 3La", "circular possible"},
		{"the same under a gate", "1Lg 1La 1p- 1g- 2Lb 2ub 2d- 1w- 1ua 1ug 3Lg 3Lb 3La", ""},
		{"b is not always taken", "1La 1g- 2Lb 2ub 2c1 4c1 1ua 3Lb 3La", ""},
		{"b is not always taken, which is seen later", "1La 1g- 2Lb 2ub 2c1 1ua 3Lb 3La 3ua 3ub 1La 4c1", ""},
		{"b is not always taken, but nested elsewhere", "1La 1g- 2Lb 2ub 2c1 1Lb 1ub 1ua 3Lb 3La 3ua 3ub 1La 4c1", "circular likely"},
		{"b is not always taken, but other instances are nested", "1La 1g- 2Lb 2ub 2c1 1ua 3Lb 3La 3ua 3ub 1LA 1LB 1uB 1uA 1La 4c1", "circular possible"},
		{"no order back", "1La 1p- 1g- 2Lb 2ub 2d- 1w- 1ua 3Lb 3ub 3La", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := New(SmallLimits(), Host{})
			p := newPlayer(v)
			for op := range strings.FieldsSeq(c.script) {
				p.play(op)
			}
			if got := shown(v); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			// The verdict over the observations is the same, in any order.
			for _, backwards := range []bool{false, true} {
				if got := shown(again(v, backwards)); got != c.want {
					t.Errorf("judged again (backwards: %v): got %q, want %q", backwards, got, c.want)
				}
			}
		})
	}
}

// A player plays scripts on tasks and locks that are made when they are named.
type player struct {
	event Event // first: its words are used atomically with 64 bits
	v     *Validator
	tasks map[byte]*Task
	locks map[byte]*Map
	goids uint64
	wg    uint32
}

func newPlayer(v *Validator) *player {
	return &player{v: v, tasks: map[byte]*Task{}, locks: map[byte]*Map{}, event: Event{PC: testPCs[0]}}
}

func (p *player) task(name byte) *Task {
	if p.tasks[name] == nil {
		p.tasks[name] = p.v.NewTask()
		p.begin(p.tasks[name])
	}
	return p.tasks[name]
}

func (p *player) begin(t *Task) {
	p.v.wake(t)
	p.goids++
	t.goid = p.goids
}

func (p *player) lock(t *Task, name byte) *Map {
	if p.locks[name] == nil {
		p.locks[name] = new(Map)
		p.v.SetClass(t, p.locks[name], strings.ToLower(string(name)))
	}
	return p.locks[name]
}

func (p *player) play(op string) {
	t := p.task(op[0])
	switch op[1] {
	case 'L':
		p.v.Taken(t, p.lock(t, op[2]), testPCs[1], Write)
	case 'R':
		p.v.Taken(t, p.lock(t, op[2]), testPCs[1], Read)
	case 'T':
		p.v.TryAcquired(t, p.lock(t, op[2]), testPCs[1], Write)
	case 'u':
		p.v.Release(t, p.lock(t, op[2]), Write)
	case 'g':
		t.Stretch()
	case 'x':
		p.v.EndTask(t)
		p.begin(t)
	case 'p':
		if p.wg == 0 {
			p.v.Follow(t, &p.wg)
		}
	case 'd':
		p.v.Done(t, 8, &p.wg)
	case 'w':
		p.v.Waited(t, 8, &p.wg, testPCs[2])
	default:
		if m := p.meeting(op); op[1] == 'c' && Leaves(m.Waker, m.Woken) || !p.event.Known(m.Waker, m.Woken) {
			p.v.Meet(&m)
		}
	}
}

// meeting is what an operation with two tasks is.
func (p *player) meeting(op string) Meeting {
	m := Meeting{
		Event: &p.event, Waker: p.task(op[0]), Woken: p.task(op[2]),
		For: WaitReceive, OneSided: op[1] == 'c' || op[1] == 't', WokenHad: op[1] != 'e',
		Waits: strings.IndexByte("srbe", op[1]) >= 0, WakerHad: strings.IndexByte("sre", op[1]) >= 0,
	}
	switch op[1] {
	case 'r':
		m.For = WaitSend
	case 't':
		m.For = WaitCond
	}
	return m
}

// TestKnown plays random scripts. A meeting that is known changes nothing.
func TestKnown(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	known := 0
	for range 2000 {
		p := newPlayer(New(SmallLimits(), Host{}))
		var script []string
		for range 40 {
			op := string([]byte{"123"[r.IntN(3)], "LLLTuuugx"[r.IntN(9)], "abc"[r.IntN(3)]})
			if r.IntN(3) == 0 {
				op = string([]byte{op[0], "srbnect"[r.IntN(7)], "123"[r.IntN(3)]})
			}
			script = append(script, op)
			task := p.task(op[0])
			switch op[1] {
			case 'L', 'T', 'u':
				if p.holds(op[2]) == nil == (op[1] != 'u') && (op[1] != 'u' || p.holds(op[2]) == task) {
					p.play(op)
				}
			case 'g', 'x':
				if op[1] == 'g' || task.depth == 0 {
					p.play(op)
				}
			default:
				if op[0] == op[2] {
					continue
				}
				m := p.meeting(op)
				if op[1] == 'c' && Leaves(m.Waker, m.Woken) {
					p.v.Meet(&m) // never known
					continue
				}
				is, before := p.event.Known(m.Waker, m.Woken), p.state(&m)
				p.v.Meet(&m)
				if is {
					known++
					if after := p.state(&m); after != before {
						t.Fatalf("seed %d: %v is known and changes\n%s\nto\n%s", seed, script, before, after)
					}
				}
			}
		}
	}
	if known < 1000 {
		t.Errorf("seed %d: %d meetings were known, too few to tell", seed, known)
	}
}

// holds returns the task that holds a lock.
func (p *player) holds(name byte) *Task {
	for _, t := range p.tasks {
		if t.holds(uintptr(unsafe.Pointer(p.locks[name])), Write, 0) > 0 {
			return t
		}
	}
	return nil
}

// state is what a meeting can change.
func (p *player) state(m *Meeting) string {
	s := fmt.Sprint(p.v.nobs, p.v.nfindings, m.Event.without, m.Event.needed, m.Event.gate.Load())
	for _, t := range []*Task{m.Waker, m.Woken} {
		s += fmt.Sprintf(" depth %d:", t.depth)
		for i := range t.cap {
			s += fmt.Sprintf(" %x", t.at(i).word&^lookBit)
		}
	}
	return s
}

// shown returns the kinds and levels of the findings that are shown.
func shown(v *Validator) string {
	var out []string
	for id := FindingID(1); id <= v.NumFindings(); id++ {
		if f, _ := v.Finding(id); f.Level > Suppressed {
			out = append(out, f.Kind.String()+" "+f.Level.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// again judges v's observations as a reader of its graph file does.
func again(v *Validator, backwards bool) *Validator {
	w := New(SmallLimits(), Host{})
	lock := func(h heldRec) RecordedLock {
		l := RecordedLock{Birth: h.birth, Addr: h.addr, Site: w.AddSite(v.frame(h.site)), Mode: h.mode, Try: h.try}
		if h.class != 0 {
			l.Class = w.AddClass(v.ClassName(h.class), 0)
		}
		return l
	}
	var all []Recorded
	for i := uint32(1); i <= v.nobs; i++ {
		o := &v.obs[i]
		r := Recorded{Kind: o.kind, Flags: o.flags, Goroutine: o.goid, Lock: lock(o.lock), Wait: o.wait, Waker: o.waker, Event: w.AddSite(v.frame(o.event))}
		r.Closer, r.Behind = o.closer, int(o.behind)
		for j := range uint32(o.n) {
			r.Held = append(r.Held, lock(v.held[o.held+j]))
		}
		all = append(all, r)
	}
	if backwards {
		slices.Reverse(all)
	}
	for i := range all {
		w.Observe(&all[i])
	}
	return w
}

// A wait that was learned costs nothing but a look, and no memory.
func TestEventsAllocateNothing(t *testing.T) {
	v := New(SmallLimits(), Host{})
	p := newPlayer(v)
	ops := strings.Fields("2La 2ua 1La 1s2 1ua 1La 1p- 2Lb 2ub 2d- 1w- 1ua 3s4")
	p.task('1')
	n := testing.AllocsPerRun(100, func() {
		for _, op := range ops {
			p.play(op)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
