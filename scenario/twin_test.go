package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
)

// A twin judges what the validator judges, the slow way: no cache of classes, sets of names for everything, and paths
// as the closure of a relation. It knows the rules of docs/design.md, and shares nothing with the validator but the
// types of its arguments.
type twin struct {
	kind    string // of the first report, "" for none
	classes map[twinClass]*twinInfo
	edges   map[twinEdge]map[twinKind]bool
	chains  map[string]bool
	held    map[*kernel.Task][]*twinHeld
	forced  map[*kernel.Map]uint8
}

type (
	twinClass struct {
		key uint64
		sub uint8
	}
	twinEdge struct{ from, to twinClass }
	// twinKind: the holder holds shared, the one inside wants as a recursive reader.
	twinKind  struct{ shared, recursive bool }
	twinState struct {
		c    twinClass
		weak bool // entered as a recursive reader only; backwards: left as a shared holder only
	}
	twinInfo struct {
		name         string
		usage        map[string]bool
		inner, outer kernel.WaitType
		typ          kernel.LockType
	}
	twinHeld struct {
		c     twinClass
		m     *kernel.Map
		nest  *kernel.Map
		read  int
		try   bool
		check bool
		off   bool // irqs were off
		irq   string
		refs  int
		pins  int
		site  kernel.Site
	}
)

func newTwin() *twin {
	return &twin{
		classes: map[twinClass]*twinInfo{}, edges: map[twinEdge]map[twinKind]bool{}, chains: map[string]bool{},
		held: map[*kernel.Task][]*twinHeld{}, forced: map[*kernel.Map]uint8{},
	}
}

func (w *twin) report(kind string) bool {
	if w.kind == "" {
		w.kind = kind
	}
	return false
}

func irqOf(t *kernel.Task) string {
	s := ""
	if t.Context&kernel.InHardirq != 0 {
		s += "hard"
	}
	if t.Context&kernel.InSoftirq != 0 {
		s += "soft"
	}
	return s
}

func (w *twin) class(m *kernel.Map, sub uint8) twinClass {
	if sub == 0 {
		sub = w.forced[m]
	}
	c := twinClass{m.Key, sub}
	if w.classes[c] == nil {
		w.classes[c] = &twinInfo{name: m.Name, usage: map[string]bool{}, inner: m.Inner, outer: m.Outer, typ: m.Type}
	}
	return c
}

// section is the part of the stack in the newest irq context, if that is ctx.
func (w *twin) section(t *kernel.Task, ctx string) []*twinHeld {
	l := w.held[t]
	i := len(l)
	for i > 0 && l[i-1].irq == ctx {
		i--
	}
	return l[i:]
}

func (w *twin) is(h *twinHeld, m *kernel.Map) bool {
	return h.m == m || h.refs > 0 && h.nest != nil && h.c == twinClass{m.Key, w.forced[m]}
}

func (w *twin) holds(t *kernel.Task, m *kernel.Map) bool {
	return slices.ContainsFunc(w.held[t], func(h *twinHeld) bool { return w.is(h, m) })
}

// acquire puts the lock on the stack; false: it was reported.
func (w *twin) acquire(t *kernel.Task, m *kernel.Map, mode kernel.Mode, nest *kernel.Map, refs, pins int, sync bool, site kernel.Site) bool {
	h := &twinHeld{
		m: m, nest: nest, try: mode&kernel.Try != 0, check: mode&kernel.Check != 0, off: mode&kernel.IRQsOff != 0,
		irq: irqOf(t), refs: refs, pins: pins, site: site,
	}
	if mode&kernel.Shared != 0 {
		h.read = 1
	}
	if mode&kernel.Recursive != 0 {
		h.read = 2
	}
	if m.Key == noValidate {
		h.check = false
	}
	h.c = w.class(m, uint8(mode))
	stack := w.held[t]
	if n := len(stack); n > 0 && !sync && nest != nil && stack[n-1].c == h.c {
		top := stack[n-1]
		top.refs = max(top.refs, 1) + max(refs, 1)
		return true
	}
	ctx := w.section(t, h.irq)
	if !w.waits(t, h, ctx) {
		return false
	}
	if !w.uses(t, h, sync) {
		return false
	}
	if nest != nil && !w.holds(t, nest) {
		return w.report("nest")
	}
	if !h.try && h.check {
		key := ""
		for _, e := range append(slices.Clone(ctx), h) {
			key += fmt.Sprint(e.c, e.read, ";")
		}
		if !w.chains[key] {
			w.chains[key] = true
			switch w.again(t, h) {
			case "report":
				return false
			case "":
				if !w.depends(ctx, h) {
					return false
				}
			}
		}
	}
	if !sync {
		w.held[t] = append(w.held[t], h)
	}
	return true
}

