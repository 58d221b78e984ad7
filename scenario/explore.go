package scenario

import (
	"cmp"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/report/splat"
)

// Exploration runs every interleaving of the tasks of an explore statement. Locks block here: each step of a task is
// one that the others could notice (a lock taken or dropped, a wait, an interrupt), and a schedule chooses who makes
// the next. It is stateless, as in VeriSoft (Godefroid 1997): each schedule runs the scenario anew from its start, and
// sleep sets leave out those that differ from another only in the order of steps that do not concern each other. They
// keep every deadlock.

// Bounds of an exploration. What is beyond is said, never guessed.
const (
	maxSchedules = 100000
	maxSchedule  = 500 // steps
)

// Explored is what the interleavings of a scenario came to.
type Explored struct {
	States    int             // that can be reached
	Deadlocks []*Deadlock     // by their shortest schedule
	Reports   []*splat.Report // that the validator makes, each cycle once
	Refuted   []*splat.Report // of Reports: those that are no deadlock in any schedule
	GaveUp    int             // schedules that end with a trylock that failed, which is not what the scenario says
	Partial   bool            // a bound was reached: there are more states
}

// Deadlock is a state in which nobody can go on, by its shortest schedule.
type Deadlock struct {
	Schedule  []string // steps: who does what
	Waits     []string // who waits for what, held by whom
	Predicted bool     // a report of the validator tells of it
	classes   []string // waited for
}

// process is something that runs: a task, a worker with a work, or an interrupt.
type process struct {
	name    string
	t       *task
	body    func(r *run) error
	irq     string // hardirq or softirq: it comes where those are on; "" for what runs by itself
	started bool
	begun   bool // its first step is made
	done    bool

	on, by *process // the task that an interrupt came to, or nil if to an idle CPU; the interrupt that runs on a task
	next   func() (request, bool)
	stop   func()
	yield  func(request) bool
	req    request
	answer int
	queued int    // when it began to wait; 0 if it does not
	made   int    // steps
	said   []byte // answers to its choices
	now    *stmt
	serves *object // the work or timer whose function it runs
}

// request is what a process wants to do next.
type request struct {
	op   op
	lock *kernel.Map // of take, drop, touch
	mode kernel.Mode
	obj  *object // of wait, complete, start
}

type op uint8

const (
	opTake op = iota
	opDrop
	opTouch    // wait until nobody holds it
	opWait     // for a completion
	opComplete // one waiter, or with a mode all
	opStart    // a work or timer
	opCancel
	opLook   // at what a work or queue is about, before doing what depends on it
	opIRQ    // interrupts or bottom halves went on or off
	opChoice // to do what may happen, or not
)

// transition is a step that can be made: by a process, or an interrupt that comes to it (on: -1 for an idle CPU).
type transition struct {
	by, on  int
	variant int // of a choice; or queue
	fire    bool
	uses    []string // what other steps may notice
}

// queue is the variant of a step that begins to wait.
const queue = -1

func (t transition) same(u transition) bool {
	return t.by == u.by && t.on == u.on && t.variant == u.variant && t.fire == u.fire
}

func (t transition) independent(u transition) bool {
	return !slices.ContainsFunc(t.uses, func(x string) bool { return slices.Contains(u.uses, x) })
}

// owners is how a lock is held in reality.
type owners struct {
	writer  *process
	readers []*process
	maps    []*process // of a map, which any number hold
}

// sched is one schedule being run.
type sched struct {
	procs   []*process
	now     *process
	held    map[*kernel.Map]*owners
	origin  map[*kernel.Map]*kernel.Map // of copies
	done    map[*object]int             // of completions
	stamp   int
	unreal  int  // what is annotated happens, but in the annotations alone
	hasIRQs bool // an interrupt can come
	r       *run
	steps   []string
}

type stopped struct{}

// ask waits for the schedule to grant a request.
func (s *sched) ask(q request) int {
	p := s.now
	if !p.yield(q) {
		panic(stopped{}) // unwinds the process: its schedule is over
	}
	return p.answer
}

func (s *sched) real(l *kernel.Map) *kernel.Map {
	if o := s.origin[l]; o != nil {
		return o
	}
	return l
}

