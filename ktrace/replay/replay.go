package replay

import (
	"strings"

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
}

const emptyChain = ^uint64(0)

// cpu is what is known of a CPU.
type cpu struct {
	current  int32 // slot of the task that made the last event
	state    state // from events, where the trace has no flags
	released bool  // it had a release
	exits    state // interrupts of which it had the exit
}

// enter notes that an interrupt begins, if its end can be expected: events are
// turned on one after the other.
func (c *cpu) enter(s state) { c.state |= s & c.exits }

func (c *cpu) leave(s state) {
	c.state &^= s
	c.exits |= s
}

// Options of a replay.
type Options struct {
	// Waits follows completions, and what the completing task did before.
	Waits bool
	// LockStat counts waits and holds for [Replay.WriteLockStat].
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
	// Merged are acquisitions of an eighth lock of one class or more, Deep
	// those that did not fit the stack.
	Merged, Deep int
	// NoFlags are lock events without flags.
	NoFlags int
	// ClassesLost are locks that got no class because there are 8191;
	// ChainsLost chains and marks beyond the limit of observations.
	ClassesLost, ChainsLost int
	InNMI                   int
	// Events of completions and of what was done before them.
	Waits, Commits int
}

// Replay learns from traces. Make it with New, feed it by Read, and ask it by
// Judge. It is for one goroutine.
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

	files        []string
	seen         []observation
	pool         []taken
	preempt      bool // some event had a preempt depth
	bh           bool // some event had bottom halves off
	contended    bool // some event told the kind of a lock
	released     bool // the present file had a release
	everReleased bool // some file had one
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
			continue
		}
		r.event(ev)
		if r.counts.Events%progressStep == 0 {
			progress(progressStep)
		}
	}
}

func (r *Replay) begin(name string) {
	r.counts.Files++
	r.files = append(r.files, strings.Clone(name))
	r.released, r.chosen, r.pairs, r.misses = false, false, 0, 0
	r.locks.reset()
	for _, n := range r.names {
		n.static = n.static[:0]
	}
	r.cpus, r.idle = nil, nil
	r.noTasks()
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

func (r *Replay) event(ev *ktrace.Event) {
	r.counts.Events++
	if uint(ev.CPU) >= uint(len(r.cpus)) {
		if ev.CPU < 0 || ev.CPU > 1<<14 {
			return
		}
		r.cpus = append(r.cpus, make([]cpu, int(ev.CPU)+1-len(r.cpus))...)
		r.idle = append(r.idle, make([]int32, len(r.cpus)-len(r.idle))...)
	}
	c := &r.cpus[ev.CPU]
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
		r.lost(ev)
	}
}

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
		} else {
			s |= preemptOn
		}
	} else {
		r.counts.NoFlags++
		if s = c.state | bhOff | noFlags; !r.irqEvents {
			s |= irqsOff
		}
	}
	if s != t.state {
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
		r.epoch++
		r.released = false
		for i := range r.cpus {
			r.cpus[i].released = false
		}
	}
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
}

// stale is for a task that was not seen since records were lost.
func (r *Replay) stale(t *task) {
	r.drop(t)
	t.epoch, t.whole = r.epoch, false
}

// lost forgets what the tasks hold that may have run on the CPU in the gap:
// all but those that run on other CPUs.
func (r *Replay) lost(ev *ktrace.Event) {
	r.counts.LostGaps++
	r.counts.Lost += int(max(ev.Num, 1))
	r.epoch++
	for i := range r.cpus {
		if c := &r.cpus[i]; int32(i) != ev.CPU && c.current != 0 {
			if t := r.tasks[c.current]; t.epoch == r.epoch-1 {
				t.epoch = r.epoch
			}
		}
	}
}

// want is the usage that an acquisition shows, by mode and state: the bits of
// wantedUsage of the engine.
var want = func() (t [2 * 2][16]uint16) {
	for m := range t {
		for s := range t[m] {
			rd := uint(0)
			if mode(m)&read != 0 {
				rd = 1
			}
			u := uint16(1) << (uint(kernel.Used) + rd)
			if mode(m)&try == 0 {
				if state(s)&inHard != 0 {
					u |= 1 << (uint(kernel.InHardirqW) + rd)
				}
				if state(s)&inSoft != 0 {
					u |= 1 << (uint(kernel.InSoftirqW) + rd)
				}
			}
			if state(s)&irqsOff == 0 {
				u |= 1 << (uint(kernel.HardirqOnW) + rd)
				if state(s)&(inSoft|bhOff) == 0 {
					u |= 1 << (uint(kernel.SoftirqOnW) + rd)
				}
			}
			t[m][s] = u
		}
	}
	return t
}()

