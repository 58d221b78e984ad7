package replay

import (
	"strings"

	"github.com/golockdep/lockdep/ktrace"
)

// Waits for events, as cross-release of 4.14 and DEPT see them. A completion
// is known by the lock of its wait queue. Whoever takes that with
// _raw_spin_lock_irq is going to wait (wait_for_completion knows that
// interrupts are on); whoever takes it with irqs off already, or by
// _raw_spin_lock_irqsave, completes it (kernel/sched/completion.c).
//
// What is concluded:
//
//	held -> completion      somebody waited for it while he held the lock
//	completion -> lock      somebody took the lock, or began to wait for it,
//	                        during that wait, and completed it then: the event
//	                        had to wait
//
// The second holds only for what belongs to one job, so it goes no further
// back than the begin of the work, the timer, the interrupt or the system call.

// history is what a task took lately, the newest last, and what it waits for.
type history struct {
	ring    [64]taken
	n       int    // how often it was written since it was forgotten
	waitsOn uint64 // lock of the queue; 0 once it came back from there
	slept   bool   // since then
}

// queue is a completion that somebody waits, or waited, for with locks held.
type queue struct {
	class        classID
	waiter       int32  // slot
	since, until uint64 // the wait; until 0: it goes on
}

// maxQueues bounds how many waits are followed at a time.
const maxQueues = 1 << 16

// completion returns what a completion is called by the name of the lock of
// its wait queue; fixed: it is a declared one, so that there is only one.
func completion(name string) (text string, fixed, ok bool) {
	if name == "&x->wait" { // init_completion
		return "(complete)" + name, false, true
	}
	if text, ok = strings.CutSuffix(name, ").wait.lock"); ok && strings.HasPrefix(text, "(") { // DECLARE_COMPLETION
		return "(complete)" + text[1:], true, true
	}
	return "", false, false
}

// waitAcquire follows an acquisition. why is what the event before it said.
func (r *Replay) waitAcquire(t *task, l *lock, e *entry, why last, ev *ktrace.Event) {
	if t.past == nil {
		t.past = &history{}
	}
	c := &r.classes[l.class]
	if c.event == 0 {
		c.event = 1
		if _, _, ok := completion(c.name); ok {
			c.event = 2
		}
	}
	if c.event == 1 {
		if e.mode&try == 0 && c.ev&unchecked == 0 {
			t.past.ring[t.past.n%len(t.past.ring)] = e.taken()
			t.past.n++
		}
		return
	}
	switch {
	case why == willWait && e.state.irq() == 0:
		r.waitFor(t, l, ev)
	case r.irqEvents:
		r.complete(t, l, e, ev)
	}
}

// waitFor notes that the task waits for the completion while it holds locks.
// The completions that share a name are told apart by what is held around the
// wait, for lack of anything better.
func (r *Replay) waitFor(t *task, l *lock, ev *ktrace.Event) {
	n := t.depth - 1 // without the lock of the queue
	q := r.queues[l.addr]
	if t.past.waitsOn == l.addr && t.past.slept {
		// It looks at the completion again: it was woken, or has waited enough.
		t.past.waitsOn = 0
		if q != nil && q.waiter == t.slot {
			q.until = ev.Time
		}
		return
	}
	t.past.waitsOn, t.past.slept = l.addr, false
	for i := range t.held[:n] {
		if t.held[i].state.irq() != 0 {
			return
		}
	}
	if n == 0 {
		delete(r.queues, l.addr)
		return
	}
	r.counts.Waits++
	text, fixed, _ := completion(r.classes[l.class].name)
	key := text
	if !fixed {
		key = string(binaryKey(t.held[n].below)) + text
	}
	id, ok := r.events[key]
	if !ok {
		if id = r.newClass(text, l.addr); id == 0 {
			return
		}
		r.events[key] = id
	}
	if len(r.queues) > maxQueues {
		clear(r.queues)
	}
	r.queues[l.addr] = &queue{class: id, waiter: t.slot, since: ev.Time}
	if news, _ := r.chains.add(mix(t.held[n].below, uint64(id)<<3|7)); news {
		o := r.observation(waits, t.pid, t.held[n].state, ev)
		if o == nil {
			return
		}
		for i := range t.held[:n] {
			r.pool = append(r.pool, t.held[i].taken())
		}
		r.pool = append(r.pool, taken{addr: l.addr, time: ev.Time, class: id, cpu: int16(ev.CPU), state: irqsOff})
		o.n = uint16(n) + 1
	}
}

func binaryKey(k uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(k >> (8 * i))
	}
	return b
}

// complete notes what the task took on its way to the completion since the
// wait for it began.
func (r *Replay) complete(t *task, l *lock, e *entry, ev *ktrace.Event) {
	q := r.queues[l.addr]
	if q == nil || q.waiter == t.slot {
		return
	}
	var list []taken
	for i := t.past.n - 1; i >= 0 && i >= t.past.n-len(t.past.ring); i-- {
		k := t.past.ring[i%len(t.past.ring)]
		if q.until != 0 && k.time > q.until {
			continue
		}
		if k.time < q.since || k.state.irq() != e.state.irq() {
			break
		}
		if news, _ := r.chains.add(mix(uint64(q.class)<<16|uint64(k.class), 5)); news {
			k.state = irqsOff
			list = append(list, k)
		}
	}
	if len(list) == 0 {
		return
	}
	r.counts.Commits++
	o := r.observation(commits, t.pid, e.state, ev)
	if o == nil {
		return
	}
	r.pool = append(r.pool, taken{addr: l.addr, time: ev.Time, class: q.class, cpu: int16(ev.CPU), state: irqsOff})
	r.pool = append(r.pool, list...)
	o.n = uint16(len(list)) + 1
}

// forget ends a job: what the task did before has nothing to do with what
// comes.
func (t *task) forget() {
	if t.past != nil {
		t.past.n = 0
	}
}
