package replay

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/report/splat"
)

// Level says how far the events carry a finding.
type Level uint8

// The levels.
const (
	// Possible findings rest on something that the events do not say.
	Possible Level = iota + 1
	// Likely findings follow from the events alone.
	Likely
)

func (l Level) String() string { return [...]string{"none", "possible", "likely"}[l] }

// Finding is a finding of the kernel's rules.
type Finding struct {
	*kernel.Finding
	Level Level
	// Why says why the level is not higher.
	Why    []string
	Report *splat.Report

	// Waits: it rests on a wait for an event.
	Waits bool

	obs int // index of the observation
}

// Result is what the traces show together.
type Result struct {
	Findings []*Finding
	Counts   Counts
	// Full says which of the engine's tables was too small; there is no
	// verdict on what came after.
	Full string

	v    *kernel.Validator
	j    *judge
	sure *judge // of what carries findings
}

// judge gives the observations to the engine.
type judge struct {
	r *Replay
	v *kernel.Validator
	judgement
	t     *kernel.Task
	maps  []kernel.Map
	obs   int
	found []*Finding
	full  string
	// refused are the dependencies that made findings, which the engine keeps
	// out of its graph.
	refused []kernel.Dependency
	unset   uint64 // address of the lock that has no key
}

// Judge draws the conclusions from everything that was read.
//
// The engine is asked twice: with readers of unknown kind as recursive ones,
// who wait for writers only, and again as ones that queue. What only the
// second time finds is possible.
//
// Where a file is broken it is asked once more before, with the observations
// that are sure: what needs the others, too, is possible.
func (r *Replay) Judge() *Result {
	r.end()
	all := r.judge(judgement{all: true})
	res := &Result{Counts: r.counts, Full: all.full, v: all.v, j: all, sure: all}
	told := map[string]bool{}
	add := func(j *judge, why string) {
		for _, f := range j.found {
			if told[f.identity()] {
				continue
			}
			if why != "" {
				f.Level, f.Why = Possible, append(f.Why, why)
			}
			res.Findings = append(res.Findings, f)
		}
		for _, f := range res.Findings {
			told[f.identity()] = true
		}
	}
	if slices.Contains(r.broken, true) {
		res.sure = r.judge(judgement{})
		add(res.sure, "")
		add(all, "records are missing or damaged, and it may rest on what is not there")
	} else {
		add(all, "")
	}
	if r.unknownReaders() {
		add(r.judge(judgement{all: true, worst: true}), "no event says whether the readers are recursive, and it is one only if they are not")
	}
	slices.SortStableFunc(res.Findings, func(a, b *Finding) int { return a.obs - b.obs })
	return res
}

// Damaged reports whether some file lacks records, or has some twice or false,
// as far as that could be noticed.
func (res *Result) Damaged() bool { return slices.Contains(res.j.r.broken, true) }

// judgement says what the engine is told.
type judgement struct {
	all   bool // also observations that do not carry a finding: see stretch.go
	worst bool // readers of unknown kind queue
}

func (r *Replay) unknownReaders() bool {
	for i := range r.classes[1:] {
		if c := &r.classes[i+1]; c.ev&reads != 0 && c.ev&(waited|recursive|queued) == 0 {
			return true
		}
	}
	return false
}

func (r *Replay) judge(how judgement) *judge {
	j := &judge{r: r, judgement: how, maps: make([]kernel.Map, maxDepth+2)}
	j.v = kernel.New(kernel.Settings{
		KeepGoing: true,
		Entries:   1 << 21, Chains: 1 << 20, ChainEntries: 1 << 23, Depth: maxDepth + 10, Queue: 1 << 20,
		Static: func(addr uint64) bool { return addr != j.unset || addr == 0 },
		Found:  j.add,
	})
	j.t = j.v.NewTask(0, "")
	for i := range r.seen {
		if j.v.Off() {
			break
		}
		if o := &r.seen[i]; !how.all && r.carries(o) || how.all && (!o.again || r.broken[o.file]) {
			j.obs = i
			j.play(o)
		}
	}
	return j
}