func (s *sched) owners(l *kernel.Map) *owners {
	o := s.held[l]
	if o == nil {
		o = &owners{}
		s.held[l] = o
	}
	return o
}

// grantable says whether a lock can be taken now by p. Maps are held by any number; whoever touches one waits for all.
func (s *sched) grantable(p *process) bool {
	q := p.req
	if q.op == opWait {
		return s.done[q.obj] > 0
	}
	if q.op != opTake && q.op != opTouch {
		return true
	}
	o := s.owners(q.lock)
	if q.op == opTake && s.r.isMap(q.lock) {
		return true
	}
	switch {
	case q.mode&kernel.Recursive != 0:
		return o.writer == nil
	case q.mode&kernel.Shared != 0:
		return o.writer == nil && !s.writerBefore(q.lock, p)
	}
	return o.writer == nil && len(o.readers) == 0 && len(o.maps) == 0
}

// writerBefore says whether a writer waits for the lock since before p does.
func (s *sched) writerBefore(l *kernel.Map, p *process) bool {
	for _, w := range s.procs {
		if w != p && w.queued > 0 && w.req.lock == l && w.req.mode&(kernel.Shared|kernel.Recursive) == 0 && (p.queued == 0 || w.queued < p.queued) {
			return true
		}
	}
	return false
}

// apply makes what a granted request does to the others.
func (s *sched) apply(p *process) {
	q := p.req
	switch q.op {
	case opTake:
		o := s.owners(q.lock)
		switch {
		case s.r.isMap(q.lock):
			o.maps = append(o.maps, p)
		case q.mode&(kernel.Shared|kernel.Recursive) != 0:
			o.readers = append(o.readers, p)
		default:
			o.writer = p
		}
	case opDrop:
		o := s.owners(q.lock)
		if o.writer == p {
			o.writer = nil
		} else if i := slices.Index(o.readers, p); i >= 0 {
			o.readers = slices.Delete(o.readers, i, i+1)
		} else if i := slices.Index(o.maps, p); i >= 0 {
			o.maps = slices.Delete(o.maps, i, i+1)
		}
	case opWait:
		s.done[q.obj]--
	case opComplete:
		s.done[q.obj]++
		if q.mode != 0 {
			s.done[q.obj] = 1 << 30
		}
	case opStart:
		for _, w := range s.procs {
			if w.serves == q.obj && !w.started {
				w.started = true
				if w.irq == "" {
					s.begin(w)
				}
				s.hold(w, true)
				break
			}
		}
	case opCancel:
		for _, w := range s.procs {
			if w.serves == q.obj && w.started && !w.begun && !w.done {
				w.done = true
				s.hold(w, false)
				if q.obj.pending = 0; q.obj.queue != nil {
					q.obj.queue.pending--
				}
			}
		}
	}
}

// hold makes a work hold what its flush waits for, from the moment it is queued.
func (s *sched) hold(w *process, on bool) {
	locks := []*kernel.Map{w.serves.lock}
	if w.serves.queue != nil {
		locks = append(locks, w.serves.queue.lock)
	}
	for _, l := range locks {
		o := s.owners(l)
		if on {
			o.maps = append(o.maps, w)
		} else if i := slices.Index(o.maps, w); i >= 0 {
			o.maps = slices.Delete(o.maps, i, i+1)
		}
	}
}

// begin runs a process up to its first request.
func (s *sched) begin(p *process) {
	r := s.r
	p.next, p.stop = iter.Pull(func(yield func(request) bool) {
		defer func() {
			if e := recover(); e != nil {
				if _, ok := e.(stopped); !ok {
					panic(e)
				}
			}
		}()
		p.yield = yield
		if err := p.body(r); err != nil && r.failed == nil {
			r.failed = err
		}
	})
	s.resume(p)
}

// resume runs a process up to its next request, or its end.
func (s *sched) resume(p *process) {
	was, task, now := s.now, s.r.t, s.r.now
	s.now, s.r.t, s.r.now = p, p.t, p.now
	q, ok := p.next()
	p.now = s.r.now
	s.now, s.r.t, s.r.now = was, task, now
	if ok {
		p.req = q
		return
	}
	p.done = true
	if p.serves != nil {
		s.hold(p, false)
	}
	if p.on != nil {
		p.on.by = nil
	}
}

