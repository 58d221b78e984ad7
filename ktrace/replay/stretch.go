package replay

import (
	"strings"

	"github.com/golockdep/lockdep/ktrace"
)

// A recording can lack records, have some twice, or have some that never were. This file tells which observations hold all
// the same.
//
// # Terms
//
//   - oddity: something that no whole recording shows, see [oddity]; the events near it may be false.
//   - stretch: of a task, from an empty stack to the next one.
//   - sure: an observation whose stretch was closed: every lock of it was released by the task that took it, in the context
//     in which it was taken, and no oddity was near.
//   - broken: a file that has an oddity which a whole one never has. Of a broken file only sure observations carry a
//     finding above [Possible].
//
// # Why that holds
//
// A false dependency A -> B needs an A on the stack that was not held. Either its release is missing: then the stack does not
// get empty by releases, and the stretch stays open. Or the acquisition is false or out of its place: then there is no
// release for it either, or there is one release too many elsewhere, which is an oddity. Two losses may make up for each
// other (a release, and the next acquisition of the same lock); then the second acquisition leaves its other events (irqs
// off, lock_acquired) behind, or the two lie in one gap, which is an oddity itself.
//
// What is not in this rule: records that are whole and false, as after a flipped bit. docs/kernel.md has their rate.

// oddity is a kind of what should not be.
type oddity uint8

const (
	oddRead     oddity = iota // something could not be read
	oddLost                   // records were lost, as the recording says
	oddBack                   // time went back on a CPU
	oddTwice                  // an event came twice
	oddAddress                // no lock can be at its address
	oddName                   // a lock was released, or got, under another name
	oddIRQ                    // it was released in another context than it was taken in, or by another task
	oddLeft                   // an interrupt ended with a lock held
	oddGot                    // a lock was got that nobody had begun to take
	oddUnheld                 // a lock was released that its task cannot hold
	oddKept                   // a lock was got that another task had kept
	oddOvertook               // a lock was got while another task held it
	oddFlags                  // preemption or interrupts were not as the locks say
	oddPairs                  // an irq event lacked the lock event beside it
	oddRuns                   // a task ran on a CPU that had switched to another one, or on two
	oddities
)

// breaks says which oddities no whole recording has.
var breaks = [oddities]bool{
	oddRead: true, oddLost: true, oddBack: true, oddTwice: true, oddAddress: true, oddName: true, oddLeft: true, oddGot: true, oddFlags: true, oddPairs: true, oddRuns: true, oddKept: true,
}

// nearby is how many events before and after an oddity are not sure.
const nearby = 256

// odd notes an oddity, of a task if there is one.
func (r *Replay) odd(o oddity, t *task) {
	r.counts.Odd[o]++
	if breaks[o] {
		r.breakFile()
	}
	if t != nil && t.depth > 0 {
		t.dirty = true
	}
	if o == oddRead || o == oddLost {
		return // where that was is known
	}
	r.oddAt = r.counts.Events
	for n := len(r.confirmed) - 1; n >= 0; n-- {
		c := &r.confirmed[n]
		if c.at+nearby < r.oddAt || int(c.file) != len(r.files)-1 {
			break
		}
		r.seen[c.seen].sure = false
		if c.key != 0 {
			r.chains.unmark(c.key)
		}
		r.classes[c.class].sure &^= c.usage
		r.confirmed = r.confirmed[:n]
	}
}

func (r *Replay) breakFile() {
	if n := len(r.files); n > 0 {
		r.broken[n-1] = true
	}
}

// opened is an observation whose stretch is not closed yet: one of Replay.seen, or one that was made before by others, in
// case that theirs is not sure.
type opened struct {
	key   uint64 // of its chain; 0 if that is not news
	seen  int32  // index, or -1 of one that is made when it is sure
	obs   observation
	first int32 // in task.taken
	class classID
	usage uint16
}

// confirmation is an observation that was made sure.
type confirmation struct {
	key   uint64
	at    int
	seen  int32
	class classID
	usage uint16
	file  uint16
}

// maxOpen bounds what is remembered of one stretch.
const maxOpen = 64

// opens says whether another observation of the stretch can become sure.
func (t *task) opens() bool { return !t.dirty && len(t.open) < maxOpen }

// opens remembers an observation of a stretch that opens. seen is its index, -1 if it is none yet.
func (r *Replay) opens(what what, t *task, s state, ev *ktrace.Event, e *entry, seen int32, key uint64, class classID, usage uint16) {
	o := opened{key: key, seen: seen, class: class, usage: usage}
	if seen < 0 {
		o.obs = observation{what: what, state: s, file: uint16(len(r.files) - 1), cpu: int16(ev.CPU), pid: t.pid, time: ev.Time}
		o.first = int32(len(t.taken))
		for i := range t.held[:t.depth] {
			t.taken = append(t.taken, t.held[i].taken())
		}
		if e != nil {
			t.taken = append(t.taken, e.taken())
		}
		o.obs.n = uint16(len(t.taken) - int(o.first))
		o.obs.comm = ev.Comm
	}
	t.open = append(t.open, o)
}

// ends ends the stretch. Its observations are sure if it is closed and clean.
func (r *Replay) ends(t *task, closed bool) {
	if closed && !t.dirty && len(t.open) > 0 && (r.oddAt == 0 || r.counts.Events > r.oddAt+nearby) {
		for i := range t.open {
			r.confirm(t, &t.open[i])
		}
	}
	t.open, t.taken, t.dirty = t.open[:0], t.taken[:0], false
}

func (r *Replay) confirm(t *task, o *opened) {
	if o.seen < 0 {
		if r.classes[o.class].sure&o.usage == o.usage && (o.key == 0 || r.chains.marked(o.key)) {
			return // another stretch was faster
		}
		if len(r.seen) >= maxObservations {
			return
		}
		o.seen = int32(len(r.seen))
		o.obs.first = uint32(len(r.pool))
		o.obs.again = true
		o.obs.comm = strings.Clone(o.obs.comm)
		r.pool = append(r.pool, t.taken[o.first:][:o.obs.n]...)
		r.seen = append(r.seen, o.obs)
	}
	r.seen[o.seen].sure = true
	if o.key != 0 {
		r.chains.mark(o.key)
	}
	r.classes[o.class].sure |= o.usage
	r.confirmed = append(r.confirmed, confirmation{
		key: o.key, at: r.counts.Events, seen: o.seen, class: o.class, usage: o.usage, file: uint16(len(r.files) - 1),
	})
}

// carries says whether an observation carries a finding above Possible.
func (r *Replay) carries(o *observation) bool {
	if !r.broken[o.file] {
		return !o.again
	}
	return o.sure
}
