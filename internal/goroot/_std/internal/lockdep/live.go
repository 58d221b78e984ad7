package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"unsafe"
)

// The pages about this moment: who holds what, who waits for whom, and for how
// long that takes.

// A holder is a goroutine that holds locks or waits for one, and what it does.
type holder struct {
	engine.Holder
	status  string // "ended" where the goroutine left its locks behind
	minutes int64
}

func holders() []holder {
	list := v.Holders()
	out := make([]holder, len(list))
	tasks := make(map[unsafe.Pointer]int, len(list))
	for i := range list {
		out[i] = holder{Holder: list[i], status: "ended"}
		if t := unsafe.Pointer(list[i].Task); t != nil {
			out[i].status = "running" // unless the runtime knows better
			tasks[t] = i
		}
	}
	for _, g := range runtime.LockdepGoroutines(len(list)+64, holds) {
		if i, ok := tasks[g.Task]; ok {
			out[i].status, out[i].minutes = g.Status, g.Minutes
		}
	}
	return out
}

// holds is asked about tasks that run meanwhile.
func holds(t unsafe.Pointer) bool {
	for i := 0; ; i++ {
		if p, ok := v.Peek((*Task)(t), i); !ok || !p.Gone {
			return ok
		}
	}
}

// who appends "goroutine 7 [chan receive, 3 minutes]", and the test.
func (h *holder) who(b []byte) []byte {
	b = append(b, "goroutine "...)
	b = append(b, itoa(h.Goroutine)...)
	b = append(b, " ["...)
	b = append(b, h.status...)
	if h.minutes > 0 {
		b = append(b, ", "+itoa(uint64(h.minutes))+" minutes"...)
	}
	b = append(b, ']')
	if h.Test != "" {
		b = append(b, " in "...)
		b = append(b, h.Test...)
	}
	return b
}

func heldText() []byte {
	b := []byte("\nShowing all locks held in the process:\n")
	for _, h := range holders() {
		if len(h.Held) > 0 {
			b = append(b, itoa(uint64(len(h.Held)))...)
			b = append(b, " lock"...)
			if len(h.Held) > 1 {
				b = append(b, 's')
			}
			b = append(b, " held by "...)
			b = h.who(b)
			if h.Origin.File != "" {
				b = append(b, ", created at "...)
				b = append(b, h.Origin.File...)
				b = append(b, ':')
				b = append(b, itoa(uint64(h.Origin.Line))...)
			}
		} else {
			b = h.who(b)
		}
		b = append(b, ":\n"...)
		for i := range h.Held {
			b = append(b, " #"+itoa(uint64(i))+":"...)
			b = h.Held[i].AppendText(b)
		}
		if h.Wants != nil {
			b = append(b, " waits for:"...)
			b = h.Wants.AppendText(b)
		}
	}
	return append(b, "\n=============================================\n"...)
}

func heldJSON(j *jsonText) {
	j.open('[')
	for _, h := range holders() {
		j.open('{')
		j.keyNumber("goroutine", h.Goroutine)
		j.keyString("status", h.status)
		j.keyNumber("minutes", uint64(max(h.minutes, 0)))
		j.keyString("test", h.Test)
		j.key("origin")
		j.frame(&h.Origin)
		j.locks("held", h.Held)
		if h.Wants != nil {
			j.key("wants")
			j.lock(h.Wants)
		}
		j.close('}')
	}
	j.close(']')
}

// A waitGraph has an edge from each goroutine that waits for a lock to those
// that keep it waiting.
type waitGraph struct {
	all  []holder
	at   map[uint64]int // by goroutine
	seen []bool         // it was printed
	path []bool         // it is being printed
}

func newWaitGraph() *waitGraph {
	g := &waitGraph{all: holders(), at: map[uint64]int{}}
	for i := range g.all {
		g.at[g.all[i].Goroutine] = i
	}
	g.seen, g.path = make([]bool, len(g.all)), make([]bool, len(g.all))
	return g
}

