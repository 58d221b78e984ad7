package replay

import (
	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/ktrace"
)

// state is where the CPU was at an event, as far as lock rules care.
type state uint8

const (
	inHard state = 1 << iota
	inSoft
	irqsOff
	bhOff
	inNMI
	// preemptOn: a lock that is taken so is one that sleeps.
	preemptOn
	// noFlags: the event has none, so that irqsOff and bhOff may only be
	// assumed, which makes no mark, and preemptOn is not known.
	noFlags
)

// irq is the kernel's irq_context: 2 for hardirq, 1 for softirq.
func (s state) irq() state { return s & (inHard | inSoft) }

func (s state) interrupt() bool {
	return s&(inHard|inSoft|inNMI) != 0 || s&(bhOff|noFlags) == bhOff
}

// context is the state in the words of the engine. irqs are on or off there
// by what the acquisition says, so HardirqsOn is that.
func (s state) context() kernel.Context {
	var c kernel.Context
	if s&inHard != 0 {
		c |= kernel.InHardirq
	}
	if s&inSoft != 0 {
		c |= kernel.InSoftirq
	}
	if s&irqsOff == 0 {
		c |= kernel.HardirqsOn
	}
	if s&(bhOff|inSoft) == 0 {
		c |= kernel.SoftirqsOn
	}
	return c
}

// mode is how a lock was taken.
type mode uint8

const (
	try  mode = mode(ktrace.Try)
	read mode = mode(ktrace.Read)
	// inInterrupt: a reader there; of a rwlock it is recursive by rule.
	inInterrupt mode = 4
)

// entry is a lock of a held stack.
type entry struct {
	addr   uint64
	below  uint64 // chain key below it
	time   uint64
	waits  uint64 // with Options.LockStat: when it began to wait
	since  uint64 // and when it got the lock
	bits   uint64 // classes below it, by the low bits of their numbers
	class  classID
	merged uint16 // locks of its class above that were not put on the stack
	cpu    int16
	mode   mode
	state  state
	got    bool // lock_acquired came, or it was a try: the lock is held
}

// maxDepth is the kernel's MAX_LOCK_DEPTH, less one for the lock on its way.
const maxDepth = 47

// task is a task of the trace.
//
// Invariants: held[:depth] is its stack; chain and bits are those of the
// whole of it; whole says that the stack was known to be empty once, and that
// nothing was lost since.
type task struct {
	pid       int32
	slot      int32
	depth     int32
	last      last
	past      *history // with Options.Waits
	epoch     uint32   // of the losses that it has seen
	chain     uint64
	overtaken uint64 // lock that another task got before it was released here
	bits      uint64
	state     state
	whole     bool
	held      []entry // grows to maxDepth
	// Of the present stretch: see stretch.go.
	dirty bool
	// Its latest release.
	released, releasedAt uint64
	open                 []opened
	taken                []taken
}

const emptyChain = ^uint64(0)

// cpu is what is known of a CPU.
type cpu struct {
	current  int32  // slot of the task that made the last event
	state    state  // from events, where the trace has no flags
	released bool   // it had a release
	blind    bool   // it was not seen since something could not be read
	time     uint64 // of its last event
	exits    state  // interrupts of which it had the exit
	running  int32  // pid of the task that it switched to
	before   int32  // pid of the one that it switched from, -1 once that is gone
	switched bool   // running is known
	high     uint64 // latest time
	behind   int    // events since the time went back
}

// enter notes that an interrupt begins, if its end can be expected: events are
// turned on one after the other.
func (c *cpu) enter(s state) { c.state |= s & c.exits }

func (c *cpu) leave(s state) {
	c.state &^= s
	c.exits |= s
}

// stateOf is the state by the low eight bits of ktrace.Flags.
var stateOf = func() (t [256]state) {
	for f := range t {
		for _, b := range []struct {
			flag ktrace.Flags
			s    state
		}{
			{ktrace.HardIRQ, inHard},
			{ktrace.SoftIRQ, inSoft},
			{ktrace.IRQsOff, irqsOff},
			{ktrace.BHOff, bhOff},
			{ktrace.NMI, inNMI},
		} {
			if ktrace.Flags(f)&b.flag != 0 {
				t[f] |= b.s
			}
		}
	}
	return t
}()

