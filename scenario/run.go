package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/report/splat"
)

// maxSteps bounds what a scenario may do, functions that call functions included.
const maxSteps = 20000

// object is something declared: a lock, a work item, a queue, a timer, a completion, a function or a task.
type object struct {
	kind string // lock, work, workqueue, timer, completion, func, task
	lock *kernel.Map
	of   string // kind of a lock

	seq     *kernel.Map // of a seqlock: its sequence count
	fn      *stmt       // of a func
	runs    string      // of a work or timer: the function
	queue   *object     // of a work
	single  bool        // of a workqueue: max_active is 1, or it has a rescuer
	running int         // of a work: workers that run it
	pending int         // of a work: queued; of a workqueue: its queued works
	used    bool        // of a workqueue: something was queued once
	at      kernel.Site // of a completion: the first wait
	waits   int         // of a completion: generation of the first wait, 0 if none
	task    *task
}

// task is a task of the scenario.
type task struct {
	*kernel.Task
	flags   []bool // irqs were on: the stack of irqsave
	frames  []frame
	stamp   int
	events  [4]event // hardirqs on, off, softirqs on, off
	readers int      // nesting of rcu_read_lock
	special bool     // an expedited grace period waits for the reader
	ipis    []*stmt  // that wait for irqs to go on
	history []taken  // of locks, for cross-release
	marks   []int    // lengths of history where interrupts began
	preempt int      // depth of preempt off
	cpu     int
}

type event struct {
	stamp int
	frame splat.Frame
	addr  uint64
}

// run is a scenario being run.
type run struct {
	*world
	file     string
	first    int // line
	opts     Options
	commits  bool   // what is judged is a dependency of a completion
	policy   string // of flushes of a queue: always, used or empty
	declared string // the policy, if the scenario has it
	objects  map[string]*object
	stacks   []stack // by site; the first is none
	t        *task
	now      *stmt
	steps    int
	gen      int
	name     string
	reports  []*splat.Report
	goes     []*engine.Finding // as long as reports; nil: Go has no such finding
	sched    *sched            // of an exploration
	failed   error             // in an exploration
	other    *task             // who runs what is done during a copy
	rcu      bool              // a suspicious usage was reported, which comes once
}

// Options of a run.
type Options struct {
	// Mode is the kernel whose annotations and words are used: "2.6", "4.14" (with cross-release) or "6.12", the default.
	Mode string
	// Schedules bounds an exploration: so many are run at most. 0 is 100,000.
	Schedules int

	judge func(kernel.Settings) judge // for tests; nil: a *kernel.Validator
}

// Modes are the values of Options.Mode.
var Modes = []string{"2.6", "4.14", "6.12"}

func (r *run) fail(at pos, format string, args ...any) error {
	return &Error{r.file, at.line, at.col, fmt.Sprintf(format, args...)}
}

func newRun(file string, first int, opts Options) *run {
	r := &run{file: file, first: first, opts: opts, policy: "always", objects: map[string]*object{}, stacks: make([]stack, 1)}
	set := kernel.Settings{
		Found: func(f *kernel.Finding) {
			r.reports = append(r.reports, r.report(f))
			r.goes = append(r.goes, r.goFinding(f))
		},
		OldReaders: opts.Mode != "6.12", NoValidate: noValidate,
	}
	if opts.judge != nil {
		r.world = newWorld(opts.judge(set))
	} else {
		r.world = newWorld(kernel.New(set))
	}
	r.old = opts.Mode != "6.12"
	// In this order, which the addresses depend on.
	for _, b := range [...][2]string{
		{"pi_lock", "&p->pi_lock"},
		{"rq_lock", "&rq->__lock"},
		{"rnp_lock", "rcu_node_0"},
		{"mmap_lock", "&mm->mmap_lock"},
		{"fs_reclaim", "fs_reclaim"},
		{"cpu_hotplug_lock", "cpu_hotplug_lock"},
		{"console_lock", "console_lock"},
	} {
		r.objects[b[0]] = &object{kind: "lock", of: builtins[b[1]], lock: r.builtin(b[1])}
	}
	return r
}