// Sites of the engine are an observation and an entry of it.
func (j *judge) site(entry int) kernel.Site { return kernel.Site(j.obs+1)<<8 | kernel.Site(entry) }

func (r *Replay) at(s kernel.Site) (*observation, *taken) {
	i := int(s>>8) - 1
	if i < 0 || i >= len(r.seen) {
		return nil, nil
	}
	o := &r.seen[i]
	if n := int(s & 255); n < int(o.n) {
		return o, &r.pool[int(o.first)+n]
	}
	return o, nil
}

func (j *judge) play(o *observation) {
	r := j.r
	j.t.ID, j.t.Name = uint64(uint32(o.pid)), o.comm
	j.v.ResetTask(j.t)
	entries := r.pool[o.first:][:o.n]
	switch o.what {
	case take:
		j.takeAll(entries)
	case irqsGoOn:
		j.takeAll(entries)
		j.t.Context = o.state.context() &^ kernel.HardirqsOn
		j.v.HardirqsEnabled(j.t, j.site(len(entries)))
	case release:
		last := len(entries) - 1
		j.takeAll(entries[:last])
		j.t.Context = o.state.context()
		j.v.Release(j.t, j.lockMap(last, &entries[last]), j.site(last))
	case atExit, inUser:
		j.takeAll(entries)
		j.t.Context = o.state.context()
		if o.what == atExit {
			j.v.Exit(j.t, j.site(len(entries)))
		} else {
			j.v.ReturnToUser(j.t, j.site(len(entries)))
		}
	case waits:
		j.takeAll(entries)
	case commits:
		for i := 1; i < len(entries) && !j.v.Off(); i++ {
			j.v.ResetTask(j.t)
			j.take(0, &entries[0])
			j.take(i, &entries[i])
		}
	}
}

func (j *judge) takeAll(entries []taken) {
	for i := range entries {
		j.take(i, &entries[i])
	}
}

func (j *judge) take(i int, e *taken) {
	j.t.Context = e.state.context()
	j.v.Acquire(j.t, j.lockMap(i, e), j.mode(e), nil, j.site(i))
}

// mode says how the lock was taken, in the engine's words.
func (j *judge) mode(e *taken) kernel.Mode {
	c := &j.r.classes[e.class]
	ev := j.r.classes[c.base].ev
	m := kernel.Mode(c.sub)
	if e.mode&try != 0 {
		m |= kernel.Try
	}
	if ev&unchecked == 0 {
		m |= kernel.Check
	}
	if e.state&irqsOff != 0 {
		m |= kernel.IRQsOff
	}
	if e.mode&read != 0 {
		if recursiveReader(ev, e.mode, j.worst) {
			m |= kernel.Recursive
		} else {
			m |= kernel.Shared
		}
	}
	return m
}

// recursiveReader says whether a reader passes writers that wait.
//
//   - A lock that is waited for is a rwlock or a semaphore. Readers of a
//     queued rwlock are recursive in interrupts and with bottom halves off
//     (read_lock_is_recursive); all others queue.
//   - A map that nobody waits for says nothing.
func recursiveReader(ev evidence, m mode, worst bool) bool {
	switch {
	case ev&recursive != 0:
		return true
	case ev&queued != 0:
		return false
	case ev&waited != 0:
		return m&inInterrupt != 0 && ev&(sleeps|mutex) == 0
	}
	return !worst
}

