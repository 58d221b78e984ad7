package splat

import (
	"fmt"
	"strconv"
	"strings"
)

// A Kind says what a report is about.
type Kind string

// The kinds of reports.
const (
	Circular        Kind = "circular"
	Recursive       Kind = "recursive"
	IRQOrder        Kind = "irq-unsafe-order" // X-safe -> X-unsafe
	Inconsistent    Kind = "inconsistent"
	IRQInversion    Kind = "irq-inversion"
	UnlockImbalance Kind = "unlock-imbalance"
	HeldFreed       Kind = "held-freed"
	HeldExit        Kind = "held-exit"
	HeldUserspace   Kind = "held-userspace"
	NestLock        Kind = "nest-lock"
	WaitContext     Kind = "wait-context"
	Contention      Kind = "contention"
	RCU             Kind = "rcu"
	ChainCollision  Kind = "chain-collision"
	NonstaticKey    Kind = "nonstatic-key"
	Limit           Kind = "lockdep-limit"  // a table is full, a key is not registered
	Assert          Kind = "lockdep-assert" // DEBUG_LOCKS_WARN_ON and other WARNs of lockdep itself
)

// An Age says in which kernels' words a report is. The zero value is today's.
type Age int

// The ages. They differ in titles, rulers and captions; what else changed with
// time (addresses, usage letters, wait types) is in the locks themselves.
const (
	Age6 Age = iota // since 4.12: "WARNING: ..."
	Age3            // 2.6.30 to 4.12: "[ INFO: ... ]", upper-case states
	Age2            // 2.6.17 to 2.6.29: "[ INFO: ... ]", no scenario, lower-case states
)

// A Report is one report of the kernel. Fields that a kind does not have are
// zero. It can be built by code as well as read; [Report.Kernel] prints it.
type Report struct {
	Kind Kind `json:"kind"`
	Age  Age  `json:"age,omitempty"`
	// State is the irq state that an order or inversion is about, as it is
	// printed: HARDIRQ, SOFTIRQ, HARDIRQ-READ, SOFTIRQ-READ, RECLAIM_FS;
	// before 2.6.30 hard, soft, hard-read, soft-read.
	State string `json:"state,omitempty"`
	// Title is the title line where it is not the usual one of kind and age;
	// of Limit, Assert and NonstaticKey it is the first line.
	Title string `json:"title_line,omitempty"`
	// Rulers are the lengths of the lines above and below the title where they
	// are not the usual ones.
	Rulers [2]int `json:"rulers,omitzero"`
	// Ident is the line below the title: release, version, taint.
	Ident string `json:"ident,omitempty"`
	Task  Task   `json:"task,omitzero"`
	// Context is the text between brackets after the task:
	// HC0[0]:SC0[0]:HE1:SE1.
	Context string `json:"context,omitempty"`

	// Acquire is the lock that the task wants, changes, releases (name only)
	// or that lies in freed memory.
	Acquire *Lock `json:"acquire,omitempty"`
	// Holding is the lock that it holds and that closes the cycle.
	Holding *Lock `json:"holding,omitempty"`
	// Crosslock: Holding is no held lock but an event being released (4.14).
	Crosslock bool `json:"crosslock,omitempty"`
	// CmpResult is the result of the lock comparison function, if printed.
	CmpResult string `json:"cmp_result,omitempty"`

	// NewDependency are the two classes of the dependency to be added (IRQOrder).
	NewDependency []Lock `json:"new_dependency,omitempty"`
	// Safe and Unsafe are the ends of an IRQOrder, and where they became so.
	Safe   *Turned `json:"safe,omitempty"`
	Unsafe *Turned `json:"unsafe,omitempty"`
	// Other is the second lock of an IRQInversion; Backward: it was taken
	// before Acquire, otherwise after it.
	Other    *Lock `json:"other,omitempty"`
	Backward bool  `json:"backward,omitempty"`

	// From and To are the states of an Inconsistent report, without braces.
	From       string   `json:"from,omitempty"`
	To         string   `json:"to,omitempty"`
	Registered []Frame  `json:"registered,omitempty"` // where From was registered
	IRQEvents  []string `json:"irq_events,omitempty"` // the irq event block, a line each

	// Chain is the existing dependency chain as printed, highest index first.
	Chain []Link `json:"chain,omitempty"`
	// Exists is the line after "Chain exists of:": three classes.
	Exists []string `json:"chain_exists,omitempty"`
	// Scenario is the table of an unsafe locking scenario.
	Scenario *Scenario `json:"scenario,omitempty"`
	// NestingHint: "May be due to missing lock nesting notation" was printed.
	NestingHint bool  `json:"nesting_hint,omitempty"`
	Held        *Held `json:"held,omitempty"`
	// Deps are the dumps of dependencies, in printed order.
	Deps []DepDump `json:"deps,omitempty"`

	// ReleaseAt is where UnlockImbalance or Contention was met; ReleaseInline
	// are the inline functions of the same place, innermost first.
	ReleaseAt     *Frame  `json:"release_at,omitempty"`
	ReleaseInline []Frame `json:"release_inline,omitempty"`
	// FreedFrom and FreedTo are the first and last byte of freed memory.
	FreedFrom string `json:"freed_from,omitempty"`
	FreedTo   string `json:"freed_to,omitempty"`
	Nest      string `json:"nest_lock,omitempty"`    // the map not held, NestLock
	Wait      string `json:"wait_context,omitempty"` // "5:5" of context-{5:5}

	// Source and Message are the RCU report's "file:line" and complaint.
	Source  string `json:"source_line,omitempty"`
	Message string `json:"message,omitempty"`
	// Notes are further lines of the body that stand on their own: the RCU
	// state, "depth: 48  max: 48!", "DEBUG_LOCKS_WARN_ON(1)".
	Notes []string `json:"notes,omitempty"`

	// Backtrace is the final dump, a line each, without the caption.
	Backtrace []string `json:"backtrace,omitempty"`
	// FirstBacktrace is the first of the two dumps of NestLock.
	FirstBacktrace []string `json:"first_backtrace,omitempty"`

	Origin Origin `json:"origin,omitzero"`
}

