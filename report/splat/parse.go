package splat

import (
	"regexp"
	"strconv"
	"strings"
)

// parseBlock reads one report; nil: the lines only talk about one.
func parseBlock(b *block) *Report {
	p := &parser{r: &Report{Kind: b.kind, State: b.state, Origin: Origin{Line: b.start, Caller: b.caller, Clipped: b.clipped}}, base: b.base}
	p.items, p.title = unwrap(b)
	p.run()
	return p.finish()
}

// unwrap joins lines that mailers and terminals broke: a line that no report
// can have, which makes one that it can have together with the line before; or
// a line without the stamp that all others have. It also returns the index of
// the banner.
func unwrap(b *block) ([]line, int) {
	stamped := false
	for _, l := range b.lines {
		if l.n == b.start {
			stamped = l.stamped
		}
	}
	var out []line
	title := 0
	cont := false // the line before began with a stamp, or continues one that did
	for _, l := range b.lines {
		t := strings.TrimSpace(l.text)
		if l.n == b.start && bannerOf(l) != nil {
			title = len(out)
			out = append(out, l)
			cont = l.stamped
			continue
		}
		if n := len(out) - 1; n >= title && t != "" && n >= 0 {
			prev := strings.TrimSpace(out[n].text)
			sep := separator(t)
			if prev != "" && joins(prev, sep, t, l.stamped, stamped && cont && !l.stamped && indentOf(l.text) < 8) &&
				(n > title || bannerOf(line{text: prev + sep + t}) != nil) {
				out[n].text = strings.TrimRight(out[n].text, " \t") + sep + t
				continue
			}
		}
		if t != "" || l.stamped {
			cont = l.stamped
		}
		out = append(out, l)
	}
	return out, title
}

// separator is what stood between t and the line before it: a mailer broke at
// a blank; a kernel that printed a lock in pieces had none.
func separator(t string) string {
	if strings.IndexByte(")#/,", t[0]) >= 0 && !heldRE.MatchString(t) {
		return ""
	}
	return " "
}

// joins reports whether t continues prev. stamped: t begins with a stamp, so it
// is a record of its own; unstamped: it has none where others have.
func joins(prev, sep, t string, stamped, unstamped bool) bool {
	if len(prev)+len(t) > 2000 || isRuler(prev) || isRuler(t) || captions[t] || strings.Trim(t, "-=_*~ ") == "" {
		return false
	}
	j := prev + sep + t
	kt, kp := known(t), known(prev)
	switch {
	case unstamped && dumpHeadRE.MatchString(prev) && identRE.MatchString(t) && !dumpRE.MatchString(t):
		return true // the release, behind the taint
	case kt && kp:
		return false
	case sep == "" && openLockRE.MatchString(prev):
		return !kt && (known(j) || openLockRE.MatchString(j) && len(t) < 16)
	case stamped:
		return false
	case !kt && unstamped:
		return true
	case !kt && kp:
		// The line before is whole. What may still follow is a module, a
		// place, or the end of a title.
		return known(j) && (moduleRE.MatchString(t) && isFrame(prev) || strings.HasPrefix(t, "at: ") || strings.HasPrefix(t, ", at: ") || t == "detected" || t == "order detected")
	case !kt && known(j):
		return !strings.HasPrefix(t, "[<") || !isFrame(prev)
	case lockStartRE.MatchString(prev) || strings.HasPrefix(prev, "#") || strings.HasSuffix(prev, "at:") || strings.HasSuffix(prev, ">]"):
		return !heldRE.MatchString(t) && !linkRE.MatchString(t) && !taskRE.MatchString(t) &&
			(lockRE.MatchString(j) && known(j) || heldRE.MatchString(j) && known(j))
	}
	return false
}

// moduleRE matches the module of a frame.
var moduleRE = regexp.MustCompile(`^\[[\w-]+\]$`)

func indentOf(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }

// A section says what locks and frames belong to that come next.
type section int

const (
	inHead section = iota
	inAcquire
	inHolding
	inPair
	inChain
	inExists
	inScenario
	inHeld
	inSafe
	inSafeStack
	inUnsafe
	inUnsafeStack
	inRegistered
	inOther
	inDeps
	inRelease
	inNest
	inBody // none of these
)