// waits compares wait types.
func (w *twin) waits(t *kernel.Task, h *twinHeld, ctx []*twinHeld) bool {
	info := w.classes[h.c]
	if info.inner == 0 || h.try {
		return true
	}
	have := kernel.WaitMax
	if t.Context&kernel.InSoftirq != 0 || t.Context&kernel.InHardirq != 0 {
		have = kernel.WaitConfig
	}
	if t.Context&kernel.InHardirq != 0 && t.Context&kernel.Threaded == 0 {
		have = kernel.WaitSpin
	}
	for _, e := range ctx {
		if i := w.classes[e.c].inner; i != 0 && i < have {
			have = i
		}
	}
	need := info.outer
	if need == 0 {
		need = info.inner
	}
	if need > have {
		return w.report("wait-context")
	}
	return true
}

// uses sets the usage of an acquisition.
func (w *twin) uses(t *kernel.Task, h *twinHeld, sync bool) bool {
	var marks []string
	if h.check && !h.try {
		if t.Context&kernel.InHardirq != 0 {
			marks = append(marks, "in hard")
		}
		if t.Context&kernel.InSoftirq != 0 {
			marks = append(marks, "in soft")
		}
	}
	if h.check && !h.off && !sync {
		marks = append(marks, "on hard")
		if t.Context&kernel.SoftirqsOn != 0 {
			marks = append(marks, "on soft")
		}
	}
	for _, m := range append(marks, "used") {
		if !w.mark(h, m) {
			return false
		}
	}
	return true
}

// mark notes a use and compares it with all uses that it excludes.
func (w *twin) mark(h *twinHeld, what string) bool {
	name := what
	if h.read != 0 {
		name += " read"
	}
	u := w.classes[h.c].usage
	if u[name] {
		return true
	}
	u[name] = true
	if what == "used" {
		return true
	}
	state := strings.Fields(what)[1]
	other := map[string]string{"in": "on ", "on": "in "}[what[:2]] + state
	if u[other] || h.read == 0 && u[other+" read"] {
		return w.report("inconsistent")
	}
	var states map[twinState]bool
	if what[:2] == "in" {
		states = w.closure(twinState{h.c, h.read == 2}, false, true)
	} else {
		states = w.closure(twinState{h.c, h.read != 0}, true, true)
	}
	for s := range states {
		u := w.classes[s.c].usage
		if u[other] || u[other+" read"] && !s.weak {
			return w.report("inversion")
		}
	}
	return true
}

// closure is every state that a strong path reaches from one. An irq search does not enter classes of special types.
func (w *twin) closure(from twinState, back, irq bool) map[twinState]bool {
	out := map[twinState]bool{}
	if irq && w.classes[from.c].typ != kernel.TypeNormal {
		return out
	}
	out[from] = true
	for changed := true; changed; {
		changed = false
		for e, kinds := range w.edges {
			for k := range kinds {
				a, b, blocked, weak := e.from, e.to, k.shared, k.recursive
				if back {
					a, b, blocked, weak = e.to, e.from, k.recursive, k.shared
				}
				if !out[twinState{a, false}] && (!out[twinState{a, true}] || blocked) {
					continue
				}
				next := twinState{b, weak}
				if out[next] || irq && w.classes[b].typ != kernel.TypeNormal {
					continue
				}
				out[next] = true
				changed = true
			}
		}
	}
	return out
}