// enabled returns the steps that can be made.
func (s *sched) enabled() []transition {
	var out []transition
	for i, p := range s.procs {
		me := fmt.Sprintf("task %d", i)
		switch {
		case p.done || !p.started:
		case p.irq != "" && !p.begun:
			for j, on := range s.procs {
				if j != i && on.irq == "" && on.started && !on.done && on.by == nil && s.interruptible(on, p.irq) {
					out = append(out, transition{by: i, on: j, fire: true, uses: []string{me, fmt.Sprintf("task %d", j)}})
				}
			}
			out = append(out, transition{by: i, on: -1, fire: true, uses: []string{me}})
		case p.by != nil:
		case p.req.op == opChoice:
			for v := range 2 {
				out = append(out, transition{by: i, variant: v, uses: s.uses(p, me)})
			}
		case s.grantable(p):
			out = append(out, transition{by: i, uses: s.uses(p, me)})
		case p.req.op == opTake && p.queued == 0 && p.req.mode&kernel.Try == 0:
			out = append(out, transition{by: i, variant: queue, uses: s.uses(p, me)})
		}
	}
	return out
}

func (s *sched) interruptible(p *process, irq string) bool {
	c := p.t.Context
	if c&kernel.HardirqsOn == 0 || c&kernel.InHardirq != 0 {
		return false
	}
	return irq == "hardirq" || c&kernel.SoftirqsOn != 0 && c&kernel.InSoftirq == 0
}

// uses says what a step of p reads or writes. Interrupts come to tasks, so a task's steps concern them.
func (s *sched) uses(p *process, me string) []string {
	u := []string{me}
	if p.on != nil {
		u = append(u, fmt.Sprintf("task %d", slices.Index(s.procs, p.on)))
	}
	if p.req.lock != nil {
		u = append(u, fmt.Sprintf("lock %x", p.req.lock.Addr))
	}
	if p.req.obj != nil {
		u = append(u, ofObject(p.req.obj)...)
		for i, w := range s.procs {
			if w.serves == p.req.obj {
				u = append(u, fmt.Sprintf("task %d", i))
			}
		}
	}
	// The end of a work lets go of what its flush waits for, and comes with its last step.
	return append(u, ofObject(p.serves)...)
}

// ofObject is what a work, its queue or a timer consist of.
func ofObject(o *object) (u []string) {
	for ; o != nil; o = o.queue {
		u = append(u, fmt.Sprintf("object %p", o), fmt.Sprintf("lock %x", o.lock.Addr))
	}
	return u
}

// step makes a transition.
func (s *sched) step(t transition) {
	p := s.procs[t.by]
	switch {
	case t.fire:
		p.begun = true
		where := "an idle CPU"
		if t.on >= 0 {
			p.on = s.procs[t.on]
			p.on.by = p
			p.t = p.on.t
			where = p.on.name
		}
		s.steps = append(s.steps, fmt.Sprintf("%s comes to %s", p.name, where))
		s.begin(p)
		return
	case t.variant == queue:
		s.stamp++
		p.queued = s.stamp
		s.steps = append(s.steps, p.name+": "+s.describe(p)+" (waits)")
		return
	}
	p.begun = true
	p.queued = 0
	p.made++
	p.answer = t.variant
	if p.req.op == opChoice {
		p.said = append(p.said, byte('0'+t.variant))
	}
	if d := s.describe(p); d != "" {
		s.steps = append(s.steps, p.name+": "+d)
	}
	s.apply(p)
	s.resume(p)
}

