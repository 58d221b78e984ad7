package replay

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/lockgraph"
)

// Numbers of the graph file (docs/format/graph.md).
const (
	graphLock   = 1 // an acquisition
	graphReader = 1
)

// Graph returns what was learned as a graph that lockgraph merges, compares
// and prints: an observation for each chain, with the locks that were held in
// the same interrupt context.
//
// A graph file knows writers, readers that queue, and tries. So unchecked locks
// and recursive readers are not in it, nor is what happened in which interrupt;
// a verdict on it is one by Go's rules. A trace is a process there, a task a
// goroutine, and a place is task, CPU and time.
func (res *Result) Graph() *lockgraph.Graph {
	r := res.j.r
	names := res.names()
	files := map[uint16]*lockgraph.File{}
	for i := range r.seen {
		o := &r.seen[i]
		if o.what != take || o.again {
			continue
		}
		f := files[o.file]
		if f == nil {
			process := fmt.Sprintf("%s.%d", filepath.Base(r.files[o.file]), o.file)
			f = &lockgraph.File{
				Name: r.files[o.file], Classes: map[string]uint32{},
				Processes: map[string]*lockgraph.Process{process: {
					Header: map[string]string{"binary": filepath.Base(r.files[o.file]), "trace": r.files[o.file]}, Counts: map[string]uint64{},
				}},
			}
			files[o.file] = f
		}
		entries := r.pool[o.first:][:o.n]
		out := lockgraph.Observation{Kind: graphLock, Goroutine: uint64(uint32(o.pid))}
		for name := range f.Processes {
			out.Process = name
		}
		for j := range entries {
			e := &entries[j]
			last := j == len(entries)-1
			if e.state.irq() != entries[len(entries)-1].state.irq() {
				continue
			}
			m := res.j.mode(e)
			name := names[e.class]
			if name == "" || m&kernel.Check == 0 || m&kernel.Recursive != 0 {
				if last {
					out.Kind = 0
				}
				continue
			}
			f.Classes[name] |= 0
			l := lockgraph.Lock{Class: name, Birth: 1, Addr: e.addr, Try: m&kernel.Try != 0, Site: r.frame(o, e)}
			if m&kernel.Shared != 0 {
				l.Mode = graphReader
			}
			if last {
				out.Lock = l
			} else {
				out.Held = append(out.Held, l)
			}
		}
		if out.Kind != 0 && len(out.Held) > 0 {
			out.Stack = []engine.Frame{out.Lock.Site}
			f.Observations = append(f.Observations, out)
		}
	}
	var all []*lockgraph.File
	for i := range r.files {
		if f := files[uint16(i)]; f != nil {
			all = append(all, f)
		}
	}
	return lockgraph.Union(all...)
}

// names are the classes' names as the engine tells them apart.
func (res *Result) names() map[classID]string {
	r := res.j.r
	byKey := map[uint64]string{}
	res.v.EachClass(func(c kernel.ClassInfo) bool {
		byKey[c.Key] = ClassName(c)
		return true
	})
	out := map[classID]string{}
	for i := range r.classes[1:] {
		c := &r.classes[i+1]
		out[classID(i+1)] = byKey[uint64(c.base)<<8+uint64(c.sub)]
	}
	return out
}

func (r *Replay) frame(o *observation, e *taken) engine.Frame {
	return engine.Frame{
		// Functions are shortened at slashes, which comms have.
		Func: fmt.Sprintf("%s-%d [%03d] %s", strings.ReplaceAll(o.comm, "/", ":"), o.pid, e.cpu, seconds(e.time)), File: filepath.Base(r.files[o.file]),
	}
}
