package lockgraph

import (
	"fmt"
	"maps"
	"sort"
	"strconv"

	"github.com/golockdep/lockdep/engine"
)

// A Graph is the union of graph files: the set of their observations.
//
// Invariant: Observations are sorted and free of duplicates, and every other
// field is joined by a rule that knows no order (union of flags, the larger of
// two counters). So two graphs of the same files are the same whatever way they
// were put together, also by way of merged files.
type Graph struct {
	Classes      map[string]uint32
	Observations []Observation
	Processes    int
	Unended      int                // of them, those that were killed, panicked, or still run
	Chains       uint64             // over all processes
	Full         map[FullKey]uint64 // limits of the tables that were full
	Counts       map[string]uint64  // how often a finding was met, by its ID

	processes map[string]*Process
}

// A FullKey is a table that was full, and the class that had no more room in it.
type FullKey struct {
	Table engine.Table
	Class string
}

// Union puts files together.
func Union(files ...*File) *Graph {
	g := &Graph{Classes: map[string]uint32{}, Full: map[FullKey]uint64{}, Counts: map[string]uint64{}, processes: map[string]*Process{}}
	type keyed struct {
		key string
		o   Observation
	}
	var all []keyed
	seen := map[string]bool{}
	for _, f := range files {
		for name, flags := range f.Classes {
			g.Classes[name] |= flags
		}
		for _, t := range f.Full {
			k := FullKey{t.Table, t.Class}
			g.Full[k] = max(g.Full[k], t.Limit)
		}
		for name, p := range f.Processes {
			if g.processes[name] == nil {
				g.processes[name] = newProcess()
			}
			g.processes[name].join(p)
		}
		for _, o := range f.Observations {
			k := o.key()
			if !seen[k] {
				seen[k] = true
				all = append(all, keyed{k, o})
			}
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].key < all[j].key })
	for _, k := range all {
		g.Observations = append(g.Observations, k.o)
	}
	for _, p := range g.processes {
		if !p.Ended {
			g.Unended++
		}
		g.Chains += p.Chains
		for id, n := range p.Counts {
			g.Counts[id] += n
		}
	}
	g.Processes = len(g.processes)
	return g
}

// Said reports whether a process that began at since (nanoseconds since 1970) or
// later has shown the finding of that ID, at that level at least: see Process.
func (g *Graph) Said(id string, level engine.Level, since int64) bool {
	for _, p := range g.processes {
		start, err := strconv.ParseInt(p.Header["start"], 10, 64)
		if err == nil && start >= since && p.Said[id] >= level {
			return true
		}
	}
	return false
}

// join takes over what q says of the same process: one of the two may be a
// copy that was made while the process ran.
func (p *Process) join(q *Process) {
	for k, v := range q.Header {
		p.Header[k] = max(p.Header[k], v)
	}
	p.Ended = p.Ended || q.Ended
	p.Chains = max(p.Chains, q.Chains)
	for id, n := range q.Counts {
		p.Counts[id] = max(p.Counts[id], n)
	}
	for id, l := range q.Said {
		p.Said[id] = max(p.Said[id], l)
	}
}

// key is what an observation says, as text: all of it, so that observations
// with one key are the same.
func (o *Observation) key() string {
	b := fmt.Appendf(nil, "%q|%d|%d|%d|%q|", o.Process, o.Kind, o.Flags, o.Goroutine, o.Test)
	frame := func(f *engine.Frame) { b = fmt.Appendf(b, "%q %q %d;", f.Func, f.File, f.Line) }
	lock := func(l *Lock) {
		b = fmt.Appendf(b, "%q %d %d %d %t ", l.Class, l.Birth, l.Addr, l.Mode, l.Try)
		frame(&l.Site)
	}
	frame(&o.Origin)
	lock(&o.Lock)
	for i := range o.Held {
		lock(&o.Held[i])
	}
	for i := range o.Guards {
		b = fmt.Appendf(b, "guard %d ", o.Guards[i].Owner)
		lock(&o.Guards[i])
	}
	for _, m := range o.Line {
		b = fmt.Appendf(b, "at %d ", m)
	}
	b = append(b, '|')
	for i := range o.Stack {
		frame(&o.Stack[i])
	}
	if o.isWait() {
		b = fmt.Appendf(b, "|%d %d ", o.Wait, o.Waker)
		frame(&o.Event)
	}
	if o.Closer != 0 {
		b = fmt.Appendf(b, "|closed %d %d ", o.Closer, o.Behind)
		frame(&o.CloserFrom)
		frame(&o.Event)
	}
	return string(b)
}

// limits fits tables to the graph.
func (g *Graph) limits() engine.Limits {
	l := engine.DefaultLimits()
	n := uint32(len(g.Observations))
	held := uint32(0)
	for i := range g.Observations {
		held += uint32(len(g.Observations[i].Held) + len(g.Observations[i].Guards))
	}
	grow := func(have *uint32, need uint32) {
		for *have < need {
			*have *= 2
		}
	}
	grow(&l.Observations, n+2)
	grow(&l.HeldRecords, held+2)
	grow(&l.Samples, held+n+2)
	l.Chains, l.Tasks, l.Births = 1<<10, 1<<10, 1<<4
	return l
}

