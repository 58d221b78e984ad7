package scenario

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/report/splat"
)

// usageNames are the kernel's names of the usage bits, by bit.
var usageNames = [...]string{
	"IN-HARDIRQ-W", "IN-HARDIRQ-R", "HARDIRQ-ON-W", "HARDIRQ-ON-R", "IN-SOFTIRQ-W", "IN-SOFTIRQ-R", "SOFTIRQ-ON-W", "SOFTIRQ-ON-R",
	"INITIAL USE", "INITIAL READ USE",
}

// letters are the four characters of a class's usage: hardirq, hardirq read, softirq, softirq read.
func letters(u kernel.Usage) string {
	var out []byte
	for _, in := range []kernel.UsageBit{kernel.InHardirqW, kernel.InHardirqR, kernel.InSoftirqW, kernel.InSoftirqR} {
		i := 0
		if u.Has(in) {
			i = 1
		}
		if u.Has(in + 2) {
			i += 2
		}
		out = append(out, ".-+?"[i])
	}
	return string(out)
}

func className(c kernel.ClassInfo) string {
	s := c.Name
	if c.Version > 1 {
		s += "#" + strconv.Itoa(int(c.Version))
	}
	if c.Sub > 0 {
		s += "/" + strconv.Itoa(int(c.Sub))
	}
	return s
}

func (r *run) class(c kernel.ClassInfo) splat.Lock {
	l := splat.Lock{Class: className(c), Usage: letters(c.Usage)}
	if r.opts.Mode == "6.12" {
		outer := c.Outer
		if outer == 0 {
			outer = c.Inner
		}
		l.Wait = fmt.Sprintf("%d:%d", outer, c.Inner)
	}
	return l
}

func (r *run) held(h kernel.HeldInfo) *splat.Lock {
	l := r.class(h.Class)
	if r.opts.Mode == "6.12" {
		l.Inst = fmt.Sprintf("%016x", h.Addr)
	}
	l.At = r.at(h.Site)
	return &l
}

// stateName is the irq state of a usage bit.
func stateName(b kernel.UsageBit) string {
	s := [...]string{"HARDIRQ", "SOFTIRQ"}[b>>2&1]
	if b&1 != 0 {
		s += "-READ"
	}
	return s
}

// release is what reports call the kernel of the mode.
func (r *run) release() string {
	return map[string]string{"2.6": "2.6.39", "4.14": "4.14.0-rc1", "6.12": "6.12.0"}[r.opts.Mode] + "-scenario"
}

// start begins a report of the running task.
func (r *run) start(kind splat.Kind, judged kernel.Kind, at kernel.Site, held []kernel.HeldInfo) *splat.Report {
	t := r.t
	rep := &splat.Report{Kind: kind, Ident: r.release() + " #1 Not tainted", Task: splat.Task{Comm: t.Name, PID: int(t.ID)}}
	if r.opts.Mode == "2.6" {
		rep.Age = splat.Age3
	}
	rep.Origin = splat.Origin{File: r.file, Line: r.now.line}
	rep.Held = &splat.Held{Task: rep.Task, Count: len(held)}
	for _, h := range held {
		rep.Held.Locks = append(rep.Held.Locks, *r.held(h))
	}
	uid := ""
	if r.opts.Mode == "6.12" {
		uid = "UID: 0 "
	}
	rep.Backtrace = append([]string{fmt.Sprintf("CPU: %d %sPID: %d Comm: %s Not tainted %s #1", t.cpu, uid, t.ID, t.Name, r.release())}, r.backtrace(judged, at)...)
	return rep
}

// context is the task's irq state, HC0[0]:SC0[0]:HE1:SE1.
func context(f *kernel.Finding) string {
	bit := func(b kernel.Context) int {
		if f.Context&b != 0 {
			return 1
		}
		return 0
	}
	hard, soft := bit(kernel.InHardirq), bit(kernel.InSoftirq)
	// Serving a softirq counts 1, each bh off 2; serving turns bottom halves off, too.
	return fmt.Sprintf("HC%d[%d]:SC%d[%d]:HE%d:SE%d", hard, hard, soft, 2*f.BHOff-soft, bit(kernel.HardirqsOn), bit(kernel.SoftirqsOn))
}

var kindOf = map[kernel.Kind]splat.Kind{
	kernel.Circular: splat.Circular, kernel.RecursiveLock: splat.Recursive, kernel.IRQOrder: splat.IRQOrder,
	kernel.Inconsistent: splat.Inconsistent, kernel.IRQInversion: splat.IRQInversion, kernel.UnlockBalance: splat.UnlockImbalance,
	kernel.HeldFreed: splat.HeldFreed, kernel.HeldAtExit: splat.HeldExit, kernel.HeldInUser: splat.HeldUserspace,
	kernel.NestNotHeld: splat.NestLock, kernel.WaitContext: splat.WaitContext, kernel.BadContention: splat.Contention,
	kernel.TableFull: splat.Limit,
}