type parser struct {
	r     *Report
	items []line
	title int
	base  int
	sec   section

	frames  *[]Frame // where frames go
	pending int      // index of a held lock whose rest is on a later line, or -1
	lastIdx int      // index of the held lock that was added last
	nest    bool     // the first dump of NestLock was read
}

func (p *parser) run() {
	r := p.r
	p.pending, p.lastIdx = -1, -1
	p.banner()
	for i := p.title + 1; i < len(p.items); i++ {
		raw := p.items[i].text
		t := strings.TrimSpace(raw)
		if isRuler(t) {
			if r.Rulers[1] == 0 && p.sec == inHead && t[0] == '-' {
				r.Rulers[1] = len(t)
			} else if t[0] == '=' && p.sec != inHead {
				return // the end of a list of all held locks
			}
			continue
		}
		if p.wantsDump(t) {
			var end bool
			if i, end = p.dump(i); end {
				return
			}
			continue
		}
		if t == "stack backtrace:" {
			continue // without a dump
		}
		if r.Ident == "" && p.sec == inHead && identRE.MatchString(t) && !taskRE.MatchString(t) && !countRE.MatchString(t) && !rcuRE.MatchString(t) && bannered(r.Kind) && r.Rulers[1] == 0 {
			r.Ident = strings.TrimLeft(raw, " \t")
			continue
		}
		p.line(raw, t)
	}
}

func bannered(k Kind) bool { return k != NonstaticKey && k != Limit && k != Assert }

// banner reads the rulers above the title and the title.
func (p *parser) banner() {
	r := p.r
	for i := 0; i < p.title; i++ {
		t := strings.TrimSpace(p.items[i].text)
		if isRuler(t) && t[0] == '=' {
			r.Rulers[0] = len(t)
		} else if r.Kind == Assert && isAssertCaption(t) {
			r.Notes = append(r.Notes, t)
		}
	}
	title := strings.TrimSpace(p.items[p.title].text)
	for _, t := range titles {
		if t.kind != r.Kind {
			continue
		}
		if m := t.re.FindStringSubmatch(title); m != nil {
			title = m[2]
		}
	}
	r.Title = title
	if bannered(r.Kind) && r.Kind != WaitContext && !strings.HasPrefix(title, "WARNING") {
		r.Age = Age3
	}
	if r.Kind == HeldExit {
		if rest, ok := strings.CutSuffix(title, " still has locks held!"); ok {
			rest = strings.TrimLeft(rest, "[ ")
			_, who, _ := strings.Cut(rest, ": ")
			p.task(who)
		} else if rest, ok := strings.CutSuffix(title, " still has locks held! ]"); ok {
			_, who, _ := strings.Cut(rest, ": ")
			p.task(who)
		}
	}
}

// task sets the task from comm/pid.
func (p *parser) task(s string) {
	if i := strings.LastIndexByte(s, '/'); i > 0 && p.r.Task.Comm == "" {
		if pid, err := strconv.Atoi(s[i+1:]); err == nil {
			p.r.Task = Task{s[:i], pid}
		}
	}
}