func (r *Replay) acquire(t *task, s state, why last, ev *ktrace.Event) {
	if s&inNMI != 0 {
		r.counts.InNMI++ // lockdep does not follow them
		return
	}
	l := r.lock(ev.Addr, ev.Name)
	if l.class == 0 {
		return
	}
	m := mode(ev.Mode) & (try | read)
	if m&read != 0 && s.interrupt() {
		m |= inInterrupt
	}
	if s&preemptOn != 0 && t.depth > 0 && t.depth <= maxDepth {
		r.checkSpins(t, s)
	}
	id := l.class
	if t.bits>>(id&63)&1 != 0 {
		if id = r.nest(t, id, ev.Addr); id == 0 {
			return
		}
	}
	if t.depth >= maxDepth {
		r.counts.Deep++
		t.whole = false
		return
	}
	c := &r.classes[l.class]
	if m&read != 0 {
		c.ev |= reads
	}
	if c.addr != ev.Addr && c.static == 0 {
		c.ev |= many
	}
	e := entry{addr: ev.Addr, time: ev.Time, class: id, cpu: int16(ev.CPU), mode: m, state: s}
	switch {
	case c.ev&waited == 0:
		l.holder = t.slot // as far as there is one: maps have many
	case m == try:
		e.got, l.holder = true, r.takeOver(t, l, ev)
	}
	r.push(t, e, ev)
	if r.opt.Waits {
		r.waitAcquire(t, l, &t.held[t.depth-1], why, ev)
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

// push puts a lock on the stack, and learns if that is news: a chain or a
// usage that was not met before.
func (r *Replay) push(t *task, e entry, ev *ktrace.Event) {
	key := t.chain
	if t.depth == 0 || t.held[t.depth-1].state.irq() != e.state.irq() {
		key = emptyChain
	}
	key = mix(key, uint64(e.class)<<3|uint64(e.mode&(read|inInterrupt)))
	c := &r.classes[e.class]
	u := want[e.mode&3][e.state&15]
	if c.ev&unchecked != 0 {
		u &= 3 << kernel.Used
	}
	news := u&^c.usage != 0
	if e.mode&try == 0 && c.ev&unchecked == 0 && r.chains.add(key) {
		news = true
	}
	if news {
		c.usage |= u
		r.observe(take, t, e.state, ev, &e)
	}
	c.ops++
	e.below, e.bits = t.chain, t.bits
	if int(t.depth) == len(t.held) {
		t.held = append(t.held, make([]entry, max(4, len(t.held)))...)
	}
	t.held[t.depth] = e
	t.depth++
	t.chain = key
	t.bits |= 1 << (r.classes[e.class].base & 63)
}

// nest chooses the class of a lock while locks of its class may be held. The
// kernel calls that a recursion unless the subclass, or a lock that
// serialises them, says that it is meant so; no event says so. So locks at
// different addresses get different subclasses, in their order, and only the
// same lock twice is the same class. 0: the lock is counted in another.
func (r *Replay) nest(t *task, base classID, addr uint64) classID {
	sub, last := 0, int32(-1)
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		if r.classes[h.class].base != base {
			continue
		}
		if h.addr == addr {
			return h.class
		}
		sub = max(sub, int(r.classes[h.class].sub)+1)
		last = int32(i)
	}
	if last < 0 {
		return base
	}
	if sub >= maxSub {
		t.held[last].merged++
		r.counts.Merged++
		return 0
	}
	return r.subclass(base, sub)
}

func (r *Replay) release(t *task, s state, ev *ktrace.Event) {
	if s&inNMI != 0 {
		return
	}
	i := t.depth - 1
	for i >= 0 && t.held[i].addr != ev.Addr {
		i--
	}
	if i < 0 {
		r.unheld(t, s, ev)
		return
	}
	if r.opt.LockStat {
		r.statRelease(&t.held[i], ev)
	}
	if l := r.lock(ev.Addr, ev.Name); l.holder == t.slot {
		l.holder = 0
	}
	for j := i + 1; j < t.depth; j++ {
		if t.held[j].state.irq() != t.held[i].state.irq() {
			// An interrupt does not release what it interrupted.
			r.counts.ReleasedElsewhere++
			break
		}
	}
	r.pop(t, i, ev)
}

// pop takes an entry off the stack. Those above it are taken again, as the
// kernel does: without it they are other chains.
func (r *Replay) pop(t *task, i int32, ev *ktrace.Event) {
	e := &t.held[i]
	depth := t.depth
	t.depth, t.chain, t.bits = i, e.below, e.bits
	for j := i + 1; j < depth; j++ {
		above := t.held[j] // a copy: its slot is written
		above.state = above.state&(irqsOff|inHard|inSoft|preemptOn) | t.state&bhOff
		merged := above.merged
		r.push(t, above, ev)
		t.held[t.depth-1].merged = merged
	}
}

// unheld is a release of a lock that the task does not hold, as far as we know.
func (r *Replay) unheld(t *task, s state, ev *ktrace.Event) {
	l := r.lock(ev.Addr, ev.Name)
	if l.class == 0 {
		return
	}
	for i := t.depth - 1; i >= 0; i-- {
		if h := &t.held[i]; h.merged > 0 && r.classes[h.class].base == l.class {
			h.merged--
			return
		}
	}
	if t.overtaken == ev.Addr {
		t.overtaken = 0
		return
	}
	if l.holder != 0 && l.holder != t.slot && int(l.holder) < len(r.tasks) {
		o := r.tasks[l.holder]
		if o.epoch != r.epoch {
			r.stale(o)
		}
		for i := o.depth - 1; i >= 0; i-- {
			if o.held[i].addr == ev.Addr {
				r.counts.ReleasedElsewhere++
				if o.held[i].mode&read == 0 { // of readers there may be others
					r.pop(o, i, ev)
					l.holder = 0
				}
				return
			}
		}
	}
	if !t.whole {
		r.counts.ReleasedBefore++
		return
	}
	r.observe(release, t, s, ev, &entry{addr: ev.Addr, time: ev.Time, class: l.class, cpu: int16(ev.CPU), state: s})
}

// acquired shows that a lock is one that is waited for.
func (r *Replay) acquired(t *task, ev *ktrace.Event) {
	r.counts.LockEvents++
	i := t.depth - 1
	for i >= 0 && t.held[i].addr != ev.Addr {
		i--
	}
	if i < 0 {
		return
	}
	e := &t.held[i]
	for j := range t.held[:i] {
		// Nobody gets a lock that he holds, unless as a reader twice: it was
		// released, unseen.
		if o := &t.held[j]; o.addr == ev.Addr && o.mode&e.mode&read == 0 {
			r.retract(t, o)
			return
		}
	}
	c := &r.classes[r.classes[e.class].base]
	c.ev |= waited
	e.got = true
	if l := r.locks.find(ev.Addr); e.mode&read == 0 && l.holder != t.slot {
		l.holder = r.takeOver(t, l, ev)
	}
	switch s := e.state; {
	case s&(preemptOn|irqsOff|inHard|inSoft|bhOff) == preemptOn && r.preempt:
		c.ev |= sleeps
	case s&(preemptOn|noFlags) == 0 && e.mode&try == 0 && (t.pid != 0 || s.irq() != 0) && c.ev&mutex == 0:
		// Nobody waits asleep while preemption is off, but for the idle task
		// before it is one, when it boots the kernel.
		c.ev |= spins
	}
	if r.opt.LockStat {
		r.statAcquired(e, ev)
	}
}

// Flags of contention_begin (include/trace/events/lock.h).
const (
	lcbPerCPU = 16
	lcbMutex  = 32
)

// takeOver is for a task that got a lock for itself, so that whoever seemed to
// hold it does not: its release was not recorded, or it comes later, because
// the clocks of the CPUs differ. It returns the new holder.
func (r *Replay) takeOver(t *task, l *lock, ev *ktrace.Event) int32 {
	if l.holder == 0 || int(l.holder) >= len(r.tasks) {
		return t.slot
	}
	o := r.tasks[l.holder]
	for i := range o.held[:o.depth] {
		if o.held[i].addr == l.addr && o.held[i].got && o.epoch == r.epoch {
			r.counts.Overtaken++
			o.overtaken = l.addr
			r.pop(o, int32(i), ev)
			break
		}
	}
	return t.slot
}

// contention shows of what kind the lock is that the task wants. Its address
// is that of the lock, in which the map lies.
func (r *Replay) contention(t *task, ev *ktrace.Event) {
	r.contended = true
	if t.depth == 0 || ev.Num&(lcbPerCPU|lcbMutex) == 0 {
		return
	}
	e := &t.held[t.depth-1]
	if e.addr-ev.Addr > 512 {
		return
	}
	c := &r.classes[r.classes[e.class].base]
	if ev.Num&lcbMutex != 0 {
		c.ev |= mutex | waited
	} else {
		c.ev |= queued
	}
}

// enabled learns that the task holds its locks while interrupts are on.
func (r *Replay) enabled(t *task, s state, ev *ktrace.Event) {
	soft := s&(bhOff|inSoft) == 0
	news := false
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		c := &r.classes[h.class]
		if c.ev&unchecked != 0 {
			continue
		}
		u := uint16(1) << kernel.HardirqOnW
		if soft {
			u |= 1 << kernel.SoftirqOnW
		}
		if h.mode&read != 0 {
			u <<= 1
		}
		if u&^c.usage != 0 {
			c.usage |= u
			news = true
		}
	}
	if news {
		r.observe(irqsGoOn, t, s, ev, nil)
	}
}