// limitTitles are the first lines about full tables, by kernel.Limit.
var limitTitles = [...]string{"", "MAX_LOCKDEP_KEYS", "MAX_LOCKDEP_ENTRIES", "MAX_LOCKDEP_CHAINS", "MAX_LOCKDEP_CHAIN_HLOCKS", "MAX_LOCK_DEPTH", "lockdep bfs queue"}

// report is the finding as the kernel's report.
func (r *run) report(f *kernel.Finding) *splat.Report {
	kind, ok := kindOf[f.Kind]
	if !ok {
		kind = splat.Assert
	}
	held := f.Held
	if r.commits {
		held = r.v.HeldBy(r.t.Task)
	}
	rep := r.start(kind, f.Kind, f.Site, held)
	rep.Crosslock = r.commits
	rep.Acquire = r.held(f.Lock)
	switch f.Kind {
	case kernel.Circular:
		rep.Holding = r.held(f.Prev)
		for i := len(f.Path) - 1; i > 0; i-- {
			rep.Chain = append(rep.Chain, splat.Link{Index: i, Lock: r.class(f.Path[i].Class), Stack: r.stacks[f.Path[i].Edge.Site].frames})
		}
		rep.Chain = append(rep.Chain, splat.Link{Lock: r.class(f.Path[0].Class), Stack: r.last(f.Site)})
	case kernel.RecursiveLock:
		rep.Holding = r.held(f.Prev)
		rep.NestingHint = true
		if f.HasCmp {
			rep.CmpResult = strconv.Itoa(f.Compared)
		}
	case kernel.IRQOrder:
		rep.State = stateName(f.Bit)
		rep.Context = context(f)
		rep.Holding = r.held(f.Prev)
		rep.NewDependency = []splat.Lock{r.class(f.Prev.Class), r.class(f.Lock.Class)}
		safe, unsafe := f.SafePath[len(f.SafePath)-1].Class, f.Path[len(f.Path)-1].Class
		rep.Safe = &splat.Turned{Lock: r.class(safe), Stack: r.stacks[safe.Sites[f.Bit]].frames}
		rep.Unsafe = &splat.Turned{Lock: r.class(unsafe), Stack: r.stacks[unsafe.Sites[f.Other]].frames, Dots: true, DotsLine: true}
		rep.Deps = []splat.DepDump{
			{Caption: "the dependencies between " + rep.State + "-irq-safe lock and the holding lock", Deps: r.deps(f.SafePath, f, true)},
			{Caption: "the dependencies between the lock to be acquired\n and " + rep.State + "-irq-unsafe lock", Deps: r.deps(f.Path, f, false)},
		}
	case kernel.Inconsistent:
		rep.Context = context(f)
		rep.From, rep.To = usageNames[f.Other], usageNames[f.Bit]
		rep.Registered = r.stacks[f.Lock.Class.Sites[f.Other]].frames
		rep.IRQEvents = r.events()
	case kernel.IRQInversion:
		rep.State = stateName(f.Bit)
		other := r.class(f.Path[len(f.Path)-1].Class)
		rep.Other, rep.Backward = &other, f.Back
		rep.Deps = []splat.DepDump{{Caption: "the shortest dependencies between 2nd lock and 1st lock", Deps: r.deps(f.Path, f, false)}}
	case kernel.UnlockBalance, kernel.BadContention:
		rep.ReleaseAt = rep.Acquire.At
	case kernel.HeldFreed:
		rep.FreedFrom, rep.FreedTo = fmt.Sprintf("%016x", f.From), fmt.Sprintf("%016x", f.To)
	case kernel.NestNotHeld:
		rep.Nest = f.Prev.Class.Name
	case kernel.WaitContext:
		rep.Wait = fmt.Sprintf("%d:%d", f.Wait, f.Wait)
	case kernel.TableFull:
		rep.Title = "BUG: " + limitTitles[f.Limit] + " too low!"
		rep.Notes = []string{"turning off the locking correctness validator."}
		if f.Limit == kernel.LimitDepth {
			rep.Notes = append(rep.Notes, fmt.Sprintf("depth: %d  max: %d!", len(f.Held), len(f.Held)))
		}
	case kernel.TornCache:
		// No check of the validator: it follows the pointer.
		rep.Title = fmt.Sprintf("BUG: unable to handle kernel paging request at %016x", uint64(kernel.TornPointer))
	case kernel.HeldAtExit, kernel.HeldInUser:
		rep.Acquire = nil
	default:
		rep.Title = "DEBUG_LOCKS_WARN_ON: " + f.Kind.String()
	}
	r.scenario(rep, f)
	return rep
}