// describe is what a process asks for, in the words of the scenario, or "" for what nobody wants to read.
func (s *sched) describe(p *process) string {
	q := p.req
	switch q.op {
	case opTake:
		word := "lock "
		switch {
		case q.mode&kernel.Try != 0:
			word = "trylock "
		case q.mode&(kernel.Shared|kernel.Recursive) != 0:
			word = "read "
		case s.r.isMap(q.lock):
			word = "begin "
		}
		return word + q.lock.Name
	case opDrop:
		if s.r.isMap(q.lock) {
			return "end " + q.lock.Name
		}
		return "unlock " + q.lock.Name
	case opTouch:
		return "wait for " + q.lock.Name
	case opWait:
		return "wait for " + q.obj.lock.Name
	case opComplete:
		return "complete " + q.obj.lock.Name
	case opStart:
		return "start " + q.obj.lock.Name
	case opCancel:
		return "cancel " + q.obj.lock.Name
	}
	return ""
}

// blocked returns the processes that wait, once nothing can go on, but for those whose trylock failed.
func (s *sched) blocked() (waits []*process, gaveUp bool) {
	for _, p := range s.procs {
		switch {
		case !p.started || p.done || p.irq != "" && !p.begun || p.by != nil:
		case p.req.op == opTake && p.req.mode&kernel.Try != 0:
			gaveUp = true
		default:
			waits = append(waits, p)
		}
	}
	return waits, gaveUp
}

// waitsFor says what p waits for and who holds it.
func (s *sched) waitsFor(p *process) string {
	if p.req.op == opWait {
		return fmt.Sprintf("%s waits for %s, which nobody completes", p.name, p.req.obj.lock.Name)
	}
	o := s.owners(p.req.lock)
	var by []string
	if o.writer != nil {
		by = append(by, o.writer.name)
	}
	for _, h := range slices.Concat(o.readers, o.maps) {
		if !slices.Contains(by, h.name) {
			by = append(by, h.name)
		}
	}
	what := "held by " + strings.Join(by, " and ")
	if len(by) == 0 || p.req.mode&kernel.Shared != 0 && o.writer == nil {
		what = "which a writer waits for"
	}
	return fmt.Sprintf("%s waits for %s, %s", p.name, p.req.lock.Name, what)
}

// class is the class of what a process waits for.
func (s *sched) class(p *process) string {
	if p.req.op == opWait {
		return p.req.obj.lock.Name
	}
	return p.req.lock.Name
}

// explored makes a process of a statement in explore.
func (r *run) explored(st *stmt) {
	s := r.sched
	p := &process{name: st.word, started: true, irq: st.word}
	if st.word == "task" {
		r.enter(st)
		p.name, p.irq, p.t = st.args[0].text, "", r.t
		p.body = func(r *run) error { return r.block(st.body) }
		s.procs = append(s.procs, p)
		return
	}
	s.hasIRQs = true
	p.t = r.idle(st.word)
	p.body = func(r *run) error {
		if st.word == "hardirq" {
			return r.interrupt("asm_common_interrupt", st, true)
		}
		return r.inSoftirq(st, func() error { return r.inFrame("handle_softirqs", st, st.body) })
	}
	s.procs = append(s.procs, p)
}

// idle is a CPU with nothing to do.
func (r *run) idle(name string) *task {
	n := 1000 + len(r.sched.procs)
	t := &task{Task: r.v.NewTask(uint64(n), name), cpu: 1 + len(r.sched.procs)}
	t.frames = []frame{{name: "do_idle"}}
	return t
}

// launch queues a work or starts a timer in an exploration: a process runs it.
func (r *run) launch(o *object, irq, name string, body func() error) {
	s := r.sched
	s.hasIRQs = s.hasIRQs || irq != ""
	s.procs = append(s.procs, &process{name: name, irq: irq, t: r.idle(name), serves: o, body: func(*run) error {
		if irq == "" {
			r.look(o)
		}
		return body()
	}})
	s.ask(request{op: opStart, obj: o})
}

// look makes what follows depend on a work or queue.
func (r *run) look(o *object) {
	if r.sched != nil {
		r.sched.ask(request{op: opLook, obj: o})
	}
}

func (r *run) isMap(l *kernel.Map) bool { return r.kinds[l] == "map" }

// checkExplored sees that explore has what it can run.
func (r *run) checkExplored(s *stmt) error {
	for _, p := range s.body {
		switch p.word {
		case "task":
			if err := r.match(p, declarations["task"].args, true); err != nil {
				return err
			}
			if err := declarations["task"].do(r, p); err != nil {
				return err
			}
		case "hardirq", "softirq":
			if err := r.match(p, "", true); err != nil {
				return err
			}
		default:
			return r.fail(p.pos, "%s in explore, want task NAME { }, hardirq { } or softirq { }", p.word)
		}
		if err := r.check(p.body, false); err != nil {
			return err
		}
	}
	return nil
}