// line reads a line of the body.
func (p *parser) line(raw, t string) {
	r := p.r
	if t == "" {
		if p.sec == inExists && len(r.Exists) > 0 {
			p.sec = inBody
		}
		return
	}
	if p.caption(t) {
		return
	}
	switch p.sec {
	case inExists:
		for c := range strings.SplitSeq(t, "-->") {
			if c = strings.TrimSpace(c); c != "" {
				r.Exists = append(r.Exists, c)
			}
		}
		return
	case inScenario:
		if p.step(raw, t) {
			return
		}
	case inPair:
		if m := pairRE.FindStringSubmatch(t); m != nil {
			a, _ := parseLock(m[1])
			b, _ := parseLock(m[2])
			r.NewDependency = []Lock{a, b}
			p.sec = inBody
			return
		}
	case inNest:
		if !isFrame(t) && identRE.FindString(t) == "" && len(t) < 200 && !strings.Contains(t, ": ") && !strings.HasPrefix(t, "Unable to handle") {
			r.Nest = t
		}
		p.sec = inBody
		return
	case inDeps:
		if p.dep(raw, t) {
			return
		}
	}
	if m := heldRE.FindStringSubmatch(t); m != nil {
		n, _ := strconv.Atoi(m[1])
		if l, ok := parseLock(m[2]); ok {
			p.held(n, l)
			return
		}
		if m[2] == "" {
			p.pending = n
			return
		}
	}
	if l, ok := parseLock(t); ok {
		p.lock(l)
		return
	}
	if isFrame(strings.TrimPrefix(t, "... ")) && p.frames != nil {
		if f, ok := strings.CutPrefix(t, "... "); ok {
			t = strings.TrimSpace(f)
			p.dots(false)
		}
		*p.frames = append(*p.frames, parseFrame(t))
		return
	}
	switch {
	case p.sec == inRelease && isFrame(t) && (r.ReleaseAt == nil || r.ReleaseAt.Inline):
		if r.ReleaseAt != nil {
			r.ReleaseInline = append(r.ReleaseInline, *r.ReleaseAt)
		}
		f := parseFrame(t)
		r.ReleaseAt = &f
	case r.Kind == RCU && r.Message == "" && rcuRE.MatchString(t):
		m := rcuRE.FindStringSubmatch(t)
		r.Source, r.Message = m[1], m[2]
		p.sec = inBody
	case r.Kind == Inconsistent && stampsRE.MatchString(t):
		r.IRQEvents = append(r.IRQEvents, t)
		p.frames = nil
	}
}

func (p *parser) dots(ownLine bool) {
	if p.sec == inUnsafeStack && p.r.Unsafe != nil {
		p.r.Unsafe.Dots = true
		p.r.Unsafe.DotsLine = ownLine
	}
}