func (r *Replay) irqsOn(t *task, ev *ktrace.Event, who caller) {
	s := t.state
	if ev.Flags&ktrace.FlagsKnown != 0 {
		s = stateOf[uint8(ev.Flags)]
	}
	s &^= irqsOff
	if who == userReturn && s.irq() == 0 {
		t.forget()
		if t.depth > 0 {
			r.leaves(t, ev, inUser)
		}
		t.whole = true
		return
	}
	if t.depth > 0 {
		r.enabled(t, s, ev)
		t.state = s
	}
}

// leaves is for a task that ends or returns to user space with locks held.
// Only locks are a finding whose stack is known from its beginning.
func (r *Replay) leaves(t *task, ev *ktrace.Event, what what) {
	if t.whole {
		r.observe(what, t, t.state, ev, nil)
	}
	r.drop(t)
}

// what says what was observed.
type what uint8

const (
	take     what = iota + 1 // the last entry is taken while the others are held
	irqsGoOn                 // interrupts go on while the entries are held
	release                  // the last entry is released, and is none of the others
	atExit                   // the task ends
	inUser                   // the task returns to user space
	waits                    // the task waits for the event of the last entry
	commits                  // the event of the first entry came after the others were taken
)

// observation is something that was met for the first time: all that a
// verdict needs.
type observation struct {
	what  what
	state state
	file  uint16
	cpu   int16
	n     uint16 // entries pool[first:first+n]
	first uint32
	pid   int32
	time  uint64
	comm  string
}

