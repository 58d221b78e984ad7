package predict

import (
	"cmp"
	"slices"
	"strings"
)

// maxCycle is the longest pattern that is looked for.
const maxCycle = 4

// maxSteps bounds the search for patterns, and the instances that are tried of one.
const (
	maxSteps     = 1 << 20
	maxInstances = 1 << 12
)

// A Side is one goroutine of a deadlock.
type Side struct {
	Holds, Wants Event // the acquisition of the lock that it holds, and the one that it does not get
}

// A Deadlock is one that the run could have ended in. Side i wants what side
// i+1 holds.
type Deadlock struct {
	Sides    []Side
	Schedule []Event // what happens before, in this order
}

// Key names the cycle by its classes: two deadlocks with one key are one finding.
func (d *Deadlock) Key() string {
	var pairs []string
	for _, s := range d.Sides {
		pairs = append(pairs, s.Holds.Class+" > "+s.Wants.Class)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ", ")
}

// Find returns the deadlocks that t could have ended in, one for each cycle of
// classes, in the order of the trace. Patterns of readers alone are left out:
// they need a writer that queues, which has no place in the order of the trace.
func Find(t *Trace) []Deadlock {
	x := newIndex(t)
	f := &finder{index: x, byHeld: map[uint64][]int{}, found: map[string]Deadlock{}, tried: map[string]int{}}
	for i, a := range x.acqs {
		for _, h := range a.held {
			o := x.events[h.event].Object
			f.byHeld[o] = append(f.byHeld[o], i)
		}
	}
	for i := range x.acqs {
		f.path = append(f.path[:0], i)
		f.extend()
	}
	var out []Deadlock
	for _, d := range f.found {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Deadlock) int { return cmp.Compare(a.Key(), b.Key()) })
	return out
}

type finder struct {
	*index
	byHeld map[uint64][]int // acquisitions by what is held
	path   []int
	steps  int
	found  map[string]Deadlock
	tried  map[string]int // instances by key
}

// extend prolongs the path by acquisitions of goroutines that hold what its
// last one wants. A cycle is found once, from its first event in the trace.
func (f *finder) extend() {
	last := &f.acqs[f.path[len(f.path)-1]]
	want := &f.events[last.event]
	for _, next := range f.byHeld[want.Object] {
		if f.steps++; f.steps > maxSteps {
			return
		}
		if next <= f.path[0] && next != f.path[0] {
			continue
		}
		if next == f.path[0] {
			if len(f.path) > 1 && f.bars(next, last) {
				f.try()
			}
			continue
		}
		if len(f.path) == maxCycle || !f.bars(next, last) || !f.apart(next) {
			continue
		}
		f.path = append(f.path, next)
		f.extend()
		f.path = f.path[:len(f.path)-1]
	}
}

// bars reports whether the holder at acquisition i keeps a's goroutine from its
// lock: one of them writes.
func (f *finder) bars(i int, a *acquisition) bool {
	return f.holding(i, a) >= 0
}

// holding returns the event by which the goroutine of acquisition i has the
// lock that a wants, -1 if it does not keep a out.
func (f *finder) holding(i int, a *acquisition) int {
	want := &f.events[a.event]
	for _, h := range f.acqs[i].held {
		if e := &f.events[h.event]; e.Object == want.Object && (!h.read || want.Kind == Lock) {
			return h.event
		}
	}
	return -1
}

// apart reports whether acquisition i can stand beside all of the path: other
// goroutines, and no lock that excludes them on both sides.
func (f *finder) apart(i int) bool {
	a := &f.acqs[i]
	for _, p := range f.path {
		b := &f.acqs[p]
		if f.thread[a.event] == f.thread[b.event] {
			return false
		}
		for _, g := range a.held {
			for _, h := range b.held {
				if f.events[g.event].Object == f.events[h.event].Object && (!g.read || !h.read) {
					return false
				}
			}
		}
	}
	return true
}