// An Origin says where a report was read. It is no part of what was reported.
type Origin struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`   // of the banner, from 1
	Caller string `json:"caller,omitempty"` // T123 or C0, if the log has caller ids
	// Clipped: the report was longer than what is read of one.
	Clipped bool `json:"clipped,omitempty"`
}

// A Task is a task as reports name it, comm/pid.
type Task struct {
	Comm string `json:"comm"`
	PID  int    `json:"pid"`
}

func (t Task) String() string { return t.Comm + "/" + strconv.Itoa(t.PID) }

// A Lock is a class, or a lock that is held or wanted.
type Lock struct {
	Inst  string `json:"inst,omitempty"`  // address, without 0x; "" where the kernel printed none
	Class string `json:"class,omitempty"` // name with #n and /subclass
	Usage string `json:"usage,omitempty"` // the letters in braces: +.+.
	Wait  string `json:"wait,omitempty"`  // outer:inner wait types, 5.7 and later
	At    *Frame `json:"at,omitempty"`    // where it is or was taken
	// Inline are the inline functions of the same place, innermost first,
	// where the report was symbolised.
	Inline []Frame `json:"inline,omitempty"`
}

// A Frame is a function of a stack trace.
type Frame struct {
	Addr   string `json:"addr,omitempty"`   // in [<...>], before 4.14
	NoAddr bool   `json:"noaddr,omitempty"` // the brackets are there, the address is lost
	Guess  bool   `json:"guess,omitempty"`  // marked "? ": may not be a caller
	Func   string `json:"func,omitempty"`
	Offset string `json:"offset,omitempty"` // 0x17/0x50: in the function, of its size
	Module string `json:"module,omitempty"`
	Source string `json:"source,omitempty"` // file:line, where symbolised
	Inline bool   `json:"inline,omitempty"`
	// Text is the frame as printed where it has another form than the fields give.
	Text string `json:"text,omitempty"`
}

// A Link is an entry of the dependency chain: Lock was taken, at Stack, while
// the class of the link with the next lower index was held.
type Link struct {
	Index int     `json:"index"`
	Lock  Lock    `json:"lock"`
	Stack []Frame `json:"stack,omitempty"`
}

// A Turned is a class and where it became irq-safe or irq-unsafe.
type Turned struct {
	Lock  Lock    `json:"lock"`
	Stack []Frame `json:"stack,omitempty"`
	// Dots: "..." stands on a line of its own before the stack, as consoles
	// since 4.10 have it; or in front of the first frame.
	Dots     bool `json:"dots,omitempty"`
	DotsLine bool `json:"dots_line,omitempty"`
}

// A Scenario is the table "Possible unsafe locking scenario".
type Scenario struct {
	// Caption is the line above it without its leading blank.
	Caption string `json:"caption"`
	Steps   []Step `json:"steps"`
}

// A Step is a line of a scenario.
type Step struct {
	CPU int    `json:"cpu"`             // the column, 0 or 1
	Op  string `json:"op"`              // lock, rlock, sync, unlock, local_irq_disable, <Interrupt>
	Arg string `json:"class,omitempty"` // class, or "" where Op has none
	IRQ bool   `json:"irq,omitempty"`   // inside the interrupt
}

// Held is the list of held locks.
type Held struct {
	Task  Task   `json:"task,omitzero"`
	Count int    `json:"count"` // as printed; Locks has fewer where the list was cut
	Locks []Lock `json:"locks,omitempty"`
	// Off: instead of a list, "INFO: lockdep is turned off."
	Off bool `json:"off,omitempty"`
}

// A DepDump is a dump of dependencies below its caption.
type DepDump struct {
	Caption string `json:"caption"` // without the final colon
	Deps    []Dep  `json:"deps,omitempty"`
}

// A Dep is a class in a dump of dependencies.
type Dep struct {
	Depth    int     `json:"depth"` // edges from the root of the search
	Lock     Lock    `json:"lock"`
	Ops      string  `json:"ops,omitempty"` // a count, DEBUG_LOCKDEP
	Usages   []Usage `json:"usages,omitempty"`
	Key      *Frame  `json:"key,omitempty"`
	Acquired []Frame `json:"acquired,omitempty"`
}

// A Usage is a usage bit of a class and where it was first set.
type Usage struct {
	State string  `json:"state"`
	Stack []Frame `json:"stack,omitempty"`
}

// Release returns the kernel's release, as uname -r prints it, or "".
func (r *Report) Release() string {
	if r.Ident != "" {
		return firstWord(r.Ident)
	}
	for _, d := range [][]string{r.Backtrace, r.FirstBacktrace} {
		for _, l := range d {
			if rel := releaseOf(l); rel != "" {
				return rel
			}
		}
	}
	return ""
}

// releaseOf finds the release in the header of a dump:
// "CPU: 1 PID: 2 Comm: x Not tainted 5.1.0 #3". The taint flags are letters
// with blanks between, and the release has a digit.
func releaseOf(l string) string {
	if !strings.Contains(l, "omm: ") {
		return ""
	}
	_, rest, ok := strings.Cut(l, "ainted")
	if !ok {
		return ""
	}
	for w := range strings.FieldsSeq(strings.TrimPrefix(rest, ":")) {
		if len(w) > 2 && w[0] != '[' {
			return w
		}
	}
	return ""
}

func firstWord(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return s
}

// Classes returns the classes that r is about, each once: those of its cycle,
// or the lock that it names.
func (r *Report) Classes() []string {
	var out []string
	add := func(c string) {
		for _, o := range out {
			if o == c {
				return
			}
		}
		if c != "" {
			out = append(out, c)
		}
	}
	for _, c := range r.Cycle() {
		add(c)
	}
	for _, l := range []*Lock{r.Acquire, r.Holding, r.Other} {
		if l != nil {
			add(l.Class)
		}
	}
	if len(out) == 0 && r.Held != nil {
		for _, l := range r.Held.Locks {
			add(l.Class)
		}
	}
	return out
}

// where is the function of the lock's place, or "".
func (l *Lock) where() string {
	if l == nil || l.At == nil {
		return ""
	}
	return l.At.Func
}

// Summary is r in a line: kind, classes, place, task, kernel.
func (r *Report) Summary() string {
	var b strings.Builder
	b.WriteString(string(r.Kind))
	if r.State != "" {
		fmt.Fprintf(&b, " (%s)", r.State)
	}
	switch {
	case len(r.Cycle()) > 1:
		c := r.Cycle()
		b.WriteString(": " + strings.Join(c, " -> ") + " -> " + c[0])
	case r.Kind == RCU && r.Message != "":
		fmt.Fprintf(&b, ": %s %s", r.Source, r.Message)
	case r.Kind == Limit || r.Kind == Assert || r.Kind == NonstaticKey:
		b.WriteString(": " + r.titleLine())
	case len(r.Classes()) > 0:
		b.WriteString(": " + strings.Join(r.Classes(), ", "))
	}
	if r.Kind == Inconsistent && r.From != "" {
		fmt.Fprintf(&b, " {%s} -> {%s}", r.From, r.To)
	}
	if w := r.place(); w != "" {
		b.WriteString(" in " + w)
	}
	if r.Task.Comm != "" {
		b.WriteString(", task " + r.Task.String())
	}
	if k := r.Release(); k != "" {
		b.WriteString(", kernel " + k)
	}
	if c := r.Cut(); len(c) > 0 {
		b.WriteString(" (cut: " + strings.Join(c, ", ") + ")")
	}
	return b.String()
}

// place is the function that closed the cycle, or where the report was made.
func (r *Report) place() string {
	if w := r.Acquire.where(); w != "" {
		return w
	}
	if r.ReleaseAt != nil {
		return r.ReleaseAt.Func
	}
	if f := r.firstCaller(); f != nil {
		return f.Func
	}
	return ""
}

// firstCaller is the first frame of the final backtrace that belongs neither
// to the validator nor to a lock, or nil.
func (r *Report) firstCaller() *Frame {
	stack := r.Stack()
	if i := firstOutside(stack); i >= 0 {
		return &stack[i]
	}
	return nil
}

// Cut names what a whole report of r's kind and age has and r has not: the
// parts that its source cut off. It is empty for a whole report.
func (r *Report) Cut() []string {
	var out []string
	need := func(ok bool, what string) {
		if !ok {
			out = append(out, what)
		}
	}
	banner := r.Kind != NonstaticKey && r.Kind != Limit && r.Kind != Assert
	if banner {
		need(r.Ident != "", "kernel line")
		need(r.Task.Comm != "" || r.Held != nil || r.Kind == RCU, "task")
	}
	switch r.Kind {
	case Circular:
		need(r.Acquire != nil, "lock to be acquired")
		need(r.Holding != nil, "lock held")
		switch n := len(r.Chain); {
		case n == 0:
			need(false, "dependency chain")
		case r.Chain[n-1].Index != 0 || r.Chain[0].Index != n-1:
			need(false, "part of the dependency chain")
		}
		for _, l := range r.Chain {
			if len(l.Stack) == 0 {
				need(false, fmt.Sprintf("stack of #%d", l.Index))
			}
		}
	case Recursive:
		need(r.Acquire != nil, "lock to be acquired")
		need(r.Holding != nil, "lock held")
	case IRQOrder:
		need(r.Acquire != nil, "lock to be acquired")
		need(r.Holding != nil, "lock held")
		need(r.Safe != nil && len(r.Safe.Stack) > 0, "how the lock became safe")
		need(r.Unsafe != nil && len(r.Unsafe.Stack) > 0, "how the lock became unsafe")
		need(len(r.Deps) > 1 && len(r.Deps[0].Deps) > 0 && len(r.Deps[1].Deps) > 0, "dependencies")
	case IRQInversion:
		need(r.Acquire != nil, "lock changed")
		need(r.Other != nil, "other lock")
		need(len(r.Deps) > 0 && len(r.Deps[0].Deps) > 0, "dependencies")
	case Inconsistent:
		need(r.From != "", "states")
		need(r.Acquire != nil, "lock taken")
		need(Outer(r.Registered) != "", "where the state was registered")
		need(len(r.IRQEvents) > 0, "irq events")
	case UnlockImbalance, Contention:
		need(r.Acquire != nil, "lock released")
	case HeldFreed:
		need(r.FreedFrom != "", "memory freed")
		need(r.Acquire != nil, "lock")
	case NestLock:
		need(r.Acquire != nil, "lock")
		need(r.Nest != "", "lock not held")
	case WaitContext:
		need(r.Acquire != nil, "lock")
		need(r.Wait != "", "context")
	case RCU:
		need(r.Message != "", "message")
	}
	if banner {
		switch {
		case r.Held == nil:
			need(false, "held locks")
		case len(r.Held.Locks) < r.Held.Count:
			need(false, fmt.Sprintf("%d of %d held locks", r.Held.Count-len(r.Held.Locks), r.Held.Count))
		}
	}
	if r.Kind != HeldUserspace {
		need(len(r.Backtrace) > 0, "backtrace")
	}
	return out
}
