package lockgraph

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/golockdep/lockdep/engine"
)

// process makes the graph file of a process in which goroutine g takes the
// locks named, each while it holds those before it. Births are those of the
// names, so that one name is one instance.
func process(t *testing.T, name string, chains ...[]string) []byte {
	t.Helper()
	out := []byte(engine.Magic)
	var p []byte
	for _, s := range []string{"binary", name, "pid", "1", "start", "2"} {
		p = append(append(p, byte(len(s))), s...)
	}
	out = engine.AppendRecord(out, engine.RecHeader, p)
	v := engine.New(engine.SmallLimits(), engine.Host{Journal: func(b []byte) { out = append(out, b...) }})
	lock := func(s string) engine.RecordedLock {
		return engine.RecordedLock{Class: v.AddClass("example.org/p.T."+s, 0), Birth: uint64(s[0]), Addr: uint64(s[0]) * 64, Site: v.AddSite(engine.Frame{Func: "p.f", File: "p.go", Line: int(s[0])})}
	}
	for g, c := range chains {
		for i := 1; i < len(c); i++ {
			r := engine.Recorded{Kind: 1, Goroutine: uint64(g + 1), Lock: lock(c[i]), Stack: v.AddStack([]engine.SiteID{v.AddSite(engine.Frame{Func: "p.f", File: "p.go", Line: i})})}
			for _, h := range c[:i] {
				r.Held = append(r.Held, lock(h))
			}
			v.Observe(&r)
		}
	}
	v.FlushStats()
	return out
}

func read(t *testing.T, b []byte) *File {
	t.Helper()
	f, err := Read("f", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestUnion(t *testing.T) {
	a := process(t, "one", []string{"a", "b"}, []string{"b", "c"})
	b := process(t, "two", []string{"b", "a"})
	ab := Union(read(t, a), read(t, b)).Encode()
	if !bytes.Equal(ab, Union(read(t, b), read(t, a), read(t, b)).Encode()) {
		t.Error("the union depends on the order of files, or on repeats")
	}
	merged := Union(read(t, ab))
	if got, want := len(merged.Observations), 3; got != want {
		t.Errorf("%d observations after a round trip, want %d", got, want)
	}
	if !bytes.Equal(merged.Encode()[len(engine.Magic):], Union(read(t, ab), read(t, ab)).Encode()[len(engine.Magic):]) {
		t.Error("a merged file is not stable")
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name  string
		files [][]byte
		level engine.Level
		why   engine.Why
	}{
		{"one process, the same instances", [][]byte{process(t, "one", []string{"a", "b"}, []string{"b", "a"})}, engine.Likely, 0},
		{"halves in two processes", [][]byte{process(t, "one", []string{"a", "b"}), process(t, "two", []string{"b", "a"})}, engine.Possible, engine.WhyProcesses},
		{"a gate", [][]byte{process(t, "one", []string{"g", "a", "b"}, []string{"g", "b", "a"})}, engine.Suppressed, engine.WhyGate},
	} {
		var files []*File
		for _, b := range c.files {
			files = append(files, read(t, b))
		}
		g := Union(files...)
		f := g.Findings(g.Judge(), engine.Suppressed)
		if len(f) != 1 || f[0].Level != c.level || f[0].Why != c.why {
			t.Errorf("%s: %+v, want one finding at %v, why %b", c.name, f, c.level, c.why)
		}
	}
}

// Files of format 1 have serials in the place of births, which come round: what
// rests on them is not above possible. They go together with files of today.
func TestOldFormat(t *testing.T) {
	old := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(engine.Magic)-1] = 1
		return b
	}
	both := process(t, "one", []string{"a", "b"}, []string{"b", "a"})
	half := process(t, "two", []string{"a", "b"})
	other := process(t, "three", []string{"b", "a"})
	same := process(t, "four", []string{"c", "c"})
	for _, c := range []struct {
		name  string
		files [][]byte
		level engine.Level
		why   engine.Why
	}{
		{"old", [][]byte{old(both)}, engine.Possible, engine.WhyIdentity},
		{"new", [][]byte{both}, engine.Likely, 0},
		{"old and new", [][]byte{old(both), both}, engine.Likely, 0},
		{"halves", [][]byte{old(half), other}, engine.Possible, engine.WhyProcesses},
		{"a recursion needs one observation", [][]byte{old(same)}, engine.Proved, 0},
	} {
		var files []*File
		for _, b := range c.files {
			files = append(files, read(t, b))
		}
		g := Union(files...)
		again := Union(read(t, g.Encode()))
		for _, g := range []*Graph{g, again} {
			f := g.Findings(g.Judge(), engine.Suppressed)
			if len(f) != 1 || f[0].Level != c.level || f[0].Why != c.why {
				t.Errorf("%s: %+v, want one finding at %v, why %b", c.name, f, c.level, c.why)
			}
		}
	}
}