// key names the state: two schedules that come to the same go on alike. What a process does next follows from its own
// steps and choices, and from what it sees of works; who holds what follows from all steps.
func (s *sched) key() string {
	var b strings.Builder
	order := make([]*process, 0, len(s.procs))
	for i, p := range s.procs {
		on := -2
		if p.irq != "" && p.begun {
			on = slices.Index(s.procs, p.on)
		}
		fmt.Fprintf(&b, "%d:%t%t%t %d %s %d;", i, p.started, p.begun, p.done, p.made, p.said, on)
		if p.queued > 0 {
			order = append(order, p)
		}
		if w := p.serves; w != nil {
			fmt.Fprintf(&b, "%d %d;", w.pending, w.running)
			if w.queue != nil {
				fmt.Fprintf(&b, "%d %t;", w.queue.pending, w.queue.used)
			}
		}
	}
	slices.SortFunc(order, func(p, q *process) int { return cmp.Compare(p.queued, q.queued) })
	for _, p := range order {
		fmt.Fprintf(&b, "%d,", slices.Index(s.procs, p))
	}
	return b.String()
}

// node is a state on the way of the present schedule.
type node struct {
	enabled []transition
	sleep   []transition // that need not be made here: another schedule has them
	at      int          // the one made
}

// explorer runs schedule after schedule.
type explorer struct {
	file  string
	first int
	list  []*stmt
	opts  Options
	out   *Explored
	nodes []node
	// seen has the states that were left with nothing to do but what was asleep then: there is nothing new in one if
	// all that was asleep is asleep again (Godefroid 1996, state-space caching with sleep sets).
	seen map[string][][]transition

	all  bool // leave nothing out, for tests
	runs int  // schedules, those that were left early among them
}

// explore runs the interleavings of the scenario's explore statement.
func explore(file string, first int, list []*stmt, opts Options) (*Explored, error) {
	e := &explorer{file: file, first: first, list: list, opts: opts}
	return e.run()
}

func (e *explorer) run() (*Explored, error) {
	e.out, e.seen = &Explored{}, map[string][][]transition{}
	for {
		if err := e.schedule(); err != nil {
			return nil, err
		}
		if e.runs++; e.runs >= cmp.Or(e.opts.Schedules, maxSchedules) {
			e.out.Partial = true
			break
		}
		if !e.next() {
			break
		}
	}
	e.out.States = len(e.seen)
	e.account()
	return e.out, nil
}

// next goes to the next schedule, depth first, and says whether there is one.
func (e *explorer) next() bool {
	for len(e.nodes) > 0 {
		n := &e.nodes[len(e.nodes)-1]
		n.sleep = append(n.sleep, n.enabled[n.at])
		for i, t := range n.enabled {
			if !slices.ContainsFunc(n.sleep, t.same) {
				n.at = i
				return true
			}
		}
		e.nodes = e.nodes[:len(e.nodes)-1]
	}
	return false
}

