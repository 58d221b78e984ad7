package lockgraph

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/golockdep/lockdep/engine"
)

// writer numbers what it writes.
type writer struct {
	out     []byte
	classes map[string]uint64
	sites   map[engine.Frame]uint64
	stacks  map[string]uint64
	tests   map[string]uint64
}

// Encode returns the graph as one graph file. Its observations keep the names
// of their processes: a header record stands before those of each process.
func (g *Graph) Encode() []byte {
	w := &writer{out: []byte(engine.Magic), classes: map[string]uint64{}, sites: map[engine.Frame]uint64{}, stacks: map[string]uint64{}, tests: map[string]uint64{}}
	names := make([]string, 0, len(g.Classes))
	for n := range g.Classes {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		w.class(n, g.Classes[n])
	}
	full := slices.SortedFunc(maps.Keys(g.Full), func(a, b FullKey) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Class, b.Class))
	})
	for _, k := range full {
		p := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(k.Table)), g.Full[k])
		if k.Class != "" {
			p = appendString(p, k.Class)
		}
		w.record(engine.RecLimit, p)
	}
	// Observations are sorted by process first, though not as names compare.
	byProcess := map[string][]*Observation{}
	for i := range g.Observations {
		o := &g.Observations[i]
		byProcess[o.Process] = append(byProcess[o.Process], o)
	}
	for _, name := range slices.Sorted(maps.Keys(g.processes)) {
		w.process(name, g.processes[name])
		for _, o := range byProcess[name] {
			w.observation(o)
		}
	}
	return w.out
}

// process writes what is known of a process; its observations follow.
func (w *writer) process(name string, p *Process) {
	h := appendString(appendString(nil, "process"), name)
	for _, k := range slices.Sorted(maps.Keys(p.Header)) {
		if k != "process" {
			h = appendString(appendString(h, k), p.Header[k])
		}
	}
	w.record(engine.RecHeader, h)
	if p.Ended {
		x := binary.AppendUvarint(nil, 3)
		for _, n := range []uint64{0, 0, p.Chains} {
			x = binary.AppendUvarint(x, n)
		}
		w.record(engine.RecStats, x)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Counts)) {
		w.record(engine.RecCount, binary.AppendUvarint(appendString(nil, id), p.Counts[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(p.Said)) {
		w.record(engine.RecSaid, binary.AppendUvarint(appendString(nil, id), uint64(p.Said[id])))
	}
}

func (w *writer) record(typ byte, p []byte) { w.out = engine.AppendRecord(w.out, typ, p) }

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (w *writer) class(name string, flags uint32) uint64 {
	if name == "" {
		return 0
	}
	id, ok := w.classes[name]
	if !ok {
		id = uint64(len(w.classes) + 1)
		w.classes[name] = id
		p := binary.AppendUvarint(nil, id)
		p = binary.AppendUvarint(p, uint64(flags))
		w.record(engine.RecClass, appendString(p, name))
	}
	return id
}

func (w *writer) site(f engine.Frame) uint64 {
	if f == (engine.Frame{}) {
		return 0
	}
	id, ok := w.sites[f]
	if !ok {
		id = uint64(len(w.sites) + 1)
		w.sites[f] = id
		p := binary.AppendUvarint(nil, id)
		p = appendString(appendString(p, f.Func), f.File)
		w.record(engine.RecSite, binary.AppendUvarint(p, uint64(f.Line)))
	}
	return id
}

func (w *writer) stack(frames []engine.Frame) uint64 {
	if len(frames) == 0 {
		return 0
	}
	var ids []byte
	for _, f := range frames {
		ids = binary.AppendUvarint(ids, w.site(f))
	}
	id, ok := w.stacks[string(ids)]
	if !ok {
		id = uint64(len(w.stacks) + 1)
		w.stacks[string(ids)] = id
		p := binary.AppendUvarint(nil, id)
		p = binary.AppendUvarint(p, uint64(len(frames)))
		w.record(engine.RecStack, append(p, ids...))
	}
	return id
}

func (w *writer) test(name string) uint64 {
	if name == "" {
		return 0
	}
	id, ok := w.tests[name]
	if !ok {
		id = uint64(len(w.tests) + 1)
		w.tests[name] = id
		w.record(engine.RecTest, appendString(binary.AppendUvarint(nil, id), name))
	}
	return id
}

func (w *writer) lock(p []byte, l *Lock) []byte {
	p = binary.AppendUvarint(p, w.class(l.Class, 0))
	p = binary.AppendUvarint(p, l.Birth)
	p = binary.AppendUvarint(p, l.Addr)
	p = binary.AppendUvarint(p, w.site(l.Site))
	m := byte(l.Mode)
	if l.Try {
		m |= 0x80
	}
	return append(p, m)
}

func (w *writer) observation(o *Observation) {
	p := []byte{o.Kind, o.Flags}
	p = binary.AppendUvarint(p, o.Goroutine)
	p = binary.AppendUvarint(p, w.site(o.Origin))
	p = binary.AppendUvarint(p, w.test(o.Test))
	p = binary.AppendUvarint(p, w.stack(o.Stack))
	p = w.lock(p, &o.Lock)
	p = binary.AppendUvarint(p, uint64(len(o.Held)))
	for i := range o.Held {
		p = w.lock(p, &o.Held[i])
	}
	if o.isWait() {
		p = binary.AppendUvarint(p, w.site(o.Event))
		p = append(p, byte(o.Wait))
		p = binary.AppendUvarint(p, o.Waker)
	}
	if len(o.Guards)+len(o.Line) > 0 || o.Closer != 0 {
		p = binary.AppendUvarint(p, uint64(len(o.Guards)))
		for i := range o.Guards {
			p = binary.AppendUvarint(w.lock(p, &o.Guards[i]), o.Guards[i].Owner)
		}
	}
	if len(o.Line) > 0 || o.Closer != 0 {
		p = binary.AppendUvarint(p, uint64(len(o.Line)))
		for _, m := range o.Line {
			p = binary.AppendUvarint(p, m)
		}
	}
	if o.Closer != 0 {
		p = binary.AppendUvarint(p, o.Closer)
		p = binary.AppendUvarint(p, w.site(o.CloserFrom))
		p = binary.AppendUvarint(p, uint64(o.Behind))
		p = binary.AppendUvarint(p, w.site(o.Event))
	}
	w.record(engine.RecObs, p)
}

// WriteFile writes the graph to a file, whole or not at all.
func (g *Graph) WriteFile(name string) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".lockdep-*")
	if err != nil {
		return fmt.Errorf("writing a lock graph: %w; give a file in a writable directory", err)
	}
	_, err = tmp.Write(g.Encode())
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		// Others read it too: a temporary file is its owner's alone.
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("writing a lock graph: %w; make room, or give another file", err)
	}
	return nil
}