// waitsText prints a tree below each goroutine for which nobody waits; then
// those that are left, which are knots.
func waitsText() []byte {
	g := newWaitGraph()
	kept := make([]bool, len(g.all)) // somebody waits for it
	for i := range g.all {
		for _, w := range g.all[i].WaitsFor {
			if k, ok := g.at[w.Goroutine]; ok && k != i {
				kept[k] = true
			}
		}
	}
	var b []byte
	for round := 0; round < 2; round++ {
		for i := range g.all {
			if g.all[i].Wants != nil && !g.seen[i] && (round == 1 || !kept[i]) {
				b = g.all[i].who(b)
				b = g.tree(b, i, 1)
				b = append(b, '\n')
			}
		}
	}
	if b == nil {
		return []byte("no goroutine waits for a lock\n")
	}
	return b
}

// maxTree bounds the depth of a printed chain of waits.
const maxTree = 64

// tree appends what goroutine i, whose name stands already, waits for and who
// keeps it waiting, indented.
func (g *waitGraph) tree(b []byte, i, depth int) []byte {
	h := &g.all[i]
	if h.Wants == nil {
		return append(b, '\n')
	}
	if depth > 1 {
		b = append(b, ", which"...)
	}
	b = append(b, " waits for"...)
	b = h.Wants.AppendText(b)
	if g.seen[i] || depth > maxTree {
		return append(blanks(b, 2*depth), "(as above)\n"...)
	}
	g.seen[i], g.path[i] = true, true
	for _, w := range h.WaitsFor {
		b = blanks(b, 2*depth)
		if w.Queued {
			b = append(b, "behind the writer at "...)
		} else {
			b = append(b, "held since "...)
		}
		b = append(b, engine.ShortFunc(w.At.Func)...)
		b = append(b, "  "...)
		b = append(b, base(w.At.File)...)
		b = append(b, ':')
		b = append(b, itoa(uint64(w.At.Line))...)
		b = append(b, " by "...)
		k, ok := g.at[w.Goroutine]
		switch {
		case !ok: // it has gone on meanwhile
			b = append(b, "goroutine "+itoa(w.Goroutine)+"\n"...)
		case g.path[k]:
			b = g.all[k].who(b)
			b = append(b, ", which waits for this one: DEADLOCK\n"...)
		default:
			b = g.all[k].who(b)
			b = g.tree(b, k, depth+1)
		}
	}
	g.path[i] = false
	return b
}

func waitsJSON(j *jsonText) {
	j.open('[')
	for _, h := range holders() {
		if h.Wants == nil {
			continue
		}
		j.open('{')
		j.keyNumber("goroutine", h.Goroutine)
		j.keyString("status", h.status)
		j.keyNumber("minutes", uint64(max(h.minutes, 0)))
		j.keyString("test", h.Test)
		j.key("wants")
		j.lock(h.Wants)
		j.key("waits_for")
		j.open('[')
		for i := range h.WaitsFor {
			w := &h.WaitsFor[i]
			j.open('{')
			j.keyNumber("goroutine", w.Goroutine)
			j.key("at")
			j.frame(&w.At)
			j.key("queued")
			j.bool(w.Queued)
			j.close('}')
		}
		j.close(']')
		j.close('}')
	}
	j.close(']')
}

// waitsDot is the graph for dot: goroutines, and an edge with the class of the
// lock from each that waits to each that keeps it waiting.
func waitsDot() []byte {
	g := newWaitGraph()
	named := make([]bool, len(g.all))
	b := []byte("digraph waits {\n\tnode [shape=box];\n")
	for i := range g.all {
		h := &g.all[i]
		if h.Wants == nil {
			continue
		}
		b = g.node(b, i, named)
		for _, w := range h.WaitsFor {
			if k, ok := g.at[w.Goroutine]; ok {
				b = g.node(b, k, named)
			}
			b = append(b, "\t"+itoa(h.Goroutine)+" -> "+itoa(w.Goroutine)+" [label="...)
			b = quoted(b, h.Wants.Class)
			b = append(b, "];\n"...)
		}
	}
	return append(b, "}\n"...)
}

func (g *waitGraph) node(b []byte, i int, named []bool) []byte {
	if named[i] {
		return b
	}
	named[i] = true
	h := &g.all[i]
	b = append(b, "\t"+itoa(h.Goroutine)+" [label="...)
	b = quoted(b, string(h.who(nil)))
	return append(b, "];\n"...)
}

// quoted appends s as a string of dot.
func quoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// lockStats are sorted by contentions, the most first; a class's readers stand
// by themselves.
func lockStats() ([]engine.LockStat, bool) {
	list, timed := v.LockStats()
	sortStats(list)
	return list, timed
}