// taken is a lock of an observation.
type taken struct {
	addr  uint64
	time  uint64
	class classID
	cpu   int16
	mode  mode
	state state
}

const maxObservations = 1 << 19

func (e *entry) taken() taken {
	return taken{addr: e.addr, time: e.time, class: e.class, cpu: e.cpu, mode: e.mode, state: e.state}
}

// observe keeps what the task holds, and e as the last one.
func (r *Replay) observe(what what, t *task, s state, ev *ktrace.Event, e *entry) {
	o := r.observation(what, t.pid, s, ev)
	if o == nil {
		return
	}
	for i := range t.held[:t.depth] {
		r.pool = append(r.pool, t.held[i].taken())
	}
	if e != nil {
		r.pool = append(r.pool, e.taken())
	}
	o.n = uint16(len(r.pool) - int(o.first))
}

func (r *Replay) observation(what what, pid int32, s state, ev *ktrace.Event) *observation {
	if len(r.seen) >= maxObservations {
		r.counts.ChainsLost++
		return nil
	}
	r.seen = append(r.seen, observation{
		what: what, state: s, file: uint16(len(r.files) - 1), cpu: int16(ev.CPU), first: uint32(len(r.pool)), pid: pid,
		time: ev.Time, comm: strings.Clone(ev.Comm),
	})
	return &r.seen[len(r.seen)-1]
}