// again looks for the same class on the stack: "report", "nested" if a nest lock makes it legal, or "".
func (w *twin) again(t *kernel.Task, h *twinHeld) string {
	legal := false
	for _, p := range w.held[t] {
		legal = legal || h.nest != nil && p.m == h.nest
		if p.c != h.c || h.read == 2 && p.read != 0 {
			continue
		}
		if legal {
			return "nested"
		}
		w.report("recursive")
		return "report"
	}
	return ""
}

// depends adds what h depends on: the newest lock that may wait, and the trylocks above it.
func (w *twin) depends(ctx []*twinHeld, h *twinHeld) bool {
	for _, p := range slices.Backward(ctx) {
		if !p.check {
			continue
		}
		if !w.depend(p, h) {
			return false
		}
		if !p.try {
			break
		}
	}
	return true
}

func (w *twin) depend(p, h *twinHeld) bool {
	ahead := w.closure(twinState{h.c, h.read == 2}, false, false)
	if ahead[twinState{p.c, false}] || ahead[twinState{p.c, true}] && p.read == 0 {
		if p.c == h.c {
			return w.report("recursive")
		}
		return w.report("circular")
	}
	before := w.closure(twinState{p.c, p.read != 0}, true, true)
	after := w.closure(twinState{h.c, h.read == 2}, false, true)
	for f := range before {
		for u := range after {
			for _, state := range []string{"hard", "soft"} {
				for _, in := range []string{"", " read"} {
					for _, on := range []string{"", " read"} {
						if in != "" && f.weak || on != "" && u.weak {
							continue // a weak end counts as a writer only
						}
						if w.classes[f.c].usage["in "+state+in] && w.classes[u.c].usage["on "+state+on] {
							return w.report("safe-unsafe")
						}
					}
				}
			}
		}
	}
	e := twinEdge{p.c, h.c}
	if w.edges[e] == nil {
		w.edges[e] = map[twinKind]bool{}
	}
	w.edges[e][twinKind{p.read != 0, h.read == 2}] = true
	return true
}

// find is the place of a lock in the newest irq context, or -1.
func (w *twin) find(t *kernel.Task, m *kernel.Map) int {
	l := w.held[t]
	for i := len(l) - 1; i >= 0 && l[i].irq == l[len(l)-1].irq; i-- {
		if w.is(l[i], m) {
			return i
		}
	}
	return -1
}

// cut drops the stack from i on and takes the entries again.
func (w *twin) cut(t *kernel.Task, i int, again []*twinHeld) bool {
	n := len(w.held[t])
	w.held[t] = w.held[t][:i:i]
	for _, h := range again {
		mode := kernel.Mode(h.c.sub)
		for bit, on := range map[kernel.Mode]bool{
			kernel.Try: h.try, kernel.Check: h.check, kernel.IRQsOff: h.off, kernel.Shared: h.read == 1, kernel.Recursive: h.read == 2,
		} {
			if on {
				mode |= bit
			}
		}
		if !w.acquire(t, h.m, mode, h.nest, h.refs, h.pins, false, h.site) {
			return false
		}
	}
	return n == len(w.held[t])
}

func (w *twin) release(t *kernel.Task, m *kernel.Map) {
	i := w.find(t, m)
	if i < 0 {
		w.report("imbalance")
		return
	}
	h := w.held[t][i]
	if h.refs--; h.refs > 0 {
		return
	}
	w.cut(t, i, slices.Clone(w.held[t][i+1:]))
}

func (w *twin) downgrade(t *kernel.Task, m *kernel.Map) {
	if len(w.held[t]) == 0 {
		w.report("internal")
		return
	}
	i := w.find(t, m)
	if i < 0 {
		w.report("imbalance")
		return
	}
	again := slices.Clone(w.held[t][i:])
	again[0].read = 1
	if !w.cut(t, i, again) && w.kind == "" {
		w.report("internal") // entries were merged
	}
}