// sortStats is a merge sort: the lists are long enough to want one.
func sortStats(list []engine.LockStat) {
	if len(list) < 2 {
		return
	}
	a, b := append([]engine.LockStat(nil), list[:len(list)/2]...), append([]engine.LockStat(nil), list[len(list)/2:]...)
	sortStats(a)
	sortStats(b)
	for i := range list {
		if len(b) == 0 || len(a) > 0 && !moreContended(&b[0], &a[0]) {
			list[i], a = a[0], a[1:]
		} else {
			list[i], b = b[0], b[1:]
		}
	}
}

func moreContended(a, b *engine.LockStat) bool {
	if a.Contentions != b.Contentions {
		return a.Contentions > b.Contentions
	}
	return a.Wait.Total+a.Hold.Total > b.Wait.Total+b.Hold.Total
}

const (
	statName   = 40
	statColumn = 14
)

func lockStatText() []byte {
	list, timed := lockStats()
	b := []byte("lock_stat: acquisitions that slept, places where they did, and times in microseconds\n")
	if !timed {
		b = append(b, "Acquisitions and times are not counted: GOLOCKDEP=stat=1 has them counted from the\nstart, a POST of on=1 to this page from then on.\n"...)
	}
	b = ruler(b, '-')
	b = right(b, "class name", statName)
	for _, s := range [...]string{
		"contentions", "waittime-min", "waittime-max", "waittime-total", "waittime-avg",
		"acquisitions", "holdtime-min", "holdtime-max", "holdtime-total", "holdtime-avg",
	} {
		b = right(append(b, ' '), s, statColumn)
	}
	b = append(b, '\n')
	b = ruler(b, '-')
	for i := range list {
		s := &list[i]
		b = append(b, '\n')
		b = right(b, engine.ShortClass(s.Class)+"-"+s.Mode+":", statName)
		b = right(append(b, ' '), itoa(s.Contentions), statColumn)
		b = timesText(b, &s.Wait)
		b = right(append(b, ' '), itoa(s.Acquisitions), statColumn)
		b = timesText(b, &s.Hold)
		b = append(b, '\n')
		for _, p := range s.Points {
			b = right(b, engine.ShortClass(s.Class), statName)
			b = right(append(b, ' '), itoa(p.N), statColumn)
			b = append(b, "  "...)
			b = append(b, engine.ShortFunc(p.At.Func)...)
			b = append(b, "  "...)
			b = append(b, base(p.At.File)...)
			b = append(b, ':')
			b = append(b, itoa(uint64(p.At.Line))...)
			b = append(b, '\n')
		}
	}
	return b
}

func ruler(b []byte, c byte) []byte {
	for i := 0; i < statName+10*(statColumn+1); i++ {
		b = append(b, c)
	}
	return append(b, '\n')
}

// timesText appends times in microseconds with two decimals, as the kernel does.
func timesText(b []byte, t *engine.Times) []byte {
	avg := uint64(0)
	if t.N > 0 {
		avg = t.Total / t.N
	}
	for _, ns := range [...]uint64{t.Least, t.Most, t.Total, avg} {
		c := (ns + 5) / 10
		b = right(append(b, ' '), itoa(c/100)+"."+itoa(c/10%10)+itoa(c%10), statColumn)
	}
	return b
}

func lockStatJSON(j *jsonText) {
	list, timed := lockStats()
	j.open('{')
	j.key("timed")
	j.bool(timed)
	j.key("classes")
	j.open('[')
	for i := range list {
		s := &list[i]
		j.open('{')
		j.keyString("class", s.Class)
		j.keyString("mode", s.Mode)
		j.keyNumber("contentions", s.Contentions)
		j.times("wait_ns", &s.Wait)
		j.keyNumber("acquisitions", s.Acquisitions)
		j.times("hold_ns", &s.Hold)
		j.key("points")
		j.open('[')
		for k := range s.Points {
			j.open('{')
			j.key("at")
			j.frame(&s.Points[k].At)
			j.keyNumber("count", s.Points[k].N)
			j.close('}')
		}
		j.close(']')
		j.close('}')
	}
	j.close(']')
	j.close('}')
}

func (j *jsonText) times(k string, t *engine.Times) {
	j.key(k)
	j.open('{')
	j.keyNumber("n", t.N)
	j.keyNumber("min", t.Least)
	j.keyNumber("max", t.Most)
	j.keyNumber("total", t.Total)
	j.close('}')
}
