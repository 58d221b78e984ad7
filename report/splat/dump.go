package splat

import (
	"regexp"
	"strings"
)

var (
	dumpHeadRE   = regexp.MustCompile(`^(?:CPU:? ?\d+|P[iI][dD]: \d+,|Call [Tt]race:|Backtrace:|Hardware name:|Modules linked in:)`)
	assertHeadRE = regexp.MustCompile(`^(?:WARNING: .*|Kernel panic - not syncing: .*|---+\[ cut here \]---+)$`)
)

// heldOff is printed instead of a list of held locks by a validator that is off.
const heldOff = "INFO: lockdep is turned off."

// wantsDump reports whether the final dump begins at this line.
func (p *parser) wantsDump(t string) bool {
	if t == "stack backtrace:" {
		return true
	}
	if !dumpHeadRE.MatchString(t) {
		return false
	}
	// A dump whose caption was lost, or of a kind that has none. In the body
	// of other reports such a line belongs to somebody else.
	if p.r.Kind == NestLock && p.r.Acquire != nil && !p.nest && p.sec == inBody {
		return true // the kernel faulted over the lock that it wanted to name
	}
	return !bannered(p.r.Kind) || p.r.Held != nil && p.r.Kind != HeldUserspace || p.sec == inHead && p.r.Ident == "" && p.r.Rulers[0] > 0
}

// dump reads the dump that begins at item i. It returns the last item that it
// took, and whether the report ends with it.
func (p *parser) dump(i int) (int, bool) {
	var out []string
	if strings.TrimSpace(p.items[i].text) == "stack backtrace:" {
		i++
	}
	last := i - 1
	traced, ended := false, false
scan:
	for j := i; j < len(p.items); j++ {
		text := p.items[j].text
		t := strings.TrimSpace(text)
		frame := isFrame(t)
		switch {
		case t == "" && len(out) == 0:
			continue
		case t == "" || isRuler(t):
			break scan
		case !frame && !dumpRE.MatchString(t):
			if !ended && p.resumes(j, traced) {
				continue // another driver's line, and then the trace goes on
			}
			break scan
		case traced && dumpHeadRE.MatchString(t) && (t[0] == 'C' || t[0] == 'P') && !strings.HasPrefix(t, "Call "):
			break scan // the dump of another report
		case p.r.Kind != Assert && ended && t[0] == '-':
			break scan
		}
		traced = traced || frame
		ended = t == "</TASK>"
		out = append(out, strings.TrimRight(cutIndent(text, p.base), "\t"))
		last = j
	}
	if len(out) == 0 {
		return last, false
	}
	if p.r.Kind == NestLock && !p.nest {
		p.nest = true
		p.r.FirstBacktrace = out
		return last, false
	}
	p.r.Backtrace = out
	return last, true
}

// othersRE matches the beginning of another report of the kernel.
var othersRE = regexp.MustCompile(`^(?:BUG|WARNING|INFO|Oops|general protection fault|Unable to handle)\b`)

// resumes reports whether after at most three foreign lines a frame follows.
func (p *parser) resumes(j int, traced bool) bool {
	if othersRE.MatchString(strings.TrimSpace(p.items[j].text)) {
		return false
	}
	for k := j + 1; k < len(p.items) && k <= j+3; k++ {
		t := strings.TrimSpace(p.items[k].text)
		if t == "" || isRuler(t) {
			return false
		}
		if isFrame(t) || !traced && dumpRE.MatchString(t) {
			return true
		}
	}
	return false
}

func cutIndent(s string, n int) string {
	for n > 0 && s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
		n--
	}
	return s
}

// finish drops what is only talk about a report, and normalises the model: what
// is as usual for its kind and age is left to the printer.
func (p *parser) finish() *Report {
	r := p.r
	if r.Kind == NestLock && len(r.Backtrace) == 0 {
		r.Backtrace, r.FirstBacktrace = r.FirstBacktrace, nil
	}
	if r.Task.Comm == "" {
		for _, l := range r.Backtrace {
			if m := whoRE.FindStringSubmatch(l); m != nil {
				p.task(m[2] + m[4] + "/" + m[1] + m[3])
				break
			}
		}
	}
	if !p.proven() {
		return nil
	}
	r.Age = ageOf(r)
	if r.Title == r.usualTitle() {
		r.Title = ""
	}
	for i, n := range r.usualRulers() {
		if r.Rulers[i] == n || !bannered(r.Kind) {
			r.Rulers[i] = 0
		}
	}
	normaliseColumns(r)
	for i := range r.Deps {
		normaliseDepths(r.Deps[i].Deps, r.Age)
	}
	return r
}

// whoRE finds the task in the header of a dump, old and new.
var whoRE = regexp.MustCompile(`PID: (\d+) Comm: (.*?) (?:Not tainted|Tainted:)|Pid: (\d+), comm: (.*?) (?:Not tainted|Tainted:)`)

// proven reports whether there is a report behind the banner. A title alone is
// the subject of a mail.
func (p *parser) proven() bool {
	r := p.r
	switch r.Kind {
	case NonstaticKey, Limit:
		return len(r.Notes) > 0 || len(r.Backtrace) > 0
	case Assert:
		head := strings.Contains(r.Title, "WARNING")
		for _, n := range r.Notes {
			head = head || strings.HasPrefix(n, "WARNING")
		}
		return len(r.Backtrace) > 0 && (head || dumpHeadRE.MatchString(strings.TrimSpace(r.Backtrace[0])) || strings.HasPrefix(r.Backtrace[0], "WARNING"))
	case RCU:
		return r.Message != "" || len(r.Backtrace) > 0 && (r.Ident != "" || r.Rulers[0] > 0)
	case HeldExit:
		return r.Held != nil || r.Ident != ""
	}
	return r.Acquire != nil || r.Held != nil || r.Task.Comm != "" || r.Ident != "" && r.Rulers[1] > 0
}

// ageOf tells the age from title, release and what only some ages print.
func ageOf(r *Report) Age {
	if r.Age == Age6 {
		return Age6
	}
	rel := r.Release()
	if minor, ok := strings.CutPrefix(rel, "2.6."); ok {
		n := 0
		for _, c := range minor {
			if c < '0' || c > '9' {
				break
			}
			n = n*10 + int(c-'0')
			if n > 100 {
				break
			}
		}
		if n < 30 {
			return Age2
		}
	}
	if rel == "" && strings.HasPrefix(r.Title, "[ BUG: possible circular locking deadlock") {
		return Age2
	}
	return Age3
}

// normaliseDepths gives the dump of a shortest path the depths that it must
// have, whatever a mailer left of the indentation. Dumps before 2.6.32 are
// trees, which nothing but the indentation tells.
func normaliseDepths(deps []Dep, age Age) {
	if age == Age2 {
		return
	}
	for i := range deps {
		deps[i].Depth = len(deps) - 1 - i
	}
}

// normaliseColumns puts the steps of a scenario into the columns that they must
// have, where a mailer took the blanks away.
func normaliseColumns(r *Report) {
	if r.Scenario == nil {
		return
	}
	s := r.Scenario.Steps
	for i := range s {
		if s[i].CPU == 1 {
			return
		}
	}
	for i := range s {
		switch {
		case s[i].Op == "local_irq_disable":
			for k := i; k < len(s) && k < i+3; k++ {
				s[k].CPU = 1
			}
			return
		case r.Kind == Circular && len(s) == 4 && i == 3:
			s[2].CPU = 1
			if strings.Contains(r.Scenario.Caption, "crosslock") {
				s[3].CPU = 1
			} else {
				s[1].CPU = 1
			}
		}
	}
}