// Judge gives the verdict over the graph. The validator has all findings, also
// the suppressed ones, and the dependencies.
func (g *Graph) Judge() *engine.Validator {
	v := engine.New(g.limits(), engine.Host{})
	names := make([]string, 0, len(g.Classes))
	for n := range g.Classes {
		names = append(names, n)
	}
	sort.Strings(names)
	// Facts about classes come first: a handed-over lock weakens findings.
	ids := map[string]engine.ClassID{}
	for _, n := range names {
		ids[n] = v.AddClass(n, g.Classes[n])
	}
	for k, limit := range g.Full {
		v.NoteFull(engine.FullTable{Table: k.Table, Class: k.Class, Limit: limit})
	}
	lock := func(l *Lock) engine.RecordedLock {
		return engine.RecordedLock{Class: ids[l.Class], Birth: l.Birth, Addr: l.Addr, Site: v.AddSite(l.Site), Mode: l.Mode, Try: l.Try}
	}
	observe := func(o *Observation) {
		r := engine.Recorded{Kind: o.Kind, Flags: o.Flags, Process: o.Process, Goroutine: o.Goroutine, Lock: lock(&o.Lock), Line: o.Line}
		if o.Origin.File != "" {
			r.Origin = v.AddSite(o.Origin)
		}
		if o.Test != "" {
			r.Test = v.Test(o.Test)
		}
		frames := make([]engine.SiteID, len(o.Stack))
		for j, f := range o.Stack {
			frames[j] = v.AddSite(f)
		}
		r.Stack = v.AddStack(frames)
		for j := range o.Held {
			r.Held = append(r.Held, lock(&o.Held[j]))
		}
		for j := range o.Guards {
			l := lock(&o.Guards[j])
			l.Owner = o.Guards[j].Owner
			r.Guards = append(r.Guards, l)
		}
		if o.isWait() {
			r.Event, r.Wait, r.Waker = v.AddSite(o.Event), o.Wait, o.Waker
		}
		if o.Closer != 0 {
			r.Event, r.Closer, r.Behind = v.AddSite(o.Event), o.Closer, o.Behind
			if o.CloserFrom.File != "" {
				r.CloserFrom = v.AddSite(o.CloserFrom)
			}
		}
		v.Observe(&r)
	}
	// Writers come first: what readers are worth depends on them.
	for _, first := range [...]bool{true, false} {
		for i := range g.Observations {
			if o := &g.Observations[i]; o.Kind == kindWriter == first {
				observe(o)
			}
		}
	}
	return v
}

// Findings returns the findings of the judged graph v at the given level and above,
// the most certain first, then by classes.
func (g *Graph) Findings(v *engine.Validator, level engine.Level) []engine.Finding {
	var out []engine.Finding
	for id := engine.FindingID(1); id <= v.NumFindings(); id++ {
		if f, ok := v.Finding(id); ok && f.Level >= level {
			if n := g.Counts[f.ID]; n > uint64(f.Count) {
				f.Count = uint32(min(n, 1<<31))
			}
			out = append(out, f)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].Level != out[j].Level {
			return out[i].Level > out[j].Level
		}
		a, b := out[i].Sides[0], out[j].Sides[0]
		if a.Holds.Class != b.Holds.Class {
			return a.Holds.Class < b.Holds.Class
		}
		return a.Wants.Class < b.Wants.Class
	})
	return out
}

// Dependencies returns the edges of a judged graph, by name.
func Dependencies(v *engine.Validator) []engine.Edge {
	var out []engine.Edge
	v.Edges(func(e engine.Edge) bool {
		out = append(out, e)
		return true
	})
	sort.Slice(out, func(i, j int) bool {
		if out[i].From != out[j].From {
			return out[i].From < out[j].From
		}
		return out[i].To < out[j].To
	})
	return out
}

// Subtract returns the observations of g whose dependencies are not all in
// old, what a change made new, and the writers of their classes: without them a
// cycle of readers would be judged as one that nobody waits in.
func (g *Graph) Subtract(old *Graph) *Graph {
	known := map[[2]string]bool{}
	for i := range old.Observations {
		o := &old.Observations[i]
		for j := range o.Held {
			known[[2]string{o.Held[j].Class, o.Lock.Class}] = true
		}
	}
	out := &Graph{
		Classes: map[string]uint32{}, Full: g.Full, Processes: g.Processes, Unended: g.Unended, Chains: g.Chains, Counts: g.Counts,
		processes: g.processes,
	}
	fresh := make([]bool, len(g.Observations))
	stay := func(i int) {
		o := &g.Observations[i]
		fresh[i] = true
		for _, l := range append([]Lock{o.Lock}, o.Held...) {
			if l.Class != "" {
				out.Classes[l.Class] = g.Classes[l.Class]
			}
		}
	}
	for i := range g.Observations {
		o := &g.Observations[i]
		for j := range o.Held {
			if o.Kind != kindWriter && !known[[2]string{o.Held[j].Class, o.Lock.Class}] {
				stay(i)
				break
			}
		}
	}
	// What refutes a wait stays with every wait for that lock.
	for i := range g.Observations {
		if _, ok := out.Classes[g.Observations[i].Lock.Class]; ok && g.Observations[i].Kind == kindWithout {
			stay(i)
		}
	}
	// A writer's own held locks bring in no further writers: they are its gates.
	staying := maps.Clone(out.Classes)
	for i := range g.Observations {
		o := &g.Observations[i]
		if _, ok := staying[o.Lock.Class]; ok && o.Kind == kindWriter {
			stay(i)
		}
	}
	for i := range g.Observations {
		if fresh[i] {
			out.Observations = append(out.Observations, g.Observations[i])
		}
	}
	return out
}

// kindWriter is the kind of an observation that a writer exists, see
// docs/format/graph.md.
const kindWriter = 4

// flagSerial is the flag of an observation of format 1: the births of its locks
// are serials, which come round after 4095 locks.
const flagSerial = 16

// Kinds of observations of waits for events.
const (
	kindEvent   = 10
	kindWithout = 11
)

func (o *Observation) isWait() bool { return o.Kind == kindEvent || o.Kind == kindWithout }