// scenario fills the table "Possible unsafe locking scenario".
func (r *run) scenario(rep *splat.Report, f *kernel.Finding) {
	n := [3]string{className(f.Names[0]), className(f.Names[1]), className(f.Names[2])}
	op := func(h kernel.HeldInfo) string {
		switch {
		case r.opts.Mode != "6.12":
			return "lock" // told apart since 6.4
		case h.Sync:
			return "sync"
		case h.Mode&(kernel.Shared|kernel.Recursive) != 0:
			return "rlock"
		}
		return "lock"
	}
	var steps []splat.Step
	caption := "Possible unsafe locking scenario:"
	switch f.Scenario {
	case kernel.ScenarioCPUs:
		steps = []splat.Step{{Op: op(f.Prev), Arg: n[2]}, {CPU: 1, Op: "lock", Arg: n[1]}, {CPU: 1, Op: "lock", Arg: n[2]}, {Op: op(f.Lock), Arg: n[0]}}
		if r.commits {
			steps = []splat.Step{{Op: "lock", Arg: n[1]}, {Op: "lock", Arg: n[2]}, {CPU: 1, Op: "lock", Arg: n[0]}, {CPU: 1, Op: "unlock", Arg: n[2]}}
		}
	case kernel.ScenarioSelf:
		steps = []splat.Step{{Op: "lock", Arg: n[0]}, {Op: "lock", Arg: n[1]}}
	case kernel.ScenarioIRQ:
		caption = "Possible interrupt unsafe locking scenario:"
		steps = []splat.Step{
			{Op: "lock", Arg: n[2]},
			{CPU: 1, Op: "local_irq_disable"},
			{CPU: 1, Op: "lock", Arg: n[0]},
			{CPU: 1, Op: "lock", Arg: n[1]},
			{Op: "<Interrupt>"},
			{Op: "lock", Arg: n[0], IRQ: true},
		}
	case kernel.ScenarioIRQOne:
		steps = []splat.Step{{Op: "lock", Arg: n[0]}, {Op: "<Interrupt>"}, {Op: "lock", Arg: n[0], IRQ: true}}
	default:
		return
	}
	rep.Scenario = &splat.Scenario{Caption: caption, Steps: steps}
	if f.Exists {
		rep.Exists = n[:]
	}
}

// deps is a dump of the classes on a path, the far end first. Going forward each comes with the place of the edge that
// leads to it, and the first class with that of the finding; going backward with that of the edge that leaves it.
func (r *run) deps(path []kernel.Step, f *kernel.Finding, back bool) []splat.Dep {
	var out []splat.Dep
	for i := len(path) - 1; i >= 0; i-- {
		c := path[i].Class
		d := splat.Dep{Depth: i, Lock: r.class(c)}
		for b := range usageNames {
			if c.Usage.Has(kernel.UsageBit(b)) {
				d.Usages = append(d.Usages, splat.Usage{State: usageNames[b], Stack: r.stacks[c.Sites[b]].frames})
			}
		}
		d.Key = &splat.Frame{Addr: fmt.Sprintf("%016x", c.Key), Func: fmt.Sprintf("__key.%d", c.ID.Index()), Offset: "0x0/0x10"}
		switch {
		case back && i+1 < len(path):
			d.Acquired = r.stacks[path[i+1].Edge.Site].frames
		case !back && i > 0:
			d.Acquired = r.stacks[path[i].Edge.Site].frames
		case !back:
			d.Acquired = r.stacks[f.Site].frames
		}
		out = append(out, d)
	}
	return out
}

// events is the irq event block of the running task.
func (r *run) events() []string {
	out := []string{fmt.Sprintf("irq event stamp: %d", r.t.stamp)}
	for i, what := range []string{"hardirqs last  enabled", "hardirqs last disabled", "softirqs last  enabled", "softirqs last disabled"} {
		e := r.t.events[i]
		at := e.frame.String()
		if e.stamp == 0 {
			at = "0x0"
		}
		out = append(out, fmt.Sprintf("%s at (%d): [<%016x>] %s", what, e.stamp, e.addr, at))
	}
	return out
}

// suspicious makes a report of RCU's own checks, once a scenario and only while the validator is on.
// Its line is counted in the scenario, so that it stays when a golden output above grows.
func (r *run) suspicious(msg string) {
	if r.rcu || r.v.Off() {
		return
	}
	r.rcu = true
	rep := r.start(splat.RCU, 0, r.site("lockdep_rcu_suspicious"), r.v.HeldBy(r.t.Task))
	rep.Source, rep.Message = fmt.Sprintf("%s:%d", filepath.Base(r.file), r.now.line-r.first+1), msg
	rep.Notes = []string{"", "rcu_scheduler_active = 2, debug_locks = 1"}
	r.reports = append(r.reports, rep)
	r.goes = append(r.goes, nil)
}
