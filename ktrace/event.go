package ktrace

// Event is one record of a tracepoint, or a gap where records were lost.
//
// Which fields are set depends on the kind:
//
//	LockAcquire            Addr, Name of the lock, Mode
//	LockRelease, LockContended, LockAcquired
//	                       Addr, Name
//	ContentionBegin        Addr; Num: LCB_F_ flags of the kernel (1 spin, 2 read,
//	                       4 write, 8 rt, 16 percpu, 32 mutex)
//	ContentionEnd          Addr; Num: 0 or a negative errno
//	IRQDisable … PreemptEnable
//	                       Func: caller; Parent: its caller
//	SoftirqEntry, SoftirqExit, SoftirqRaise
//	                       Num: vector; Name of its action
//	IRQEntry               Num: interrupt; Name of the handler
//	IRQExit                Num: interrupt; Ret: 1 if it was handled
//	SchedSwitch            Prev, PrevState, Next
//	Fork                   Prev: parent; Next: child
//	Exit                   Prev: the task that ends
//	WorkQueue              Addr of the work; Func; Name of the workqueue; Num: CPU
//	WorkActivate, WorkStart, WorkEnd
//	                       Addr, Func
//	TimerInit, TimerCancel, TimerExit
//	                       Addr
//	TimerStart             Addr, Func; Num: expires, in jiffies; Name: flags as
//	                       printed ("D|P|I")
//	TimerEntry             Addr, Func; Num: now, in jiffies
//	HrtimerInit            Addr; Name: mode ("REL|HARD")
//	HrtimerStart           Addr, Func; Num: expires, in ns; Name: mode
//	HrtimerEntry           Addr, Func; Num: now, in ns
//	HrtimerCancel, HrtimerExit
//	                       Addr
//	Console                Text of the message, without its last newline
//	Print                  Text written to trace_marker or by trace_printk; Func
//	Lost                   Num: how many records, -1 if that is not known; PID 0;
//	                       CPU -1 if it may be any, or the place in time is not
//	                       known
//	Raw                    Text: the arguments as printed, or "field=value …"
type Event struct {
	Kind  Kind
	Mode  Mode
	Flags Flags
	// Preempt and Migrate are the depths of preempt_disable and
	// migrate_disable, at most 15 each.
	Preempt, Migrate uint8

	CPU  int32
	PID  int32 // of the thread; 0 is one idle task per CPU
	TGID int32 // of the process; -1 if the source does not say

	// Time is in nanoseconds of the trace's clock. Clocks that do not count
	// seconds ("counter", "uptime", "x86-tsc" without its factor) are as
	// recorded.
	Time uint64

	Comm  string // of the thread; as the source has it: "<...>" or "" if unknown
	Point string // name of the tracepoint, without its system

	Addr      uint64 // 0 if the kernel did not print it
	Name      string
	Text      string
	Func      Symbol
	Parent    Symbol
	Num       int64
	Ret       int64
	Prev      Task
	PrevState string // letters as ftrace prints them: "S", "R+", "D|K"
	Next      Task
}

// Symbol is a place in the kernel's code. Text has the name alone; a binary
// file has the address, and the name if the file has the kernel's symbols.
type Symbol struct {
	Addr uint64
	Name string // "name" or "name+0xoffset/0xsize [module]", as printed
}

// Task is a task that an event is about.
type Task struct {
	PID  int32
	Prio int32
	Comm string
}

// Mode says how a lock is acquired. A reader is recursive or not; the
// tracepoint does not tell which.
type Mode uint8

// Bits of Mode, with the values of the tracepoint.
const (
	Try Mode = 1 << iota
	Read
)

// Flags is the state of the CPU when the event was recorded. The bits but
// [FlagsKnown] and [LazyResched] have the values of the kernel's trace_flag_type.
type Flags uint16

// Bits of Flags.
const (
	IRQsOff        Flags = 0x01
	LazyResched    Flags = 0x02 // IRQS_NOSUPPORT in kernels before 6.12
	NeedResched    Flags = 0x04
	HardIRQ        Flags = 0x08
	SoftIRQ        Flags = 0x10 // serving a softirq; with HardIRQ, interrupted in one
	PreemptResched Flags = 0x20
	NMI            Flags = 0x40
	BHOff          Flags = 0x80
	// FlagsKnown is set where the source has flags and depths at all.
	FlagsKnown Flags = 0x100
)

// Kind says what an event is.
type Kind uint8

