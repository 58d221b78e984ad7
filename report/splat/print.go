package splat

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

var usualTitles = map[Kind]string{
	Circular:        "possible circular locking dependency detected",
	Recursive:       "possible recursive locking detected",
	Inconsistent:    "inconsistent lock state",
	IRQInversion:    "possible irq lock inversion dependency detected",
	UnlockImbalance: "bad unlock balance detected!",
	Contention:      "bad contention detected!",
	HeldFreed:       "held lock freed!",
	HeldUserspace:   "lock held when returning to user space!",
	NestLock:        "Nested lock was not taken",
	ChainCollision:  "chain_key collision",
	RCU:             "suspicious RCU usage",
}

// usualTitle is the title of r's kind in its age.
func (r *Report) usualTitle() string {
	t := usualTitles[r.Kind]
	switch r.Kind {
	case WaitContext:
		return "[ BUG: Invalid wait context ]"
	case NonstaticKey:
		return "INFO: trying to register non-static key."
	case IRQOrder:
		t = fmt.Sprintf("%s-safe -> %s-unsafe lock order detected", r.State, r.State)
	case HeldExit:
		t = r.Task.String() + " still has locks held!"
	}
	switch {
	case r.Age == Age6:
		return "WARNING: " + t
	case r.Kind == RCU:
		return "[ INFO: " + t + ". ]"
	case r.Kind == UnlockImbalance || r.Kind == HeldFreed || r.Kind == HeldUserspace || r.Kind == HeldExit || r.Kind == Contention || r.Kind == NestLock:
		return "[ BUG: " + t + " ]"
	}
	return "[ INFO: " + t + " ]"
}

func (r *Report) titleLine() string {
	if r.Title != "" {
		return r.Title
	}
	return r.usualTitle()
}

// usualRulers are the lengths of the lines above and below the title, fixed by
// kind and age: see print_circular_bug_header and its likes.
func (r *Report) usualRulers() [2]int {
	n := map[Kind]int{
		Circular: 54, Recursive: 44, IRQOrder: 53, Inconsistent: 32, IRQInversion: 56, UnlockImbalance: 37, HeldFreed: 25,
		HeldExit: 36, HeldUserspace: 48, NestLock: 34, WaitContext: 29, Contention: 33, RCU: 29, ChainCollision: 28,
	}[r.Kind]
	if r.Age == Age6 {
		return [2]int{n, n}
	}
	old := map[Kind]int{
		Circular: 55, Recursive: 45, IRQOrder: 54, Inconsistent: 33, IRQInversion: 57, UnlockImbalance: 37, HeldFreed: 25,
		HeldExit: 37, HeldUserspace: 48, NestLock: 34, Contention: 33, RCU: 31,
	}[r.Kind]
	if r.Kind == Circular && r.Age == Age3 {
		return [2]int{54, 55} // the upper ruler lost a character in 2.6.30
	}
	return [2]int{old, old}
}

// Kernel writes r as the kernel of its age prints it, from the upper ruler to
// the end of the backtrace. The error is w's.
func (r *Report) Kernel(w io.Writer) error {
	var p printer
	p.report(r)
	_, err := w.Write(p.Bytes())
	return err
}

type printer struct {
	bytes.Buffer
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *printer) stack(indent int, fs []Frame) {
	pad := strings.Repeat(" ", indent)
	for _, f := range fs {
		p.line("%s%s", pad, f)
	}
}