// all runs a scenario: what is declared, then the rest in order. The tasks of an explore statement are handed to s, or
// left out if it is nil.
func (r *run) all(list []*stmt, s *sched) error {
	for _, s := range list {
		if d, ok := declarations[s.word]; ok {
			if err := r.match(s, d.args, d.body); err != nil {
				return err
			}
			if err := d.do(r, s); err != nil {
				return err
			}
		}
	}
	if err := r.check(list, true); err != nil {
		return err
	}
	for _, st := range list {
		switch {
		case st.word == "task":
			r.enter(st)
			if err := r.block(st.body); err != nil {
				return err
			}
		case st.word == "explore" && s != nil:
			r.sched = s
			for _, p := range st.body {
				r.explored(p)
			}
			for i := range s.procs {
				if p := s.procs[i]; p.started && p.irq == "" {
					s.begin(p)
				}
			}
		}
	}
	return nil
}

// enter makes the task of the statement the running one.
func (r *run) enter(s *stmt) {
	r.t = r.objects[s.args[0].text].task
	r.t.frames = nil
	if s.option("frame") != "no" {
		r.t.frames = []frame{{name: s.args[0].text, first: s.line, last: s.end, line: s.line}}
	}
}

// check sees that every statement is one, before any is run.
func (r *run) check(list []*stmt, top bool) error {
	for _, s := range list {
		d, isDecl := declarations[s.word]
		switch w, ok := words[s.word]; {
		case s.word == "explore" && top:
			if err := r.checkExplored(s); err != nil {
				return err
			}
		case isDecl && !top:
			return r.fail(s.pos, "%s is declared here, but declarations stand outside of all braces", s.word)
		case isDecl:
			if d.body {
				if err := r.check(s.body, false); err != nil {
					return err
				}
			}
		case top:
			if ok {
				return r.fail(s.pos, "%s has to stand in a task or a func", s.word)
			}
			return r.fail(s.pos, "unknown word %q, want a declaration: %s", s.word, strings.Join(names(declarations), ", "))
		case strings.HasSuffix(s.word, "()"):
			if o := r.objects[strings.TrimSuffix(s.word, "()")]; o == nil || o.kind != "func" {
				return r.fail(s.pos, "function %s is not declared", s.word)
			}
			if err := r.match(s, "", false); err != nil {
				return err
			}
		case !ok:
			return r.fail(s.pos, "unknown word %q, want one of: %s", s.word, strings.Join(names(words), ", "))
		default:
			if err := r.match(s, w.args, w.body); err != nil {
				return err
			}
			if err := r.check(s.body, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// match compares the arguments with a pattern of kinds: new (a name to be declared), an object's kind, text, number, or
// words between bars. A question mark makes one optional, a star allows any number; key=kind is an option, which may
// stand anywhere.
func (r *run) match(s *stmt, pattern string, body bool) error {
	if s.braced != body {
		if body {
			return r.fail(s.pos, "%s needs a body, want { ... }", s.word)
		}
		return r.fail(s.pos, "%s has no body, want no {", s.word)
	}
	var want []string
	options := map[string]string{}
	for w := range strings.FieldsSeq(pattern) {
		if key, kind, ok := strings.Cut(w, "="); ok {
			options[key] = strings.TrimSuffix(kind, "?")
		} else {
			want = append(want, w)
		}
	}
	var args, rest []token
	for _, a := range s.args {
		key, v, _ := strings.Cut(a.text, "=")
		kind, ok := options[key]
		if !ok || key == a.text {
			args = append(args, a)
		} else if msg := r.is(v, kind); msg != "" {
			return r.fail(a.pos, "%s: %s", s.word, msg)
		} else {
			rest = append(rest, a)
		}
	}
	s.args = append(args, rest...) // words ask for what is no option by place
	for _, w := range want {
		kind := strings.TrimRight(w, "?*")
		n := 0
		for len(args) > 0 && (n == 0 || strings.HasSuffix(w, "*")) {
			a := args[0]
			if msg := r.is(a.text, kind); msg != "" {
				if strings.Contains(kind, "|") && strings.HasSuffix(w, "?") {
					break
				}
				return r.fail(a.pos, "%s: %s", s.word, msg)
			}
			args = args[1:]
			n++
		}
		if n == 0 && !strings.HasSuffix(w, "?") {
			return r.fail(s.pos, "%s needs %s", s.word, strings.Replace(kind, "new", "a name", 1))
		}
	}
	if len(args) > 0 {
		if pattern == "" {
			return r.fail(args[0].pos, "%q is too much, %s takes nothing", args[0].text, s.word)
		}
		return r.fail(args[0].pos, "%q is not expected, %s takes %s", args[0].text, s.word, pattern)
	}
	return nil
}

// is says what is wrong with text as a kind of argument, or "".
func (r *run) is(text, kind string) string {
	switch {
	case kind == "text":
		return ""
	case kind == "number":
		if n, err := strconv.Atoi(text); err != nil || n < 0 || n > 1<<22 {
			return fmt.Sprintf("number %q, want one from 0 to %d", text, 1<<22)
		}
		return ""
	case kind == "sub":
		if n, err := strconv.Atoi(text); err != nil || n < 0 || n > 7 {
			return fmt.Sprintf("subclass %q, want a number from 0 to 7", text)
		}
		return ""
	case kind == "no":
		if text != "no" {
			return fmt.Sprintf("%q, want no", text)
		}
		return ""
	case strings.Contains(kind, "|"):
		for w := range strings.SplitSeq(kind, "|") {
			if w == text {
				return ""
			}
		}
		return fmt.Sprintf("%q, want %s", text, strings.ReplaceAll(kind, "|", " or "))
	case kind == "new":
		if o := r.objects[text]; o != nil {
			return fmt.Sprintf("%s is a %s already, want another name", text, o.kind)
		}
		if text == "" || strings.Contains(text, "=") {
			return fmt.Sprintf("%q is no name", text)
		}
		return ""
	}
	switch o := r.objects[text]; {
	case o == nil:
		return fmt.Sprintf("%s %s is not declared", kind, text)
	case o.kind != kind:
		return fmt.Sprintf("%s is a %s, want a %s", text, o.kind, kind)
	}
	return ""
}

// option returns the value of an argument key=value, or "".
func (s *stmt) option(key string) string {
	for _, a := range s.args {
		if v, ok := strings.CutPrefix(a.text, key+"="); ok {
			return v
		}
	}
	return ""
}

func (r *run) block(list []*stmt) error {
	for _, s := range list {
		if r.steps++; r.steps > maxSteps {
			return r.fail(s.pos, "more than %d statements were run: a function calls itself, or too much is called", maxSteps)
		}
		r.now = s
		if n := len(r.t.frames); n > 0 {
			r.t.frames[n-1].line = s.line
		}
		var err error
		if fn, ok := strings.CutSuffix(s.word, "()"); ok {
			err = r.call(fn)
		} else {
			err = words[s.word].do(r, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// call runs a function in a frame of its own.
func (r *run) call(name string) error {
	s := r.objects[name].fn
	f := frame{name: name, module: s.option("module"), first: s.line, last: s.end, line: s.line}
	if as := s.option("as"); as != "" {
		f.name = as
	}
	return r.run(f, s.body)
}

func (r *run) inFrame(name string, s *stmt, body []*stmt) error {
	return r.run(frame{name: name, first: s.line, last: s.end, line: s.line}, body)
}

func (r *run) run(f frame, body []*stmt) error {
	t, now := r.t, r.now
	if len(t.frames) > maxNesting {
		return r.fail(r.now.pos, "calls are nested deeper than %d", maxNesting)
	}
	t.frames = append(t.frames, f)
	err := r.block(body)
	t.frames = t.frames[:len(t.frames)-1]
	r.now = now
	return err
}

func (r *run) take(l *kernel.Map, mode kernel.Mode, nest *kernel.Map) {
	r.really(request{op: opTake, lock: l, mode: mode})
	r.acquire(r.t.Task, l, mode, nest, r.acquireSite())
	r.remember(l, mode)
}

func (r *run) drop(l *kernel.Map) {
	r.really(request{op: opDrop, lock: l})
	r.v.Release(r.t.Task, l, r.site())
}

// annotate runs f for its annotations alone: in an exploration nobody waits.
func (r *run) annotate(f func()) {
	if r.sched == nil {
		f()
		return
	}
	r.sched.unreal++
	f()
	r.sched.unreal--
}

// maybe runs f, which may happen or not. The annotations are made in any case.
func (r *run) maybe(f func()) {
	if r.sched != nil && r.sched.unreal == 0 && r.sched.ask(request{op: opChoice}) == 0 {
		r.annotate(f)
		return
	}
	f()
}

// really asks the schedule of an exploration to grant a request.
func (r *run) really(q request) {
	if r.sched != nil && r.sched.unreal == 0 && r.sched.now != nil {
		if q.lock != nil {
			q.lock = r.sched.real(q.lock)
		}
		r.sched.ask(q)
	}
}

// touch says that the task may wait here for whoever holds the map.
func (r *run) touch(l *kernel.Map, mode kernel.Mode) {
	r.really(request{op: opTouch, lock: l, mode: mode})
	r.annotate(func() {
		r.take(l, kernel.Check|mode, nil)
		r.drop(l)
	})
}

// irqs turns hardirqs on or off. What waited for them comes when they go on.
func (r *run) irqs(on bool) error {
	t := r.t
	if was := t.Context&kernel.HardirqsOn != 0; was == on {
		return nil
	}
	if r.sched != nil && r.sched.hasIRQs {
		r.really(request{op: opIRQ})
	}
	r.note(0, on)
	if !on {
		r.v.HardirqsOffAt(t.Task)
		return nil
	}
	r.v.HardirqsOnAt(t.Task, r.site())
	for len(t.ipis) > 0 {
		s := t.ipis[0]
		t.ipis = t.ipis[1:]
		if err := r.interrupt("sysvec_call_function_single", s, false); err != nil {
			return err
		}
	}
	r.deferredQuiescent()
	return nil
}

func (r *run) bh(on bool) {
	if !on {
		r.v.DisableBH(r.t.Task)
	} else {
		r.v.EnableBH(r.t.Task, r.site())
	}
	r.note(2, on)
}

// note keeps the last irq events for the reports; i is 0 for hardirqs and 2 for softirqs.
func (r *run) note(i int, on bool) {
	t := r.t
	t.stamp++
	if !on {
		i++
	}
	at := splat.Frame{Text: "0x0"}
	if n := len(t.frames); n > 0 {
		at = r.printed(t.frames[n-1])
	}
	addr, _, _ := address(at.Func, at.Module)
	t.events[i] = event{t.stamp, at, addr}
}

// interrupt runs the body of s as a hardirq; threaded is whether it would be a thread on PREEMPT_RT.
func (r *run) interrupt(name string, s *stmt, threaded bool) error {
	t := r.t
	was := t.Context
	if was&kernel.HardirqsOn != 0 {
		r.note(0, false)
	}
	r.v.HardirqsOffAt(t.Task)
	r.v.EnterHardirq(t.Task)
	if threaded {
		r.v.SetThreaded(t.Task)
	}
	err := r.boundary(func() error { return r.inFrame(name, s, s.body) })
	r.v.ExitHardirq(t.Task)
	t.Context = was
	return err
}