// try decides whether the goroutines of the path can stand there together.
func (f *finder) try() {
	d := Deadlock{}
	for j, p := range f.path {
		prev := &f.acqs[f.path[(j+len(f.path)-1)%len(f.path)]]
		d.Sides = append(d.Sides, Side{Holds: f.events[f.holding(p, prev)], Wants: f.events[f.acqs[p].event]})
	}
	key := d.Key()
	if _, ok := f.found[key]; ok || f.tried[key] >= maxInstances {
		return
	}
	f.tried[key]++
	c := newClosure(f.index)
	for _, p := range f.path {
		e := f.acqs[p].event
		c.include(f.thread[e], f.pos[e])
	}
	c.close()
	if c.failed {
		return
	}
	for j, p := range f.path {
		if e := f.acqs[p].event; c.upto[f.thread[e]] > f.pos[e] {
			return
		}
		// Another goroutine may have released for it what it holds.
		prev := &f.acqs[f.path[(j+len(f.path)-1)%len(f.path)]]
		if r := f.release[f.holding(p, prev)]; r >= 0 && f.pos[r] < c.upto[f.thread[r]] {
			return
		}
	}
	for i := range f.events {
		if f.pos[i] < c.upto[f.thread[i]] {
			d.Schedule = append(d.Schedule, f.events[i])
		}
	}
	f.found[key] = d
}

// A closure is the least set of events that holds those it was given and that
//
//   - holds with an event all that its goroutine did before it;
//   - with a Receive, the Sends before it on the same object;
//   - with a Begin, what the maker did before it made the goroutine, and
//     everything before that if the maker is not known;
//   - with two acquisitions of one lock that exclude each other, the release
//     of the first.
//
// By the first it is a number of events for each goroutine. It only grows, so
// that each event is looked at once.
type closure struct {
	*index
	upto   []int // events of each goroutine
	work   []int // goroutines with events that were not looked at
	seen   []int // events looked at, by goroutine
	sent   map[uint64]int
	open   map[uint64]*lockState
	all    int  // everything up to here is in the set
	failed bool // a lock is never released
}

func newClosure(x *index) *closure {
	return &closure{
		index: x, upto: make([]int, len(x.threads)), seen: make([]int, len(x.threads)),
		sent: map[uint64]int{}, open: map[uint64]*lockState{},
	}
}

// include puts the first n events of a goroutine into the set.
func (c *closure) include(thread, n int) {
	if n > c.upto[thread] {
		c.upto[thread] = n
		c.work = append(c.work, thread)
	}
}

// before puts what a goroutine did before event n of the trace into the set.
func (c *closure) before(thread, n int) {
	i, _ := slices.BinarySearch(c.threads[thread], n)
	c.include(thread, i)
}

// with puts an event and what its goroutine did before it into the set.
func (c *closure) with(event int) { c.include(c.thread[event], c.pos[event]+1) }

func (c *closure) close() {
	for len(c.work) > 0 && !c.failed {
		t := c.work[len(c.work)-1]
		c.work = c.work[:len(c.work)-1]
		for c.seen[t] < c.upto[t] && !c.failed {
			i := c.threads[t][c.seen[t]]
			c.seen[t]++
			c.look(i)
		}
	}
}

// look draws what follows from one event.
func (c *closure) look(i int) {
	e := &c.events[i]
	switch e.Kind {
	case Receive:
		sends := c.sends[e.Object]
		n := c.sent[e.Object]
		for ; n < len(sends) && sends[n] < i; n++ {
			c.with(sends[n])
		}
		c.sent[e.Object] = n
	case Begin:
		if m, known := c.numbers[e.Object]; known && e.Object != 0 {
			c.before(m, e.Born)
		} else if e.Born > c.all {
			c.all = e.Born
			for t := range c.threads {
				c.before(t, e.Born)
			}
		}
	case Lock, RLock:
		c.acquired(i, e.Kind == Lock)
	}
}

// A lockState is what is known of the acquisitions of one lock in the set.
// Those that were followed by one that they exclude have to be released, which
// is asked for once; the others are pending.
type lockState struct {
	pending      []int
	last, writer int // the latest acquisition in the trace, and the latest for writing; from 1, 0: none
}

// acquired puts acquisition i among the others of its lock.
func (c *closure) acquired(i int, writes bool) {
	o := c.events[i].Object
	s := c.open[o]
	if s == nil {
		s = new(lockState)
		c.open[o] = s
	}
	follows := i+1 > s.last || !writes && i+1 > s.writer // no acquisition that i excludes comes after it
	var left []int
	for _, p := range s.pending {
		if p < i && (writes || c.events[p].Kind == Lock) {
			c.released(p)
		} else {
			left = append(left, p)
		}
	}
	if follows {
		left = append(left, i)
	} else {
		c.released(i)
	}
	s.pending = left
	s.last = max(s.last, i+1)
	if writes {
		s.writer = max(s.writer, i+1)
	}
}

func (c *closure) released(acq int) {
	r := c.release[acq]
	if r < 0 {
		c.failed = true
		return
	}
	c.with(r)
}