func (p *printer) report(r *Report) {
	if !bannered(r.Kind) {
		p.unbannered(r)
		return
	}
	rulers := r.usualRulers()
	for i, n := range r.Rulers {
		if n > 0 {
			rulers[i] = n
		}
	}
	p.line("%s", strings.Repeat("=", rulers[0]))
	p.line("%s", r.titleLine())
	if r.Ident != "" {
		p.line("%s", r.Ident)
	}
	p.line("%s", strings.Repeat("-", rulers[1]))
	switch r.Kind {
	case Circular:
		p.circular(r)
	case Recursive:
		p.recursive(r)
	case IRQOrder:
		p.irqOrder(r)
	case IRQInversion:
		p.inversion(r)
	case Inconsistent:
		p.inconsistent(r)
	case UnlockImbalance, Contention:
		p.imbalance(r)
	case HeldFreed:
		if r.FreedFrom != "" {
			p.line("%s is freeing memory %s-%s, with a lock still held there!", r.Task, r.FreedFrom, r.FreedTo)
		}
		p.lock(r.Acquire)
		p.held(r.Held)
		p.backtrace(r.Backtrace)
	case HeldExit:
		if r.Title != "" && !strings.Contains(r.Title, "still has locks held") {
			p.line("%s is exiting with locks still held!", r.Task)
		}
		p.held(r.Held)
		p.backtrace(r.Backtrace)
	case HeldUserspace:
		if r.Task.Comm != "" {
			p.line("%s is leaving the kernel with locks still held!", r.Task)
		}
		p.held(r.Held)
	case NestLock:
		p.nest(r)
	case WaitContext:
		p.who(r, "is trying to lock:")
		p.lock(r.Acquire)
		p.line("other info that might help us debug this:")
		if r.Wait != "" {
			p.line("context-{%s}", r.Wait)
		}
		p.held(r.Held)
		if len(r.Backtrace) > 0 {
			p.line("stack backtrace:")
			p.lines(r.Backtrace)
		}
	case RCU:
		p.rcu(r)
	case ChainCollision:
		p.line("%s: Hash chain already cached but the contents don't match!", r.Task)
		p.lines(r.Notes)
		p.backtrace(r.Backtrace)
	}
}

func (p *printer) lines(ls []string) {
	for _, l := range ls {
		p.line("%s", l)
	}
}

// unbannered prints what has no rulers: a message and a dump.
func (p *printer) unbannered(r *Report) {
	notes := r.Notes
	if r.Kind == Assert && len(notes) > 0 && isAssertCaption(notes[0]) && !isAssertCaption(r.Title) {
		p.line("%s", notes[0]) // the reason came before the header
		notes = notes[1:]
	}
	p.line("%s", r.titleLine())
	p.lines(notes)
	if r.Held != nil {
		p.held(r.Held)
	}
	p.lines(r.Backtrace)
}

func (p *printer) who(r *Report, what string) {
	if r.Acquire == nil && r.Task.Comm == "" {
		return
	}
	ctx := ""
	if r.Context != "" {
		ctx = " [" + r.Context + "]"
	}
	p.line("%s%s %s", r.Task, ctx, what)
}

func (p *printer) lock(l *Lock) {
	if l == nil {
		return
	}
	for _, s := range l.places() {
		p.line("%s", s)
	}
}

func (p *printer) held(h *Held) {
	switch {
	case h == nil:
		return
	case h.Off:
		p.line("%s", heldOff)
		return
	case h.Count == 0 && len(h.Locks) == 0:
		p.line("no locks held by %s.", h.Task)
		return
	case h.Count > 1:
		p.line("%d locks held by %s:", h.Count, h.Task)
	default:
		p.line("%d lock held by %s:", h.Count, h.Task)
	}
	for i := range h.Locks {
		for _, s := range h.Locks[i].places() {
			p.line(" #%d: %s", i, s)
		}
	}
}

// info prints what circular, irq and inconsistent reports have between "other
// info" and the held locks.
func (p *printer) info(r *Report) {
	if len(r.Exists) > 0 {
		p.line("Chain exists of:")
		p.line("  %s", strings.Join(r.Exists, " --> "))
		p.line("")
	}
	s := r.Scenario
	if s == nil {
		return
	}
	p.line(" %s", s.Caption)
	p.line("")
	two := false
	for _, st := range s.Steps {
		two = two || st.CPU == 1
	}
	if two {
		p.line("       CPU0                    CPU1")
		p.line("       ----                    ----")
	} else {
		p.line("       CPU0")
		p.line("       ----")
	}
	for _, st := range s.Steps {
		indent := "  "
		if st.CPU == 1 {
			indent = strings.Repeat(" ", 31)
		} else if st.IRQ {
			indent = "    "
		}
		if st.Op == "<Interrupt>" {
			p.line("%s%s", indent, st.Op)
		} else {
			p.line("%s%s(%s);", indent, st.Op, st.Arg)
		}
	}
	p.line("")
	p.line(" *** DEADLOCK ***")
	p.line("")
	if r.NestingHint {
		p.line(" May be due to missing lock nesting notation")
		p.line("")
	}
}