// schedule runs the scenario along the nodes and from there along the first steps that need to be made.
func (e *explorer) schedule() error {
	r := newRun(e.file, e.first, e.opts)
	s := &sched{r: r, held: map[*kernel.Map]*owners{}, origin: map[*kernel.Map]*kernel.Map{}, done: map[*object]int{}}
	if err := r.all(e.list, s); err != nil {
		return err
	}
	defer func() {
		for _, p := range s.procs {
			if p.stop != nil {
				p.stop()
			}
		}
		for _, rep := range r.reports {
			if !slices.ContainsFunc(e.out.Reports, func(o *splat.Report) bool { return o.Key() == rep.Key() }) {
				e.out.Reports = append(e.out.Reports, rep)
			}
		}
	}()
	for depth := 0; ; depth++ {
		if r.failed != nil {
			return r.failed
		}
		if depth == len(e.nodes) {
			n := node{enabled: s.enabled()}
			if len(n.enabled) == 0 {
				e.end(s)
				return nil
			}
			if depth > 0 {
				p := &e.nodes[depth-1]
				made := p.enabled[p.at]
				for _, t := range p.sleep {
					if !e.all && t.independent(made) {
						n.sleep = append(n.sleep, t)
					}
				}
			}
			n.at = slices.IndexFunc(n.enabled, func(t transition) bool { return !slices.ContainsFunc(n.sleep, t.same) })
			if n.at < 0 {
				return nil // another schedule has all that follows
			}
			key := s.key()
			if !e.all && slices.ContainsFunc(e.seen[key], func(old []transition) bool {
				return !slices.ContainsFunc(old, func(t transition) bool { return !slices.ContainsFunc(n.sleep, t.same) })
			}) {
				return nil
			}
			e.seen[key] = append(e.seen[key], slices.Clone(n.sleep))
			if depth >= maxSchedule {
				e.out.Partial = true
				return nil
			}
			e.nodes = append(e.nodes, n)
		}
		n := &e.nodes[depth]
		s.step(n.enabled[n.at])
	}
}

// end takes down what a schedule came to whose last state is new.
func (e *explorer) end(s *sched) {
	waits, gaveUp := s.blocked()
	switch {
	case gaveUp:
		e.out.GaveUp++
	case len(waits) > 0:
		d := &Deadlock{Schedule: slices.Clone(s.steps)}
		for _, p := range waits {
			d.Waits = append(d.Waits, s.waitsFor(p))
			d.classes = append(d.classes, s.class(p))
		}
		for _, old := range e.out.Deadlocks {
			if slices.Equal(old.Waits, d.Waits) {
				if len(d.Schedule) < len(old.Schedule) {
					old.Schedule = d.Schedule
				}
				return
			}
		}
		e.out.Deadlocks = append(e.out.Deadlocks, d)
	}
}

// account compares what was predicted with what was met: a report tells of a deadlock if its cycle has all classes that
// are waited for there.
func (e *explorer) account() {
	for _, r := range e.out.Reports {
		classes := map[string]bool{}
		for _, p := range r.Pairs() {
			classes[bare(p.Held)], classes[bare(p.Wanted)] = true, true
		}
		met := false
		for _, d := range e.out.Deadlocks {
			if !slices.ContainsFunc(d.classes, func(c string) bool { return !classes[c] }) {
				d.Predicted, met = true, true
			}
		}
		if !met {
			e.out.Refuted = append(e.out.Refuted, r)
		}
	}
	slices.SortFunc(e.out.Deadlocks, func(a, b *Deadlock) int {
		return cmp.Or(cmp.Compare(len(a.Schedule), len(b.Schedule)), slices.Compare(a.Waits, b.Waits))
	})
}

var versions = regexp.MustCompile(`(#\d+)?(/\d+)?$`)

// bare is a class's name without the version and subclass that reports add.
func bare(class string) string { return versions.ReplaceAllString(class, "") }

// String is the account as text.
func (x *Explored) String() string {
	var b strings.Builder
	more := ""
	if x.Partial {
		more = " and gave up at a bound"
	}
	fmt.Fprintf(&b, "explored %s%s: %s, %s of the validator, %d refuted\n",
		count(x.States, "state"), more, count(len(x.Deadlocks), "deadlock"), count(len(x.Reports), "report"), len(x.Refuted))
	if x.GaveUp > 0 {
		fmt.Fprintf(&b, "a trylock fails in %s\n", count(x.GaveUp, "schedule"))
	}
	for _, d := range x.Deadlocks {
		told := "predicted"
		if !d.Predicted {
			told = "NOT PREDICTED"
		}
		fmt.Fprintf(&b, "\ndeadlock, %s:\n  %s\nby:\n", told, strings.Join(d.Waits, "\n  "))
		for _, step := range d.Schedule {
			fmt.Fprintf(&b, "  %s\n", step)
		}
	}
	for _, r := range x.Refuted {
		fmt.Fprintf(&b, "\nREFUTED, no schedule deadlocks so: %s\n", r.Summary())
	}
	return b.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