// lockMap makes the engine's view of the lock.
func (j *judge) lockMap(i int, e *taken) *kernel.Map {
	r := j.r
	c := &r.classes[r.classes[e.class].base]
	m := &j.maps[i]
	*m = kernel.Map{Addr: e.addr, Key: uint64(r.classes[e.class].base) << 8, Name: c.name}
	switch {
	case c.name == nameless && c.ev&waited != 0 && !isStatic(e.addr):
		// Every initialiser gives a name. A map without one that is no lock
		// is a static annotation.
		m.Key, m.Name, j.unset = 0, "", e.addr
	case c.ev&override != 0:
		m.Type, m.Inner = kernel.TypeOverride, kernel.WaitSleep
	case c.name == "rcu_read_lock" || c.name == "rcu_read_lock_bh":
		m.Outer, m.Inner = kernel.WaitFree, kernel.WaitConfig
	case c.name == "rcu_read_lock_sched":
		m.Outer, m.Inner = kernel.WaitFree, kernel.WaitSpin
	case c.ev&(mutex|sleeps) != 0:
		m.Inner = kernel.WaitSleep
	case c.ev&spins != 0:
		// A raw spin lock or another one: what may be taken inside, and where
		// it may be taken, is that of the more tolerant.
		m.Outer, m.Inner = kernel.WaitSpin, kernel.WaitConfig
	}
	return m
}

// add takes a finding of the engine.
func (j *judge) add(f *kernel.Finding) {
	if f.Kind == kernel.TableFull || f.Kind == kernel.Internal {
		j.full = "table of the engine: " + f.Kind.String() + " " + strconv.Itoa(int(f.Limit))
		return
	}
	out := &Finding{Finding: f, Level: Likely, obs: j.obs}
	out.Why, out.Waits = j.doubts(f)
	if len(out.Why) > 0 {
		out.Level = Possible
	}
	out.Report = j.report(f)
	switch f.Kind {
	case kernel.Circular, kernel.IRQOrder, kernel.RecursiveLock:
		j.refused = append(j.refused, kernel.Dependency{
			From: f.Prev.Class.ID, To: f.Lock.Class.ID, Distance: 1, Site: f.Site, FromSite: f.Prev.Site,
		})
	}
	j.found = append(j.found, out)
}

// identity is that by which a finding of one judgement is known in another.
func (f *Finding) identity() string {
	c := func(i kernel.ClassInfo) string { return strconv.FormatUint(i.Key, 16) }
	return strings.Join([]string{
		f.Kind.String(), c(f.Lock.Class), c(f.Prev.Class), c(f.Names[0]), c(f.Names[1]), c(f.Names[2]),
		strconv.Itoa(int(f.Bit)), strconv.Itoa(int(f.Other)),
	}, " ")
}

// doubts says what a finding rests on that the events do not say.
func (j *judge) doubts(f *kernel.Finding) (why []string, onWait bool) {
	r := j.r
	addrs := map[classID][]uint64{}
	flags := true
	note := func(s kernel.Site) {
		o, e := r.at(s)
		if o != nil && (o.what == waits || o.what == commits) {
			onWait = true
		}
		if e != nil && !slices.Contains(addrs[e.class], e.addr) {
			addrs[e.class] = append(addrs[e.class], e.addr)
		}
	}
	path := func(p []kernel.Step) {
		for _, s := range p {
			if s.Edge.Site != 0 {
				note(s.Edge.Site)
				note(s.Edge.FromSite)
			}
		}
	}
	note(f.Lock.Site)
	note(f.Prev.Site)
	path(f.Path)
	path(f.SafePath)
	switch f.Kind {
	case kernel.IRQOrder:
		note(f.SafePath[len(f.SafePath)-1].Class.Sites[f.Bit])
		note(f.Path[len(f.Path)-1].Class.Sites[f.Other])
	case kernel.IRQInversion:
		note(f.Path[len(f.Path)-1].Class.Sites[f.Other])
	case kernel.Inconsistent:
		note(f.Lock.Class.Sites[f.Other])
	case kernel.WaitContext:
		if o, _ := r.at(f.Site); o != nil && r.broken[o.file] && r.rare {
			why = append(why, "preemption is on, or off, at so few events that damage may have made them")
		}
	default:
		flags = false
	}
	if flags && r.counts.NoFlags > 0 {
		why = append(why, "the trace has no flags, so that the interrupt context is known from irq events alone")
	}
	for _, h := range f.Held {
		if h.Class.Name == "tracepoints_mutex" { // held while probes come and go (kernel/tracepoint.c)
			why = append(why, "events were being turned on or off, so that some of them may be missing")
		}
	}
	if !r.bh && softOn(f) {
		why = append(why, "no event has bottom halves off: the trace may lack that flag, as text of trace-cmd before 3.2 does")
	}
	if onWait {
		why = append(why, "it rests on a wait for an event, which may come from elsewhere, too")
	}
	ids := make([]classID, 0, len(addrs))
	for id := range addrs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		c := &r.classes[id]
		if c.sub > 0 {
			why = append(why, "no event says with which subclass "+c.name+" is nested")
		}
		if len(addrs[id]) > 1 && !r.copies(c) && f.Kind != kernel.UnlockBalance {
			why = append(why, "its locks named "+c.name+" are several, and may be of different classes")
		}
	}
	return why, onWait
}