func (w *twin) setClass(t *kernel.Task, m *kernel.Map, key uint64, name string, sub uint8) {
	if len(w.held[t]) == 0 {
		w.report("internal")
		return
	}
	i := w.find(t, m)
	if i < 0 {
		w.report("imbalance")
		return
	}
	delete(w.forced, m)
	as := *m
	as.Key, as.Name = key, name
	again := slices.Clone(w.held[t][i:])
	again[0].c = w.class(&as, sub)
	// The validator asks the map for its key, so it has it already when the lock is taken again.
	m.Key, m.Name = key, name
	w.cut(t, i, again)
}

// free makes classes unknown.
func (w *twin) free(from, size uint64) {
	for c := range w.classes {
		if c.key < from || c.key >= from+size {
			continue
		}
		delete(w.classes, c)
		for e := range w.edges {
			if e.from == c || e.to == c {
				delete(w.edges, e)
			}
		}
		for k := range w.chains {
			if strings.Contains(k, fmt.Sprint(c)) {
				delete(w.chains, k)
			}
		}
	}
}

func (w *twin) enabled(t *kernel.Task, what string) bool {
	for _, h := range w.held[t] {
		if h.check && !w.mark(h, what) {
			return false
		}
	}
	return true
}

// tee judges by the validator and by the twin, and compares them after each operation.
type tee struct {
	*kernel.Validator
	twin  *twin
	first *kernel.Finding
	diff  string
}

func newTee(set kernel.Settings) *tee {
	t := &tee{twin: newTwin()}
	found := set.Found
	set.Found = func(f *kernel.Finding) {
		if t.first == nil && !(f.Kind == kernel.Internal && f.Warning >= kernel.WarnReleasePinned) {
			t.first = f
		}
		found(f)
	}
	t.Validator = kernel.New(set)
	return t
}

func (t *tee) compare(op string) {
	got := ""
	if t.first != nil {
		got = t.first.Kind.String()
	}
	if got != t.twin.kind && t.diff == "" {
		t.diff = fmt.Sprintf("at %s: the validator says %q, the twin %q", op, got, t.twin.kind)
	}
}

// both runs an operation in both while neither has reported.
func (t *tee) both(op string, twin, validator func()) {
	if t.twin.kind == "" && !t.Off() {
		twin()
	}
	validator()
	t.compare(op)
}

func (t *tee) Acquire(k *kernel.Task, m *kernel.Map, mode kernel.Mode, nest *kernel.Map, site kernel.Site) {
	t.both("acquire of "+m.Name, func() { t.twin.acquire(k, m, mode, nest, 0, 0, false, site) }, func() { t.Validator.Acquire(k, m, mode, nest, site) })
}

func (t *tee) Sync(k *kernel.Task, m *kernel.Map, mode kernel.Mode, nest *kernel.Map, site kernel.Site) {
	t.both("sync of "+m.Name, func() { t.twin.acquire(k, m, mode, nest, 0, 0, true, site) }, func() { t.Validator.Sync(k, m, mode, nest, site) })
}

func (t *tee) Release(k *kernel.Task, m *kernel.Map, site kernel.Site) {
	t.both("release of "+m.Name, func() { t.twin.release(k, m) }, func() { t.Validator.Release(k, m, site) })
}

func (t *tee) Downgrade(k *kernel.Task, m *kernel.Map, site kernel.Site) {
	t.both("downgrade of "+m.Name, func() { t.twin.downgrade(k, m) }, func() { t.Validator.Downgrade(k, m, site) })
}

func (t *tee) SetClass(k *kernel.Task, m *kernel.Map, key uint64, name string, sub uint8, site kernel.Site) {
	was, old := m.Key, m.Name
	t.both("set class of "+m.Name, func() { t.twin.setClass(k, m, key, name, sub) }, func() {
		m.Key, m.Name = was, old
		t.Validator.SetClass(k, m, key, name, sub, site)
	})
}

func (t *tee) InitSub(k *kernel.Task, m *kernel.Map, sub uint8, site kernel.Site) {
	t.both("sub of "+m.Name, func() {
		if sub > 0 {
			t.twin.forced[m] = sub
			t.twin.class(m, 0)
		}
	}, func() { t.Validator.InitSub(k, m, sub, site) })
}