func (p *printer) backtrace(ls []string) {
	if len(ls) == 0 {
		return
	}
	p.line("")
	p.line("stack backtrace:")
	p.lines(ls)
}

func (p *printer) circular(r *Report) {
	if r.Acquire != nil {
		p.who(r, "is trying to acquire lock:")
		p.lock(r.Acquire)
		p.line("")
	}
	if r.Holding != nil {
		if r.Crosslock {
			p.line("but now in release context of a crosslock acquired at the following:")
		} else {
			p.line("but task is already holding lock:")
		}
		p.lock(r.Holding)
		p.line("")
	}
	if len(r.Chain) > 0 {
		p.line("which lock already depends on the new lock.")
		p.line("")
		if r.Age != Age2 {
			p.line("")
		}
		p.line("the existing dependency chain (in reverse order) is:")
		for _, l := range r.Chain {
			p.line("")
			p.line("-> #%d%s:", l.Index, l.Lock.form())
			p.stack(7, l.Stack)
		}
		p.line("")
	}
	p.line("other info that might help us debug this:")
	p.line("")
	p.info(r)
	p.held(r.Held)
	p.backtrace(r.Backtrace)
}

func (p *printer) recursive(r *Report) {
	p.who(r, "is trying to acquire lock:")
	p.lock(r.Acquire)
	p.line("")
	p.line("but task is already holding lock:")
	p.lock(r.Holding)
	if r.CmpResult != "" {
		p.line("and the lock comparison function returns %s:", r.CmpResult)
	}
	p.line("")
	p.line("other info that might help us debug this:")
	p.info(r)
	if r.NestingHint && r.Scenario == nil {
		p.line(" May be due to missing lock nesting notation")
		p.line("")
	}
	p.held(r.Held)
	p.backtrace(r.Backtrace)
}

func (p *printer) irqOrder(r *Report) {
	p.who(r, "is trying to acquire:")
	p.lock(r.Acquire)
	p.line("")
	p.line("and this task is already holding:")
	p.lock(r.Holding)
	if len(r.NewDependency) == 2 {
		p.line("which would create a new lock dependency:")
		p.line("%s ->%s", r.NewDependency[0].form(), r.NewDependency[1].form())
	}
	if t := r.Safe; t != nil {
		p.line("")
		p.line("but this new dependency connects a %s-irq-safe lock:", r.State)
		p.turned(t, r.State, "safe")
	}
	if t := r.Unsafe; t != nil {
		p.line("")
		p.line("to a %s-irq-unsafe lock:", r.State)
		p.turned(t, r.State, "unsafe")
	}
	p.line("")
	p.line("other info that might help us debug this:")
	p.line("")
	p.info(r)
	p.held(r.Held)
	p.deps(r)
	p.backtrace(r.Backtrace)
}

// turned prints where a lock became irq-safe or irq-unsafe.
func (p *printer) turned(t *Turned, state, what string) {
	p.line("%s", t.Lock.form())
	if len(t.Stack) == 0 && !t.Dots {
		return
	}
	if what == "safe" {
		p.line("")
	}
	if what == "unsafe" {
		p.line("")
	}
	p.line("... which became %s-irq-%s at:", state, what)
	if t.Dots && t.DotsLine {
		p.line("...")
	}
	for i, f := range t.Stack {
		dots := ""
		if i == 0 && t.Dots && !t.DotsLine {
			dots = "..."
		}
		p.line("%s  %s", dots, f)
	}
}

func (p *printer) deps(r *Report) {
	for _, d := range r.Deps {
		p.line("")
		p.line("%s:", d.Caption)
		for i := range d.Deps {
			p.dep(&d.Deps[i])
		}
	}
}