// The kinds of events. The zero Kind is not used.
const (
	Raw Kind = iota + 1
	Lost
	LockAcquire
	LockRelease
	LockContended
	LockAcquired
	ContentionBegin
	ContentionEnd
	IRQDisable
	IRQEnable
	PreemptDisable
	PreemptEnable
	SoftirqEntry
	SoftirqExit
	SoftirqRaise
	IRQEntry
	IRQExit
	SchedSwitch
	Fork
	Exit
	WorkQueue
	WorkActivate
	WorkStart
	WorkEnd
	TimerInit
	TimerStart
	TimerEntry
	TimerExit
	TimerCancel
	HrtimerInit
	HrtimerStart
	HrtimerEntry
	HrtimerExit
	HrtimerCancel
	Console
	Print
)

// points are the names of the tracepoints, by kind.
var points = [...]string{
	Raw: "raw", Lost: "lost",
	LockAcquire: "lock_acquire", LockRelease: "lock_release", LockContended: "lock_contended", LockAcquired: "lock_acquired",
	ContentionBegin: "contention_begin", ContentionEnd: "contention_end",
	IRQDisable: "irq_disable", IRQEnable: "irq_enable", PreemptDisable: "preempt_disable", PreemptEnable: "preempt_enable",
	SoftirqEntry: "softirq_entry", SoftirqExit: "softirq_exit", SoftirqRaise: "softirq_raise",
	IRQEntry: "irq_handler_entry", IRQExit: "irq_handler_exit",
	SchedSwitch: "sched_switch", Fork: "sched_process_fork", Exit: "sched_process_exit",
	WorkQueue: "workqueue_queue_work", WorkActivate: "workqueue_activate_work",
	WorkStart: "workqueue_execute_start", WorkEnd: "workqueue_execute_end",
	TimerInit: "timer_init", TimerStart: "timer_start", TimerEntry: "timer_expire_entry",
	TimerExit: "timer_expire_exit", TimerCancel: "timer_cancel",
	HrtimerInit: "hrtimer_init", HrtimerStart: "hrtimer_start", HrtimerEntry: "hrtimer_expire_entry",
	HrtimerExit: "hrtimer_expire_exit", HrtimerCancel: "hrtimer_cancel",
	Console: "console", Print: "print",
}

// kinds is points the other way round, without the two that are not
// tracepoints.
var kinds = func() map[string]Kind {
	m := make(map[string]Kind, len(points))
	for k := LockAcquire; int(k) < len(points); k++ {
		m[points[k]] = k
	}
	// Its name in 6.17 and later.
	m["hrtimer_setup"] = HrtimerInit
	return m
}()

// String returns the name of the kind's tracepoint, "raw" or "lost".
func (k Kind) String() string {
	if k == 0 || int(k) >= len(points) {
		return "none"
	}
	return points[k]
}

// Columns returns flags and depths in ftrace's five columns, "d.h2.".
func (e *Event) Columns() string {
	if e.Flags&FlagsKnown == 0 {
		return "....."
	}
	const dot = '.'
	pick := func(i Flags, letters string) byte { return letters[i] }
	bit := func(f Flags, v Flags) Flags {
		if e.Flags&f != 0 {
			return v
		}
		return 0
	}
	depth := func(d uint8) byte {
		if d == 0 {
			return dot
		}
		return "0123456789abcdef"[d&15]
	}
	return string([]byte{
		pick(bit(IRQsOff, 1)|bit(BHOff, 2), ".dbD"),
		pick(bit(NeedResched, 1)|bit(PreemptResched, 2)|bit(LazyResched, 4), ".npNlbLB"),
		pick(bit(HardIRQ, 1)|bit(SoftIRQ, 2)|bit(NMI, 4), ".hsHzZzZ"),
		depth(e.Preempt),
		depth(e.Migrate),
	})
}

// interner makes equal byte strings one string, so that the names in a stream
// are allocated once. It forgets everything when it is full, so that input
// with ever new names does not fill the memory.
type interner struct {
	m     map[string]string
	bytes int
}

const (
	internStrings = 1 << 15
	internBytes   = 4 << 20
)

func (in *interner) get(b []byte) string {
	if s, ok := in.m[string(b)]; ok {
		return s
	}
	if len(b) > 256 {
		return string(b)
	}
	if in.m == nil || len(in.m) >= internStrings || in.bytes >= internBytes {
		in.m, in.bytes = make(map[string]string), 0
	}
	s := string(b)
	in.m[s] = s
	in.bytes += len(s)
	return s
}

// number is a constant of an enumeration or a bit of a set, with its word.
type number struct {
	value uint64
	word  string
}