// A file may end anywhere: what stands before is read, and nothing panics.
func TestTruncated(t *testing.T) {
	b := process(t, "one", []string{"a", "b"}, []string{"b", "a"})
	for n := range b {
		f, err := Read("f", bytes.NewReader(b[:n]))
		if err == nil {
			continue // between two records
		}
		if !errors.Is(err, ErrTruncated) || f == nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestDamaged(t *testing.T) {
	b := process(t, "one", []string{"a", "b"})
	var format *FormatError
	for i := len(engine.Magic); i < len(b); i++ {
		d := bytes.Clone(b)
		d[i] ^= 0x10
		if _, err := Read("f", bytes.NewReader(d)); err == nil {
			t.Errorf("byte %d changed and nobody noticed", i)
		} else if errors.As(err, &format) && format.Offset == 0 {
			t.Errorf("byte %d: no offset in %v", i, err)
		}
	}
	d := bytes.Clone(b)
	d[len(engine.Magic)-1]++
	var newer *VersionError
	if _, err := Read("f", bytes.NewReader(d)); !errors.As(err, &newer) {
		t.Errorf("a newer format: %v", err)
	}
	if _, err := Read("f", bytes.NewReader([]byte("something else"))); !errors.As(err, &format) {
		t.Errorf("not a graph file: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(engine.Magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := Read("f", bytes.NewReader(b)); err == nil && g == nil {
			t.Error("neither a file nor an error")
		}
	})
}

func TestOrderDocument(t *testing.T) {
	for text, bad := range map[string]bool{
		"p.T.a -> p.T.b  # fine\n":         false,
		"p.T.a\n":                          true,
		"p.T.a -> \n":                      true,
		"p.T.a -> p.T.b\np.T.b -> p.T.a\n": true,
	} {
		if _, err := ParseOrder("order.txt", bytes.NewReader([]byte(text))); (err != nil) != bad {
			t.Errorf("%q: %v", text, err)
		}
	}
	g := Union(read(t, process(t, "one", []string{"b", "a"})))
	o, err := ParseOrder("order.txt", bytes.NewReader([]byte("# why\np.T.a -> p.T.b\n")))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if !o.Check(&out, g, g.Judge()) || !bytes.Contains(out.Bytes(), []byte("order.txt:2: lock order violated")) {
		t.Errorf("a violation is not said:\n%s", &out)
	}
	out.Reset()
	if err := g.WriteOrder(&out, nil); err != nil || !bytes.Contains(out.Bytes(), []byte("p.T.b -> p.T.a\n")) {
		t.Errorf("order: %v\n%s", err, &out)
	}
}

// Merging in any order, in any groups and by way of files gives the same bytes.
func TestUnionIsAJoin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var raw [][]byte
		for i := range 2 + r.IntN(4) {
			var chains [][]string
			for range r.IntN(4) {
				var c []string
				for range 2 + r.IntN(3) {
					c = append(c, string(rune('a'+r.IntN(5))))
				}
				chains = append(chains, c)
			}
			b := process(t, fmt.Sprint("p", i), chains...)
			b = engine.AppendRecord(b, engine.RecCount, binary.AppendUvarint(appendString(nil, "abc123"), r.Uint64N(9)))
			b = engine.AppendRecord(b, engine.RecSaid, binary.AppendUvarint(appendString(nil, "abc123"), r.Uint64N(4)))
			raw = append(raw, b)
		}
		var all []*File
		for _, b := range raw {
			all = append(all, read(t, b))
		}
		want := Union(all...)
		for range 10 {
			parts := slices.Clone(raw)
			for len(parts) > 1 {
				r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
				a, b := parts[0], parts[1]
				joined := Union(read(t, a), read(t, b)).Encode()
				parts = append(parts[2:], joined)
				if r.IntN(4) == 0 {
					parts = append(parts, a) // a file given again changes nothing
				}
			}
			g := Union(read(t, parts[0]))
			if g.Processes != want.Processes || g.Unended != want.Unended || g.Chains != want.Chains || !maps.Equal(g.Counts, want.Counts) {
				t.Fatalf("round %d: %d processes, %d chains, counts %v; want %d, %d, %v", round, g.Processes, g.Chains, g.Counts, want.Processes, want.Chains, want.Counts)
			}
			for l := engine.Possible; l <= engine.Proved; l++ {
				if g.Said("abc123", l, 0) != want.Said("abc123", l, 0) || g.Said("abc123", l, 1<<62) {
					t.Fatalf("round %d: said at %s: %v, want %v", round, l, g.Said("abc123", l, 0), want.Said("abc123", l, 0))
				}
			}
			if !bytes.Equal(g.Encode(), want.Encode()) {
				t.Fatalf("round %d: a merge of merges differs", round)
			}
		}
		if h := want.processes["p0.1.2"].Header; h["binary"] != "p0" || h["pid"] != "1" {
			t.Fatalf("header keys are lost: %v", h)
		}
	}
}

