package replay

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

// letters are the four characters of a class's usage: hardirq, hardirq read,
// softirq, softirq read.
func letters(u kernel.Usage) string {
	var out [4]byte
	for k, in := range [...]kernel.UsageBit{kernel.InHardirqW, kernel.InHardirqR, kernel.InSoftirqW, kernel.InSoftirqR} {
		i := 0
		if u.Has(in) {
			i = 1
		}
		if u.Has(in + 2) {
			i += 2
		}
		out[k] = ".-+?"[i]
	}
	return string(out[:])
}

// ClassName is the name of a class with its version and subclass.
func ClassName(c kernel.ClassInfo) string {
	s := c.Name
	if c.Version > 1 {
		s += "#" + strconv.Itoa(int(c.Version))
	}
	if c.Sub > 0 {
		s += "/" + strconv.Itoa(int(c.Sub))
	}
	return s
}

func (j *judge) class(c kernel.ClassInfo) splat.Lock {
	outer := c.Outer
	if outer == 0 {
		outer = c.Inner
	}
	return splat.Lock{Class: ClassName(c), Usage: letters(c.Usage), Wait: fmt.Sprintf("%d:%d", outer, c.Inner)}
}

func (j *judge) held(h kernel.HeldInfo) *splat.Lock {
	l := j.class(h.Class)
	l.Inst = fmt.Sprintf("%016x", h.Addr)
	if s := j.stack(h.Site); len(s) > 0 {
		l.At = &s[0]
	}
	return &l
}

// stack is what a trace has in the place of a stack: task, CPU, time, file.
func (j *judge) stack(s kernel.Site) []splat.Frame {
	o, e := j.r.at(s)
	if o == nil {
		return nil
	}
	cpu, time := o.cpu, o.time
	if e != nil {
		cpu, time = e.cpu, e.time
	}
	return []splat.Frame{{Text: fmt.Sprintf("%s/%d [%03d] %s %s", o.comm, o.pid, cpu, seconds(time), filepath.Base(j.r.files[o.file]))}}
}

func seconds(ns uint64) string { return fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1000) }

// stateName is the irq state of a usage bit.
func stateName(b kernel.UsageBit) string {
	s := [...]string{"HARDIRQ", "SOFTIRQ"}[b>>2&1]
	if b&1 != 0 {
		s += "-READ"
	}
	return s
}

var kindOf = map[kernel.Kind]splat.Kind{
	kernel.Circular: splat.Circular, kernel.RecursiveLock: splat.Recursive, kernel.IRQOrder: splat.IRQOrder,
	kernel.Inconsistent: splat.Inconsistent, kernel.IRQInversion: splat.IRQInversion, kernel.UnlockBalance: splat.UnlockImbalance,
	kernel.HeldAtExit: splat.HeldExit, kernel.HeldInUser: splat.HeldUserspace, kernel.WaitContext: splat.WaitContext,
	kernel.NonStaticKey: splat.NonstaticKey,
}

// context is the task's irq state, HC0[0]:SC0[0]:HE1:SE1.
func context(c kernel.Context) string {
	bit := func(b kernel.Context) int {
		if c&b != 0 {
			return 1
		}
		return 0
	}
	hard, soft := bit(kernel.InHardirq), bit(kernel.InSoftirq)
	off := 0
	if c&(kernel.SoftirqsOn|kernel.InSoftirq) == 0 {
		off = 2
	}
	return fmt.Sprintf("HC%d[%d]:SC%d[%d]:HE%d:SE%d", hard, hard, soft, off+soft, bit(kernel.HardirqsOn), bit(kernel.SoftirqsOn))
}

