package replay

import "github.com/golockdep/lockdep/ktrace"

// What is not in the trace: records that the kernel lost, and events that were
// turned off for a while.

// enabledLate is for the first release of a trace, or after a gap. Events are
// turned on one after the other, by perf for each CPU: what was taken before may
// have been released unseen, so nothing is learned on a CPU until it has
// releases.
func (r *Replay) enabledLate(c *cpu) {
	c.released = true
	if r.released {
		return
	}
	r.released, r.everReleased = true, true
	for _, t := range r.tasks[1:] {
		r.drop(t)
		t.whole = false
	}
}

// last says what is known of a task from its latest event.
type last uint8

const (
	willAcquire  last = iota + 1 // its next event is lock_acquire
	willWait                     // so, and interrupts were known to be on
	justReleased                 // it was lock_release
)

// follows holds the events of a task against each other. Functions that turn
// interrupts off for a lock take it next, and those that turn them on again
// have just released one. Where the event of that is missing, lock events
// were turned off in between. Then nothing is known of what is held, until
// there are releases again. A trace that lacks most of them is one of chosen
// locks, and whole as such.
func (r *Replay) follows(t *task, want bool, event last) {
	was := t.last
	t.last = 0
	if !r.released || r.chosen {
		return
	}
	will := was == willAcquire || was == willWait
	if want || will {
		r.pairs++
	}
	if want && was != event || will {
		if r.misses++; r.misses > 64 && 4*r.misses > r.pairs {
			r.chosen = true
			return
		}
		r.counts.Gaps++
		r.odd(oddPairs, t)
		r.epoch++
		r.released = false
		for i := range r.cpus {
			r.cpus[i].released = false
		}
	}
}

// stale is for a task that was not seen since records were lost.
func (r *Replay) stale(t *task) {
	r.drop(t)
	t.epoch, t.whole = r.epoch, false
}

// lost forgets what the tasks hold that may have run on the CPU in the gap:
// all but those that run on other CPUs. The kernel says that it lost records
// when it has the next one, so what was learned meanwhile is not sure, either.
func (r *Replay) lost(c *cpu, ev *ktrace.Event) {
	r.odd(oddLost, nil)
	r.counts.LostGaps++
	r.counts.Lost += int(max(ev.Num, 1))
	for j := len(r.seen) - 1; j >= 0 && r.seen[j].time > c.time && int(r.seen[j].file) == len(r.files)-1; j-- {
		r.seen[j].what = 0
	}
	r.epoch++
	for i := range r.cpus {
		if o := &r.cpus[i]; o != c && o.current != 0 {
			if t := r.tasks[o.current]; t.epoch == r.epoch-1 {
				t.epoch = r.epoch
			}
		}
	}
}

// lostAnywhere is for records that were lost on some CPU, at some time.
func (r *Replay) lostAnywhere(ev *ktrace.Event) {
	r.odd(oddLost, nil)
	r.counts.LostGaps++
	r.counts.Lost += int(max(ev.Num, 1))
	r.epoch++
}

// maxBehind is how many events may be older than those before until the older
// time is taken for the right one.
const maxBehind = 4096

// goesBack is for an event while the time of its CPU is behind what it was. It
// is one that comes twice, or out of its place: it is passed over, and so are
// those behind it until the time is reached again. Where that is, events may
// be missing.
func (r *Replay) goesBack(c *cpu, ev *ktrace.Event) bool {
	if c.behind == 0 {
		r.odd(oddBack, nil)
	}
	c.behind++
	if ev.Time <= c.high && c.behind < maxBehind {
		return false
	}
	c.behind = 0
	r.odd(oddBack, nil)
	r.epoch++
	c.switched = false
	return true
}