// where is the state of the CPU at a lock event. Where the trace has no
// flags, it is that which the irq events left.
func (r *Replay) where(t *task, c *cpu, ev *ktrace.Event) state {
	r.counts.LockEvents++
	c.current = t.slot
	var s state
	if ev.Flags&ktrace.FlagsKnown != 0 {
		s = stateOf[uint8(ev.Flags)]
		if s&bhOff != 0 {
			r.bh = true
		}
		if ev.Preempt != 0 {
			r.preempt = true
			r.depths++
		} else {
			s |= preemptOn
			r.preemptible = true
			r.zeros++
		}
	} else {
		r.counts.NoFlags++
		if s = c.state | bhOff | noFlags; !r.irqEvents {
			s |= irqsOff
		}
	}
	if s != t.state {
		if t.depth > 0 && t.held[t.depth-1].state.irq()&^s.irq() != 0 {
			r.odd(oddLeft, t)
		}
		// What is held while interrupts are on may have been taken while they
		// were off, and no event may say when they went on.
		if t.depth > 0 && s&irqsOff == 0 && (t.state&irqsOff != 0 || t.state&bhOff > s&bhOff) {
			r.enabled(t, s, ev)
		}
		t.state = s
	}
	return s
}

// task returns the task of the event. There is one idle task a CPU.
func (r *Replay) task(ev *ktrace.Event) *task {
	pid := ev.PID
	if pid < 0 {
		pid = -2 - ev.CPU // perf has one number for all tasks that end: at most one of them runs on a CPU
	}
	var slot int32
	switch {
	case pid == 0:
		slot = r.idle[ev.CPU]
	case uint(pid) < uint(len(r.byPID)):
		slot = r.byPID[pid]
	default:
		slot = r.more[pid]
	}
	if slot == 0 {
		return r.newTask(pid, ev.CPU)
	}
	t := r.tasks[slot]
	if t.epoch != r.epoch {
		r.stale(t)
	}
	return t
}

// maxTasks bounds what a trace with ever new tasks takes.
const maxTasks = 1 << 18

func (r *Replay) newTask(pid, cpu int32) *task {
	if len(r.tasks) > maxTasks {
		// As after a gap. Locks have the slots of tasks.
		r.locks.reset()
		r.counts.Gaps++
		r.noTasks()
	}
	t := &task{pid: pid, slot: int32(len(r.tasks)), chain: emptyChain, epoch: r.epoch}
	r.tasks = append(r.tasks, t)
	switch {
	case pid == 0:
		r.idle[cpu] = t.slot
	case pid > 0 && pid < 1<<16:
		if int(pid) >= len(r.byPID) {
			r.byPID = append(r.byPID, make([]int32, int(pid)*2-len(r.byPID))...)
		}
		r.byPID[pid] = t.slot
	default:
		r.more[pid] = t.slot
	}
	return t
}

// noTasks forgets all tasks.
func (r *Replay) noTasks() {
	r.tasks, r.byPID, r.more = make([]*task, 1), make([]int32, 1<<10), map[int32]int32{}
	r.idle = make([]int32, len(r.cpus))
	for i := range r.cpus {
		r.cpus[i].current = 0
	}
	r.queues = map[uint64]*queue{}
}

// born starts the life of a task: it holds nothing.
func (r *Replay) born(pid int32) {
	if pid <= 0 {
		return
	}
	ev := ktrace.Event{PID: pid}
	t := r.task(&ev)
	r.drop(t)
	t.whole = true
	t.forget()
}

// drop makes the task hold nothing.
func (r *Replay) drop(t *task) {
	r.counts.Dropped += int(t.depth)
	t.depth, t.chain, t.bits = 0, emptyChain, 0
	r.ends(t, false)
}