// report is the finding as the kernel's report.
func (j *judge) report(f *kernel.Finding) *splat.Report {
	o := &j.r.seen[j.obs]
	rep := &splat.Report{Kind: kindOf[f.Kind], Task: splat.Task{Comm: o.comm, PID: int(o.pid)}}
	rep.Origin = splat.Origin{File: j.r.files[o.file]}
	if f.Kind != kernel.NonStaticKey {
		rep.Ident = "from " + filepath.Base(j.r.files[o.file])
	}
	rep.Held = &splat.Held{Task: rep.Task, Count: len(f.Held)}
	for _, h := range f.Held {
		rep.Held.Locks = append(rep.Held.Locks, *j.held(h))
	}
	rep.Backtrace = []string{fmt.Sprintf("CPU: %d PID: %d Comm: %s at %s", o.cpu, o.pid, o.comm, seconds(o.time))}
	rep.Acquire = j.held(f.Lock)
	switch f.Kind {
	case kernel.Circular:
		rep.Holding = j.held(f.Prev)
		for i := len(f.Path) - 1; i > 0; i-- {
			rep.Chain = append(rep.Chain, splat.Link{Index: i, Lock: j.class(f.Path[i].Class), Stack: j.stack(f.Path[i].Edge.Site)})
		}
		rep.Chain = append(rep.Chain, splat.Link{Lock: j.class(f.Path[0].Class), Stack: j.stack(f.Site)})
	case kernel.RecursiveLock:
		rep.Holding = j.held(f.Prev)
		rep.NestingHint = true
	case kernel.IRQOrder:
		rep.State = stateName(f.Bit)
		rep.Context = context(f.Context)
		rep.Holding = j.held(f.Prev)
		rep.NewDependency = []splat.Lock{j.class(f.Prev.Class), j.class(f.Lock.Class)}
		safe, unsafe := f.SafePath[len(f.SafePath)-1].Class, f.Path[len(f.Path)-1].Class
		rep.Safe = &splat.Turned{Lock: j.class(safe), Stack: j.stack(safe.Sites[f.Bit])}
		rep.Unsafe = &splat.Turned{Lock: j.class(unsafe), Stack: j.stack(unsafe.Sites[f.Other]), Dots: true, DotsLine: true}
		rep.Deps = []splat.DepDump{
			{Caption: "the dependencies between " + rep.State + "-irq-safe lock and the holding lock", Deps: j.deps(f.SafePath, f, true)},
			{Caption: "the dependencies between the lock to be acquired\n and " + rep.State + "-irq-unsafe lock", Deps: j.deps(f.Path, f, false)},
		}
	case kernel.Inconsistent:
		rep.Context = context(f.Context)
		rep.From, rep.To = usageNames[f.Other], usageNames[f.Bit]
		rep.Registered = j.stack(f.Lock.Class.Sites[f.Other])
	case kernel.IRQInversion:
		rep.State = stateName(f.Bit)
		other := j.class(f.Path[len(f.Path)-1].Class)
		rep.Other, rep.Backward = &other, f.Back
		rep.Deps = []splat.DepDump{{Caption: "the shortest dependencies between 2nd lock and 1st lock", Deps: j.deps(f.Path, f, false)}}
	case kernel.UnlockBalance:
		rep.ReleaseAt = rep.Acquire.At
	case kernel.WaitContext:
		rep.Wait = fmt.Sprintf("%d:%d", f.Wait, f.Wait)
	case kernel.NonStaticKey:
		rep.Title = "INFO: trying to register non-static key."
		rep.Notes = []string{
			"The code is fine but needs lockdep annotation, or maybe", "you didn't initialize this object before use?",
			"turning off the locking correctness validator.",
		}
		rep.Held, rep.Acquire = nil, nil
	case kernel.HeldAtExit, kernel.HeldInUser:
		rep.Acquire = nil
	}
	j.scenario(rep, f)
	if o.what == commits && f.Kind == kernel.Circular {
		// In the words of 4.14: the event is held by whoever is to make it, and
		// what he really holds is not part of the matter.
		last := f.Path[len(f.Path)-1]
		rep.Crosslock, rep.Held = true, nil
		if s := j.stack(last.Edge.Site); len(s) > 0 {
			rep.Holding.At = &s[0]
		}
		n := [3]string{ClassName(f.Names[0]), ClassName(f.Names[1]), ClassName(f.Names[2])}
		rep.Scenario.Steps = []splat.Step{{Op: "lock", Arg: n[1]}, {Op: "lock", Arg: n[2]}, {CPU: 1, Op: "lock", Arg: n[0]}, {CPU: 1, Op: "unlock", Arg: n[2]}}
	}
	return rep
}

// scenario fills the table "Possible unsafe locking scenario".
func (j *judge) scenario(rep *splat.Report, f *kernel.Finding) {
	n := [3]string{ClassName(f.Names[0]), ClassName(f.Names[1]), ClassName(f.Names[2])}
	op := func(h kernel.HeldInfo) string {
		if h.Mode&(kernel.Shared|kernel.Recursive) != 0 {
			return "rlock"
		}
		return "lock"
	}
	var steps []splat.Step
	caption := "Possible unsafe locking scenario:"
	switch f.Scenario {
	case kernel.ScenarioCPUs:
		steps = []splat.Step{{Op: op(f.Prev), Arg: n[2]}, {CPU: 1, Op: "lock", Arg: n[1]}, {CPU: 1, Op: "lock", Arg: n[2]}, {Op: op(f.Lock), Arg: n[0]}}
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

// deps is a dump of the classes on a path, the far end first.
func (j *judge) deps(path []kernel.Step, f *kernel.Finding, back bool) []splat.Dep {
	var out []splat.Dep
	for i := len(path) - 1; i >= 0; i-- {
		c := path[i].Class
		d := splat.Dep{Depth: i, Lock: j.class(c)}
		for b, name := range usageNames {
			if c.Usage.Has(kernel.UsageBit(b)) {
				d.Usages = append(d.Usages, splat.Usage{State: name, Stack: j.stack(c.Sites[b])})
			}
		}
		switch {
		case back && i+1 < len(path):
			d.Acquired = j.stack(path[i+1].Edge.Site)
		case !back && i > 0:
			d.Acquired = j.stack(path[i].Edge.Site)
		case !back:
			d.Acquired = j.stack(f.Site)
		}
		out = append(out, d)
	}
	return out
}