// Classes calls f with every class, by index.
func (res *Result) Classes(f func(kernel.ClassInfo)) {
	res.v.EachClass(func(c kernel.ClassInfo) bool {
		f(c)
		return true
	})
}

// Place says who did what the site stands for, where and when.
func (res *Result) Place(s kernel.Site) string {
	if stack := res.j.stack(s); len(stack) > 0 {
		return stack[0].Text
	}
	return ""
}

// Dependencies calls f with every dependency, by class and in the order in
// which they were learned; then with those that made a finding.
func (res *Result) Dependencies(f func(from, to kernel.ClassInfo, d kernel.Dependency)) {
	res.v.EachClass(func(c kernel.ClassInfo) bool {
		res.v.EachDependency(c.ID, func(d kernel.Dependency) bool {
			f(c, res.v.Info(d.To), d)
			return true
		})
		return true
	})
	for _, d := range res.j.refused {
		f(res.v.Info(d.From), res.v.Info(d.To), d)
	}
}

// softOn says whether a finding rests on softirqs being on.
func softOn(f *kernel.Finding) bool {
	on := func(b kernel.UsageBit) bool { return b == kernel.SoftirqOnW || b == kernel.SoftirqOnR }
	switch f.Kind {
	case kernel.IRQOrder, kernel.Inconsistent, kernel.IRQInversion:
		return on(f.Bit) || on(f.Other)
	}
	return false
}

// Doubts says what kept the replay from knowing all: in words, a line each.
func (res *Result) Doubts() []string {
	c := &res.Counts
	var out []string
	say := func(n int, format string) {
		if n > 0 {
			out = append(out, fmt.Sprintf(format, n))
		}
	}
	say(c.Lost, "%d records were lost; what was held then is not known")
	say(c.Gaps, "%d times lock events were missing; what was held then is not known")
	odd := 0
	for o, n := range c.Odd {
		if breaks[o] && oddity(o) != oddRead && oddity(o) != oddLost {
			odd += n
		}
	}
	say(odd, "%d events cannot have followed those before: records are missing, or are there twice; what was held then is not used")
	say(c.Beside, "%d events stand beside damaged places; of these, only what a task did without a break is used")
	say(c.NoFlags, "%d lock events have no flags; the interrupt context is that of irq events (trace-cmd report -l prints flags)")
	say(c.ClassesLost, "%d locks have no class, since there are too many classes")
	say(c.ChainsLost, "%d chains are left out, since there are too many")
	if c.LockEvents == 0 {
		out = append(out, "there are no lock events: record lock:lock_acquire and lock:lock_release, of a kernel with CONFIG_PROVE_LOCKING")
	} else if !res.j.r.everReleased {
		out = append(out, "there are no lock_release events, without which nothing can be learned: record lock:lock_release, too")
	}
	if res.Full != "" {
		out = append(out, "no verdict beyond: "+res.Full)
	}
	return out
}