// caption handles the lines that say what comes next.
func (p *parser) caption(t string) bool {
	r := p.r
	to := func(s section) bool {
		p.sec, p.frames, p.pending = s, nil, -1
		return true
	}
	switch t {
	case "but task is already holding lock:", "and this task is already holding:":
		return to(inHolding)
	case "but now in release context of a crosslock acquired at the following:":
		r.Crosslock = true
		return to(inHolding)
	case "which would create a new lock dependency:":
		return to(inPair)
	case "the existing dependency chain (in reverse order) is:":
		return to(inChain)
	case "Chain exists of:":
		return to(inExists)
	case "other info that might help us debug this:", "which lock already depends on the new lock.", "which lock already depends on the new lock,",
		"which could lead to circular deadlocks!", "which could lead to deadlocks!", "but there are no more locks to release!", "but there are no locks held!",
		"and interrupts could create inverse lock ordering between them.", "*** DEADLOCK ***":
		return to(inBody)
	case "May be due to missing lock nesting notation":
		r.NestingHint = true
		return to(inBody)
	case "but this task is not holding:":
		return to(inNest)
	case "INFO: lockdep is turned off.":
		if r.Held == nil {
			r.Held = &Held{Off: true}
		}
		return true
	case "...":
		p.dots(true)
		return true
	case "the dependencies between the lock to be acquired":
		r.Deps = append(r.Deps, DepDump{Caption: t})
		return to(inDeps)
	case "turning off the locking correctness validator.", "Please attach the output of /proc/lock_stat to the bug report", "the code is fine but needs lockdep annotation.",
		"The code is fine but needs lockdep annotation, or maybe", "you didn't initialize this object before use?":
		r.Notes = append(r.Notes, t)
		return true
	}
	if strings.HasPrefix(t, "Possible ") && strings.Contains(t, "scenario") && strings.HasSuffix(t, ":") {
		r.Scenario = &Scenario{Caption: t}
		return to(inScenario)
	}
	if m := taskRE.FindStringSubmatch(t); m != nil {
		p.task(m[1] + "/" + m[2])
		if m[3] != "" {
			r.Context = strings.Trim(m[3], "[]")
			if !strings.HasSuffix(r.Context, "]") && strings.Count(r.Context, "[") > strings.Count(r.Context, "]") {
				r.Context += "]"
			}
		}
		return to(inAcquire)
	}
	if m := linkRE.FindStringSubmatch(t); m != nil && p.sec != inDeps {
		if l, ok := parseLock(m[2]); ok {
			n, _ := strconv.Atoi(m[1])
			r.Chain = append(r.Chain, Link{Index: n, Lock: l})
			to(inChain)
			p.frames = &r.Chain[len(r.Chain)-1].Stack
			return true
		}
	}
	if m := countRE.FindStringSubmatch(t); m != nil {
		p.task(m[2] + "/" + m[3])
		if r.Held == nil || r.Held.Off || len(r.Held.Locks) == 0 {
			n, _ := strconv.Atoi(m[1])
			pid, _ := strconv.Atoi(m[3])
			r.Held = &Held{Task: Task{m[2], pid}, Count: n}
			if len(r.Notes) > 0 && r.Notes[len(r.Notes)-1] == heldOff {
				r.Held.Off = true
			}
		}
		return to(inHeld)
	}
	if m := noneRE.FindStringSubmatch(t); m != nil {
		p.task(m[1] + "/" + m[2])
		pid, _ := strconv.Atoi(m[2])
		if r.Held == nil {
			r.Held = &Held{Task: Task{m[1], pid}}
		}
		return to(inBody)
	}
	if m := releaseRE.FindStringSubmatch(t); m != nil {
		p.task(m[1] + "/" + m[2])
		r.Acquire = &Lock{Class: m[4]}
		return to(inRelease)
	}
	if m := freeingRE.FindStringSubmatch(t); m != nil {
		p.task(m[1] + "/" + m[2])
		r.FreedFrom, r.FreedTo = m[3], m[4]
		return to(inAcquire)
	}
	if m := hashRE.FindStringSubmatch(t); m != nil {
		p.task(m[1] + "/" + m[2])
		return to(inBody)
	}
	if m := usageRE.FindStringSubmatch(t); m != nil {
		r.From, r.To = m[1], m[2]
		return true
	}
	if m := stateRE.FindStringSubmatch(t); m != nil {
		to(inRegistered)
		p.frames = &r.Registered
		return true
	}
	if m := safeRE.FindStringSubmatch(t); m != nil {
		if m[2] == "" {
			r.Safe = &Turned{}
			return to(inSafe)
		}
		r.Unsafe = &Turned{}
		return to(inUnsafe)
	}
	if m := becameRE.FindStringSubmatch(t); m != nil {
		if m[2] == "" && r.Safe != nil {
			to(inSafeStack)
			p.frames = &r.Safe.Stack
		} else if m[2] != "" && r.Unsafe != nil {
			to(inUnsafeStack)
			p.frames = &r.Unsafe.Stack
		}
		return true
	}
	if m := otherRE.FindStringSubmatch(t); m != nil {
		r.Backward = strings.HasPrefix(m[1], "was")
		r.State = m[2]
		return to(inOther)
	}
	if m := contextRE.FindStringSubmatch(t); m != nil {
		r.Wait = m[1]
		return to(inBody)
	}
	if m := cmpRE.FindStringSubmatch(t); m != nil {
		r.CmpResult = m[1]
		return to(inBody)
	}
	if rcuNoteRE.MatchString(t) || depthRE.MatchString(t) || hlockRE.MatchString(t) {
		r.Notes = append(r.Notes, t)
		return true
	}
	if r.Kind == Assert && len(r.Notes) < 8 && (isAssertCaption(t) || strings.HasPrefix(t, "DEBUG_LOCKS_WARN_ON(") || assertHeadRE.MatchString(t)) {
		r.Notes = append(r.Notes, t)
		return true
	}
	if depCapRE.MatchString(t) {
		c := strings.TrimSuffix(t, ":")
		if n := len(r.Deps); strings.HasPrefix(c, "and ") && n > 0 && len(r.Deps[n-1].Deps) == 0 {
			r.Deps[n-1].Caption += "\n " + c
			return to(inDeps)
		}
		r.Deps = append(r.Deps, DepDump{Caption: c})
		return to(inDeps)
	}
	return false
}

