package lockgraph

import (
	"fmt"
	"sort"

	"github.com/golockdep/lockdep/engine"
)

// A Graph is the union of graph files: the set of their observations.
//
// Invariant: Observations are sorted and free of duplicates, so that two graphs
// of the same files are the same whatever way they were put together.
type Graph struct {
	Classes      map[string]uint32
	Observations []Observation
	Processes    int
	Chains       uint64 // over all processes
	Full         map[int]bool
	Headers      []map[string]string
	Counts       map[string]uint64 // how often a finding was met, by its ID
}

// Union puts files together.
func Union(files ...*File) *Graph {
	g := &Graph{Classes: map[string]uint32{}, Full: map[int]bool{}, Counts: map[string]uint64{}}
	type keyed struct {
		key string
		o   Observation
	}
	var all []keyed
	seen := map[string]bool{}
	processes := map[string]bool{}
	for _, f := range files {
		for name, flags := range f.Classes {
			g.Classes[name] |= flags
		}
		for _, t := range f.Full {
			g.Full[t] = true
		}
		if len(f.Header) > 0 && !processes[processName(f)] {
			processes[processName(f)] = true
			g.Headers = append(g.Headers, f.Header)
			for id, n := range f.Counts {
				g.Counts[id] += n
			}
			if len(f.Stats) > 2 {
				g.Chains += f.Stats[2]
			}
		}
		for _, o := range f.Observations {
			if o.Process != "" {
				processes[o.Process] = true
			}
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
	g.Processes = len(processes)
	return g
}

// key is what an observation says, as text.
func (o *Observation) key() string {
	s := fmt.Sprintf("%s|%d|%d|%d|%s|%v|%v|", o.Process, o.Kind, o.Flags, o.Goroutine, o.Test, o.Origin, o.Lock)
	for i := range o.Held {
		s += fmt.Sprintf("%v,", o.Held[i])
	}
	for _, f := range o.Stack {
		s += fmt.Sprintf("%s:%d;", f.Func, f.Line)
	}
	return s
}

// limits fits tables to the graph.
func (g *Graph) limits() engine.Limits {
	l := engine.DefaultLimits()
	n := uint32(len(g.Observations))
	held := uint32(0)
	for i := range g.Observations {
		held += uint32(len(g.Observations[i].Held))
	}
	grow := func(have *uint32, need uint32) {
		for *have < need {
			*have *= 2
		}
	}
	grow(&l.Observations, n+2)
	grow(&l.HeldRecords, held+2)
	grow(&l.Samples, held+n+2)
	l.Chains, l.Tasks = 1<<10, 1<<10
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
	for t := range g.Full {
		v.NoteFull(engine.Table(t))
	}
	lock := func(l *Lock) engine.RecordedLock {
		m := engine.Write
		if l.Read {
			m = engine.Read
		}
		return engine.RecordedLock{Class: ids[l.Class], Serial: l.Serial, Addr: l.Addr, Site: v.AddSite(l.Site), Mode: m, Try: l.Try}
	}
	for i := range g.Observations {
		o := &g.Observations[i]
		r := engine.Recorded{Kind: o.Kind, Flags: o.Flags, Process: o.Process, Goroutine: o.Goroutine, Lock: lock(&o.Lock)}
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
		v.Observe(&r)
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
// old: what a change made new.
func (g *Graph) Subtract(old *Graph) *Graph {
	known := map[[2]string]bool{}
	for i := range old.Observations {
		o := &old.Observations[i]
		for j := range o.Held {
			known[[2]string{o.Held[j].Class, o.Lock.Class}] = true
		}
	}
	out := &Graph{Classes: map[string]uint32{}, Full: g.Full, Processes: g.Processes, Headers: g.Headers}
	for _, o := range g.Observations {
		fresh := false
		for j := range o.Held {
			if !known[[2]string{o.Held[j].Class, o.Lock.Class}] {
				fresh = true
			}
		}
		if !fresh {
			continue
		}
		out.Observations = append(out.Observations, o)
		out.Classes[o.Lock.Class] = g.Classes[o.Lock.Class]
		for j := range o.Held {
			out.Classes[o.Held[j].Class] = g.Classes[o.Held[j].Class]
		}
	}
	return out
}