func TestVersionZero(t *testing.T) {
	b := process(t, "one", []string{"a", "b"})
	b[len(engine.Magic)-1] = 0
	var format *FormatError
	if _, err := Read("f", bytes.NewReader(b)); !errors.As(err, &format) || format.Offset != 7 {
		t.Errorf("format 0: %v, want an error at byte 7", err)
	}
}

func TestSubtractKeepsWriters(t *testing.T) {
	w := Observation{Process: "p", Kind: kindWriter, Lock: Lock{Class: "b"}, Held: []Lock{{Class: "gate"}}}
	other := Observation{Process: "p", Kind: kindWriter, Lock: Lock{Class: "x"}}
	fresh := Observation{Process: "p", Kind: 1, Lock: Lock{Class: "b"}, Held: []Lock{{Class: "a"}}}
	f := &File{
		Classes:   map[string]uint32{"a": 0, "b": 0, "gate": 0, "x": 0},
		Processes: map[string]*Process{"p": newProcess()}, Observations: []Observation{w, other, fresh},
	}
	d := Union(f).Subtract(Union())
	kinds := map[uint8]int{}
	for _, o := range d.Observations {
		kinds[o.Kind]++
	}
	if kinds[kindWriter] != 1 || kinds[1] != 1 || len(d.Classes) != 3 {
		t.Errorf("subtracted: %v with classes %v, want one lock and the writer of b", kinds, d.Classes)
	}
}

// A class that was not met fails only where the tests of its package ran.
func TestOrderOfAPart(t *testing.T) {
	o, err := ParseOrder("order.txt", bytes.NewReader([]byte("p.T.a -> p.T.b\np.T.b -> p.T.gone\n")))
	if err != nil {
		t.Fatal(err)
	}
	for binary, bad := range map[string]bool{"p.test": true, "p.test.exe": true, "q.test": false, "p": false} {
		g := Union(read(t, process(t, binary, []string{"a", "b"})))
		var out bytes.Buffer
		if o.Check(&out, g, g.Judge()) != bad || !bytes.Contains(out.Bytes(), []byte("order.txt:2: ")) || bytes.Contains(out.Bytes(), []byte("note:")) == bad {
			t.Errorf("%s: failure is not %v:\n%s", binary, bad, &out)
		}
	}
}