// runs is for an event of a task that is not the one that its CPU switched to.
// The one before goes on to be it for the last steps of the switch.
func (r *Replay) runs(c *cpu, ev *ktrace.Event) {
	switch ev.PID {
	case c.running:
		c.before = -1
		return
	case c.before:
		return
	}
	if ev.PID < 0 {
		return
	}
	c.switched = false
	r.odd(oddRuns, nil)
	r.epoch++
}

// damaged is for a place of the trace that could not be read. It may hide
// events of any CPU that has none from there on, and before the first event all
// those of CPUs that are never seen.
func (r *Replay) damaged() {
	r.odd(oddRead, nil)
	if len(r.cpus) == 0 {
		r.hidden = 1
	}
	r.blind = r.hidden
	r.epoch++
	for i := range r.cpus {
		if c := &r.cpus[i]; c.current != 0 {
			c.blind = true
			r.blind++
		}
	}
}

// sees is for an event while some CPU has not been seen since a damage. A task
// that did not run for a while may have run there: what it holds is known from
// the beginning of its present run only.
func (r *Replay) sees(c *cpu, ev *ktrace.Event) {
	r.counts.Beside++
	if c.blind {
		c.blind, c.state = false, 0
		r.blind--
		c.current = 0
	}
	if t := r.task(ev); r.blind == 0 {
		r.epoch++
	} else if c.current != t.slot {
		c.current = t.slot
		r.stale(t)
	}
}

// checkSpins forgets what the task holds if it cannot: whoever holds a spinning
// lock cannot be preempted. Then its release was not recorded, because events
// were turned off and on again, and more may be missing.
//
// A mutex is taken with preemption off, too; contention_begin tells it apart.
func (r *Replay) checkSpins(t *task, s state) {
	if !r.contended {
		return
	}
	for i := t.depth - 1; i >= 0; i-- {
		e := &t.held[i]
		if e.state.irq() != s.irq() {
			return
		}
		if r.spinning(e) {
			r.odd(oddFlags, t)
			r.retract(t, e)
			return
		}
	}
}

func (r *Replay) spinning(e *entry) bool {
	return e.state&preemptOn == 0 && r.classes[r.classes[e.class].base].ev&(spins|mutex|sleeps) == spins
}

// switched forgets what a task holds that goes to sleep or is preempted, if it
// cannot hold it: the lock of the runqueue, its newest, is the only spinning
// one. The idle task holds no other at all.
func (r *Replay) switched(t *task) {
	for i := t.depth - 2; i >= 0; i-- {
		if e := &t.held[i]; t.pid == 0 || r.contended && r.spinning(e) {
			r.odd(oddFlags, t)
			r.retract(t, e)
			return
		}
	}
}

// retract forgets what the task holds, and what was learned from it since it
// took e.
func (r *Replay) retract(t *task, e *entry) {
	for j := len(r.seen) - 1; j >= 0; j-- {
		if o := &r.seen[j]; o.time < e.time {
			break
		} else if o.pid == t.pid {
			o.what = 0
		}
	}
	r.counts.Gaps++
	r.drop(t)
	t.whole = false
}

// takeOver is for a task that got a lock for itself, so that whoever seemed to
// hold it does not: its release was not recorded, or it comes later, because
// the clocks of the CPUs differ. It returns the new holder.
func (r *Replay) takeOver(t *task, l *lock, ev *ktrace.Event) int32 {
	if l.kept {
		l.kept = false
		r.odd(oddKept, nil)
	}
	if l.holder == 0 || int(l.holder) >= len(r.tasks) {
		return t.slot
	}
	o := r.tasks[l.holder]
	for i := range o.held[:o.depth] {
		if o.held[i].addr == l.addr && o.held[i].got && o.epoch == r.epoch {
			r.counts.Overtaken++
			if o.overtaken != 0 {
				r.odd(oddKept, o) // nor did the release before it come
			}
			r.odd(oddOvertook, o)
			o.overtaken = l.addr
			r.pop(o, int32(i), ev)
			break
		}
	}
	return t.slot
}
