package replay

import (
	"strings"

	"github.com/golockdep/lockdep/ktrace"
)

// Options of a replay.
type Options struct {
	// Waits follows completions, and what the completing task did before.
	Waits bool
	// LockStat counts waits and holds for [Result.WriteLockStat].
	LockStat bool
}

// Counts say what was read and what could not be used.
type Counts struct {
	Files, Events, LockEvents int
	// Lost are records that the kernel lost, LostGaps the gaps; -1 of one gap
	// counts as one record.
	Lost, LostGaps int
	// ReleasedBefore are releases of locks that were taken before the trace
	// began or in a gap; ReleasedElsewhere of locks that another task, or the
	// task in another context, had taken; Dropped are held locks that were
	// forgotten, because records were lost or the task went on without them.
	ReleasedBefore, ReleasedElsewhere, Dropped int
	// Overtaken are locks that another task got before the release was seen.
	Overtaken int
	// Gaps are tasks that held what they cannot have held: events were off in
	// between.
	Gaps int
	// Beside are events while there were none of some CPU, because of a place
	// that could not be read.
	Beside int
	// Merged are acquisitions of an eighth lock of one class or more, Deep
	// those that did not fit the stack.
	Merged, Deep int
	// NoFlags are lock events without flags.
	NoFlags int
	// ClassesLost are locks that got no class because there are 8191;
	// ChainsLost chains and marks beyond the limit of observations.
	ClassesLost, ChainsLost int
	InNMI                   int
	// Odd counts what whole recordings hardly have, or not at all, by kind: see stretch.go.
	Odd [oddities]int
	// Events of completions and of what was done before them.
	Waits, Commits int
}

// Replay learns from traces. Make it with New, feed it by Read, and ask it by
// Judge. It is for one goroutine.
//
// Invariants:
//
//  1. Tasks, locks and CPUs are those of the file that is read; classes, chains
//     and observations those of all.
//  2. A chain is in chains, and a usage bit in its class, if and only if an
//     observation holds it, or one was taken back (see retract).
//  3. classes[0] and tasks[0] are none.
type Replay struct {
	opt    Options
	counts Counts

	locks   locks
	names   map[string]*name
	classes []class
	chains  keySet
	tasks   []*task         // by slot, from 1
	byPID   []int32         // slot
	more    map[int32]int32 // of great pids
	idle    []int32         // by CPU
	cpus    []cpu
	epoch   uint32
	hidden  int // 1: something could not be read before the first event, which may be all of some CPUs
	blind   int // CPUs that were not seen since something could not be read

	files  []string
	broken []bool // by file: records are missing or false
	seen   []observation
	// confirmed are observations by when they were made sure; oddAt is the event of the latest oddity.
	confirmed []confirmation
	oddAt     int
	pool      []taken
	preempt   bool // some event had a preempt depth
	// preemptible: some event of the present file had a depth of 0. In perf.data
	// none has, since the depth is taken inside the tracepoint.
	preemptible bool
	// zeros and depths are how many events had a depth of 0 and another one.
	zeros, depths int
	rare          bool // one of them was rare in some file
	bh            bool // some event had bottom halves off
	contended     bool // the present file tells mutexes from other locks
	released      bool // the present file had a release
	everReleased  bool // some file had one
	// Of follows: pairs of events, those of which the second was missing, and
	// that they are so many that the locks are chosen ones.
	pairs, misses int
	chosen        bool
	callers       callers
	irqEvents     bool // irq_disable was there
	queues        map[uint64]*queue
	events        map[string]classID // classes of completions
}

// New makes a replay.
func New(opt Options) *Replay {
	r := &Replay{opt: opt, names: map[string]*name{}, events: map[string]classID{}, classes: make([]class, 1)}
	r.chains.slots = make([]uint64, 1<<12)
	return r
}

// Counts returns the counts so far.
func (r *Replay) Counts() Counts { return r.counts }

// progressStep is after how many events Read tells of its progress.
const progressStep = 1 << 14

// Read learns from a trace to its end. It calls damage with what could not be
// read, and ends if that returns false; and progress with the number of events
// since the last call, from time to time. Addresses and tasks of one trace mean
// nothing in the next; classes are one by their names.
func (r *Replay) Read(name string, in *ktrace.Reader, progress func(events int), damage func(error) bool) {
	r.begin(name)
	for ev, err := range in.Events() {
		if err != nil {
			if !damage(err) {
				return
			}
			r.damaged()
			continue
		}
		r.event(ev)
		if r.counts.Events%progressStep == 0 {
			progress(progressStep)
		}
	}
}