// dep prints a class of a dump, as print_lock_class_header does.
func (p *printer) dep(e *Dep) {
	pad := strings.Repeat(" ", max(e.Depth, 0))
	ops := ""
	if e.Ops != "" {
		ops = " ops: " + e.Ops
	}
	p.line("%s->%s%s {", pad, e.Lock.form(), ops)
	for _, u := range e.Usages {
		p.line("%s   %s at:", pad, u.State)
		// print_lock_class_header counts the depth and the newline in.
		p.stack(2*len(pad)+3+len(u.State)+5, u.Stack)
	}
	p.line("%s }", pad)
	if e.Key != nil {
		p.line("%s ... key      at: %s", pad, e.Key)
	}
	if len(e.Acquired) > 0 {
		p.line("%s ... acquired at:", pad)
		p.stack(3, e.Acquired)
		p.line("")
	}
}

func (p *printer) inversion(r *Report) {
	p.who(r, "just changed the state of lock:")
	p.lock(r.Acquire)
	how := "took another, %s-unsafe"
	if r.Backward {
		how = "was taken by another, %s-safe"
	}
	if r.Age == Age2 {
		how = strings.Replace(how, "%s-", "%s-irq-", 1)
	}
	if r.Other != nil {
		p.line("but this lock "+how+" lock in the past:", r.State)
		p.line("%s", r.Other.form())
	}
	if r.Age != Age2 {
		p.line("")
	}
	p.line("")
	p.line("and interrupts could create inverse lock ordering between them.")
	p.line("")
	p.line("")
	p.line("other info that might help us debug this:")
	p.info(r)
	p.held(r.Held)
	p.deps(r)
	p.backtrace(r.Backtrace)
}

func (p *printer) inconsistent(r *Report) {
	if r.From != "" {
		p.line("inconsistent {%s} -> {%s} usage.", r.From, r.To)
	}
	p.who(r, "takes:")
	p.lock(r.Acquire)
	if r.From != "" {
		p.line("{%s} state was registered at:", r.From)
		p.stack(2, r.Registered)
	}
	p.lines(r.IRQEvents)
	p.line("")
	p.line("other info that might help us debug this:")
	p.info(r)
	p.held(r.Held)
	p.backtrace(r.Backtrace)
}

func (p *printer) imbalance(r *Report) {
	what, but := "release", "but there are no more locks to release!"
	if r.Kind == Contention {
		what, but = "contend", "but there are no locks held!"
	}
	if r.Acquire != nil {
		p.line("%s is trying to %s lock (%s) at:", r.Task, what, r.Acquire.Class)
		p.stack(0, r.ReleaseInline)
		if r.ReleaseAt != nil {
			p.line("%s", r.ReleaseAt)
		}
		p.line("%s", but)
	}
	p.line("")
	p.line("other info that might help us debug this:")
	p.held(r.Held)
	p.backtrace(r.Backtrace)
}

func (p *printer) nest(r *Report) {
	p.who(r, "is trying to lock:")
	p.lock(r.Acquire)
	p.line("")
	p.line("but this task is not holding:")
	if r.Nest != "" {
		p.line("%s", r.Nest)
	}
	p.backtrace(r.FirstBacktrace)
	p.line("")
	p.line("other info that might help us debug this:")
	p.held(r.Held)
	p.backtrace(r.Backtrace)
}

func (p *printer) rcu(r *Report) {
	if r.Message != "" {
		p.line("%s %s", r.Source, r.Message)
	}
	p.line("")
	p.line("other info that might help us debug this:")
	p.line("")
	p.line("")
	p.lines(r.Notes)
	p.held(r.Held)
	p.backtrace(r.Backtrace)
}

// form is the class as the kernel prints it, with its leading blank.
func (l *Lock) form() string {
	if l.Usage == "" {
		return " " + l.Class
	}
	s := " (" + l.Class + "){" + l.Usage + "}"
	if l.Wait != "" {
		s += "-{" + l.Wait + "}"
	}
	return s
}

// places are the lines of a held lock: one, and one more for each function
// that was inlined at its place.
func (l *Lock) places() []string {
	form := l.Inst + l.form()
	if l.Usage == "" {
		form = l.Class // <RELEASED>
	}
	if l.At == nil {
		return []string{form}
	}
	var out []string
	for _, f := range l.Inline {
		out = append(out, form+", at: "+f.String())
	}
	return append(out, form+", at: "+l.At.String())
}