func (t *tee) FreeRange(from, size uint64) {
	t.both("zap", func() { t.twin.free(from, size) }, func() { t.Validator.FreeRange(from, size) })
}

func (t *tee) Freed(k *kernel.Task, from, size uint64, site kernel.Site) {
	t.both("free", func() {
		for _, h := range t.twin.held[k] {
			if h.m.Addr >= from && h.m.Addr < from+size {
				t.twin.report("freed")
			}
		}
	}, func() { t.Validator.Freed(k, from, size, site) })
}

func (t *tee) Exit(k *kernel.Task, site kernel.Site) {
	t.both("exit", func() { t.twin.leaves(k, "exit") }, func() { t.Validator.Exit(k, site) })
}

func (t *tee) ReturnToUser(k *kernel.Task, site kernel.Site) {
	t.both("user", func() { t.twin.leaves(k, "user") }, func() { t.Validator.ReturnToUser(k, site) })
}

func (w *twin) leaves(k *kernel.Task, kind string) {
	if len(w.held[k]) > 0 {
		w.report(kind)
	}
}

func (t *tee) HardirqsOnAt(k *kernel.Task, site kernel.Site) {
	t.both("irqs on", func() {
		switch {
		case k.Context&kernel.HardirqsOn != 0:
		case k.Context&kernel.InHardirq != 0:
			t.twin.report("internal")
		case t.twin.enabled(k, "on hard") && k.Context&kernel.SoftirqsOn != 0:
			t.twin.enabled(k, "on soft")
		}
	}, func() { t.Validator.HardirqsOnAt(k, site) })
}

// EnableBH asks the validator first: only the last one of a nest turns them on, which Context tells afterwards.
func (t *tee) EnableBH(k *kernel.Task, site kernel.Site) {
	was, off := k.Context, t.Off()
	t.Validator.EnableBH(k, site)
	if k.Context&^was&kernel.SoftirqsOn != 0 && k.Context&kernel.HardirqsOn != 0 && t.twin.kind == "" && !off {
		t.twin.enabled(k, "on soft")
	}
	t.compare("bh on")
}

// graph compares what both have learned, while nothing was reported.
func (t *tee) graph() string {
	if t.Off() {
		return ""
	}
	names := [...]string{
		"in hard", "in hard read", "on hard", "on hard read", "in soft", "in soft read", "on soft", "on soft read", "used", "used read",
	}
	got, want := map[string]bool{}, map[string]bool{}
	t.EachClass(func(c kernel.ClassInfo) bool {
		key := twinClass{c.Key - uint64(c.Sub), c.Sub}
		got[fmt.Sprint("class ", key)] = true
		for b, n := range names {
			if c.Usage.Has(kernel.UsageBit(b)) {
				got[fmt.Sprint(key, " ", n)] = true
			}
		}
		t.EachDependency(c.ID, func(d kernel.Dependency) bool {
			to := t.Info(d.To)
			for bit, k := range map[kernel.Kinds]twinKind{
				kernel.KindSR: {true, true}, kernel.KindER: {false, true}, kernel.KindSN: {true, false}, kernel.KindEN: {false, false},
			} {
				if d.Kinds&bit != 0 {
					got[fmt.Sprint(key, " -> ", twinClass{to.Key - uint64(to.Sub), to.Sub}, k)] = true
				}
			}
			return true
		})
		return true
	})
	for c, i := range t.twin.classes {
		want[fmt.Sprint("class ", c)] = true
		for n := range i.usage {
			want[fmt.Sprint(c, " ", n)] = true
		}
	}
	for e, kinds := range t.twin.edges {
		for k := range kinds {
			want[fmt.Sprint(e.from, " -> ", e.to, k)] = true
		}
	}
	for _, l := range []struct {
		a, b map[string]bool
		by   string
	}{{got, want, "validator"}, {want, got, "twin"}} {
		for s := range l.a {
			if !l.b[s] {
				return fmt.Sprintf("only the %s has %s", l.by, s)
			}
		}
	}
	return ""
}