func (r *Replay) begin(name string) {
	r.end()
	r.counts.Files++
	r.files = append(r.files, strings.Clone(name))
	r.broken = append(r.broken, false)
	r.oddAt = 0
	r.released, r.chosen, r.pairs, r.misses = false, false, 0, 0
	r.irqEvents, r.contended, r.preemptible, r.zeros, r.depths = false, false, false, 0, 0
	r.locks.reset()
	for _, n := range r.names {
		n.static = n.static[:0]
	}
	r.cpus, r.idle, r.blind, r.hidden = nil, nil, 0, 0
	r.noTasks()
}

// end is for the end of a file.
func (r *Replay) end() {
	// A few false events make every lock of the file one that spins.
	if a, b := min(r.zeros, r.depths), max(r.zeros, r.depths); 256*a < b {
		r.rare = true
	}
}

func (r *Replay) event(ev *ktrace.Event) {
	r.counts.Events++
	if uint(ev.CPU) >= uint(len(r.cpus)) {
		if ev.Kind == ktrace.Lost && ev.CPU < 0 {
			r.lostAnywhere(ev)
			return
		}
		if ev.CPU < 0 || ev.CPU > 1<<14 {
			return
		}
		r.cpus = append(r.cpus, make([]cpu, int(ev.CPU)+1-len(r.cpus))...)
		r.idle = append(r.idle, make([]int32, len(r.cpus)-len(r.idle))...)
	}
	c := &r.cpus[ev.CPU]
	if r.blind > 0 {
		r.sees(c, ev)
	}
	if ev.Kind != ktrace.Lost {
		if (ev.Time < c.high || c.behind > 0) && !r.goesBack(c, ev) {
			return
		}
		c.high, c.time = ev.Time, ev.Time
		if c.switched && (ev.PID != c.running || c.before >= 0) {
			r.runs(c, ev)
		}
	}
	switch ev.Kind {
	case ktrace.LockAcquire:
		t := r.task(ev)
		why := t.last
		t.last = 0
		if !r.released || !c.released {
			r.counts.LockEvents++
			t.whole = false
			break
		}
		r.acquire(t, r.where(t, c, ev), why, ev)
	case ktrace.LockRelease:
		if !r.released || !c.released {
			r.enabledLate(c)
		}
		t := r.task(ev)
		r.follows(t, false, 0)
		t.last = justReleased
		r.release(t, r.where(t, c, ev), ev)
	case ktrace.LockAcquired:
		r.acquired(r.task(ev), ev)
	case ktrace.LockContended:
		r.counts.LockEvents++
		t := r.task(ev)
		if l := r.lock(ev.Addr, ev.Name); l.class != 0 {
			r.classes[l.class].ev |= waited
			if r.opt.LockStat {
				r.statContended(t, ev)
			}
		}
	case ktrace.ContentionBegin:
		r.contention(r.task(ev), ev)
	case ktrace.IRQEnable:
		c.state &^= irqsOff
		t, who := r.task(ev), r.callers.of(ev.Func.Name)
		r.follows(t, who == spinUnlock, justReleased)
		if t.depth > 0 || who == userReturn {
			r.irqsOn(t, ev, who)
		}
	case ktrace.IRQDisable:
		c.state |= irqsOff
		t, who := r.task(ev), r.callers.of(ev.Func.Name)
		r.follows(t, false, 0)
		r.irqEvents = true
		switch who {
		case spinLock:
			t.last = willAcquire
		case spinLockIRQ:
			t.last = willWait
		}
	case ktrace.IRQEntry:
		c.enter(inHard)
	case ktrace.HrtimerEntry:
		if c.state&inSoft == 0 { // else it is one that expires there
			c.enter(inHard)
		}
	case ktrace.IRQExit, ktrace.HrtimerExit:
		c.leave(inHard)
	case ktrace.SoftirqEntry:
		c.enter(inSoft)
	case ktrace.SoftirqExit:
		c.leave(inSoft)
	case ktrace.SchedSwitch:
		c.state &^= inHard | inSoft
		c.running, c.before, c.switched = ev.Next.PID, ev.PID, true
		if ev.PID != ev.Prev.PID && ev.PID >= 0 {
			r.odd(oddRuns, nil)
		}
		if t := r.task(ev); t.pid == ev.Prev.PID {
			if t.past != nil {
				t.past.slept = true
			}
			r.switched(t)
		}
	case ktrace.WorkStart, ktrace.TimerEntry, ktrace.WorkEnd, ktrace.TimerExit:
		if r.opt.Waits {
			r.task(ev).forget()
		}
	case ktrace.Fork:
		r.born(ev.Next.PID)
	case ktrace.Exit:
		if t := r.task(ev); t.depth > 0 {
			r.leaves(t, ev, atExit)
		}
	case ktrace.Lost:
		r.lost(c, ev)
	}
}