// lock takes a lock line for what its section says.
func (p *parser) lock(l Lock) {
	r := p.r
	if p.pending >= 0 {
		p.held(p.pending, l)
		p.pending = -1
		return
	}
	switch p.sec {
	case inAcquire:
		merge(&r.Acquire, l)
	case inHolding:
		merge(&r.Holding, l)
	case inOther:
		if r.Other == nil {
			r.Other = &l
		}
	case inSafe:
		if r.Safe.Lock.Class == "" {
			r.Safe.Lock = l
		}
	case inUnsafe:
		if r.Unsafe.Lock.Class == "" {
			r.Unsafe.Lock = l
		}
	}
}

// merge sets *to; a line that repeats the lock at another place is the next
// outer function of the same place, where a report was symbolised.
func merge(to **Lock, l Lock) {
	o := *to
	switch {
	case o == nil:
		*to = &l
	case o.At != nil && o.At.Inline && l.At != nil && o.Class == l.Class:
		o.Inline = append(o.Inline, *o.At)
		o.At = l.At
	}
}

func (p *parser) held(n int, l Lock) {
	r := p.r
	if p.sec != inHeld {
		if r.Held != nil && len(r.Held.Locks) > 0 {
			return
		}
		p.sec, p.frames = inHeld, nil
	}
	if r.Held == nil || r.Held.Off {
		r.Held = &Held{}
	}
	if k := len(r.Held.Locks); k > 0 && n == p.lastIdx {
		o := &r.Held.Locks[k-1]
		merge(&o, l)
		return
	}
	if n <= p.lastIdx {
		return // another list
	}
	p.lastIdx = n
	r.Held.Locks = append(r.Held.Locks, l)
	r.Held.Count = max(r.Held.Count, len(r.Held.Locks))
}

// step reads a line of a scenario; false: the table has ended.
func (p *parser) step(raw, t string) bool {
	s := p.r.Scenario
	if strings.HasPrefix(t, "CPU0") || strings.HasPrefix(t, "----") {
		return true
	}
	cpu := 0
	if indentOf(raw)-p.base > 15 {
		cpu = 1
	}
	if t == "<Interrupt>" {
		s.Steps = append(s.Steps, Step{CPU: cpu, Op: t})
		return true
	}
	m := stepRE.FindStringSubmatch(t)
	if m == nil {
		p.sec = inBody
		return false
	}
	st := Step{CPU: cpu, Op: m[1], Arg: m[2]}
	for _, o := range s.Steps {
		if o.Op == "<Interrupt>" {
			st.IRQ = true
		}
	}
	if len(s.Steps) < 32 {
		s.Steps = append(s.Steps, st)
	}
	return true
}

// dep reads a line of a dump of dependencies.
func (p *parser) dep(raw, t string) bool {
	d := &p.r.Deps[len(p.r.Deps)-1]
	if m := depRE.FindStringSubmatch(t); m != nil {
		l, ok := parseLock(m[1])
		if !ok {
			return false
		}
		d.Deps = append(d.Deps, Dep{Depth: max(indentOf(raw)-p.base, 0), Lock: l, Ops: m[2]})
		p.frames = nil
		return true
	}
	if len(d.Deps) == 0 {
		return false
	}
	e := &d.Deps[len(d.Deps)-1]
	if m := useAtRE.FindStringSubmatch(t); m != nil {
		e.Usages = append(e.Usages, Usage{State: m[1]})
		p.frames = &e.Usages[len(e.Usages)-1].Stack
		return true
	}
	if m := keyRE.FindStringSubmatch(t); m != nil {
		f := parseFrame(m[1])
		e.Key = &f
		p.frames = nil
		return true
	}
	switch t {
	case "}":
		p.frames = nil
		return true
	case "... acquired at:":
		p.frames = &e.Acquired
		return true
	}
	return false
}

// parseLock reads a class or a held lock without its index.
func parseLock(s string) (Lock, bool) {
	s = strings.TrimSpace(s)
	if s == "<RELEASED>" {
		return Lock{Class: s}, true
	}
	m := lockRE.FindStringSubmatch(s)
	if m == nil {
		return Lock{}, false
	}
	l := Lock{Inst: m[1], Class: m[2], Usage: m[3], Wait: m[4]}
	if at := strings.TrimSpace(m[5]); at != "" {
		f := parseFrame(at)
		l.At = &f
	}
	return l, true
}
