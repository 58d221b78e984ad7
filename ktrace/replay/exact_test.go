package replay

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/engine/kernel/lockx"
	"github.com/golockdep/lockdep/ktrace"
)

// acquisition is one as both the trace and the exact log have it.
type acquisition struct {
	pid  uint32
	lock uint64
}

// exact is the graph that the kernel made, by names.
type exact struct {
	names  map[string]int     // classes of each name, as events print it
	all    map[[2]string]bool // dependencies made at any time
	traced map[[2]string]bool // those made first while the trace was on
	whole  bool               // the trace goes to the end of the log
	usage  map[string]kernel.Usage
}

// readExact reads the exact log of a run. from and to are acquisitions in a
// row of CPU 0, the first and the last ones of the trace.
func readExact(t *testing.T, file string, from, to []acquisition) *exact {
	f, err := os.Open(file)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	x := &exact{names: map[string]int{}, all: map[[2]string]bool{}, traced: map[[2]string]bool{}, usage: map[string]kernel.Usage{}}
	name := map[int]string{}
	var row []acquisition
	on, off := false, false
	early := map[[2]string]bool{}
	var pending [][2]string
	in := lockx.NewReader(z)
	for {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch rec.Op {
		case lockx.Acq:
			if rec.CPU != 0 || on && off {
				break
			}
			row = append(row, acquisition{rec.PID, rec.Lock})
			if len(row) > len(from) {
				row = row[1:]
			}
			if !on && slices.Equal(row, from) {
				on = true
				// What was made during the row was made in the trace.
				for _, d := range pending {
					delete(early, d)
					x.traced[d] = true
				}
			} else if on && slices.Equal(row, to) {
				off = true
			}
			pending = pending[:0]
		case lockx.OutClass:
			n := string(rec.Text)
			name[rec.Class] = n
			x.names[n]++
		case lockx.OutMark:
			x.usage[name[rec.Class]] |= 1 << rec.A
		case lockx.OutDep:
			d := [2]string{name[rec.Class], name[rec.Next]}
			x.all[d] = true
			if on && !off && !early[d] {
				x.traced[d] = true
			} else if !on {
				early[d] = true
			}
		}
	}
	x.whole = !off
	if !on {
		t.Fatal("the exact log has no acquisitions like the first ones of the trace")
	}
	return x
}

// ends returns the first and the last acquisitions of CPU 0.
func ends(t *testing.T, file string) (from, to []acquisition) {
	const n = 60
	in, err := ktrace.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind != ktrace.LockAcquire || ev.CPU != 0 {
			continue
		}
		a := acquisition{uint32(ev.PID), ev.Addr}
		if len(from) < n {
			from = append(from, a)
		}
		if to = append(to, a); len(to) > n {
			to = to[1:]
		}
	}
	return from, slices.Clone(to)
}

// TestExact compares the graph that the stock events give with the one that
// the same kernel made in the same run: dependencies between classes whose
// names stand for one class each.
func TestExact(t *testing.T) {
	logs, err := filepath.Glob(filepath.Join(oracle(t), "runs", "*", "lockx.txt.zst"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, log := range logs {
		dir := filepath.Dir(log)
		for _, name := range []string{"trace.dat", "trace.txt.zst"} { // the text is often the first part only
			file := filepath.Join(dir, name)
			in, err := ktrace.Open(file)
			if errors.Is(err, ktrace.ErrUnsupported) || errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			in.Close()
			compared++
			t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) { testExact(t, log, file) })
		}
	}
	if compared == 0 {
		t.Skip("no run has both a trace and an exact log")
	}
}

func testExact(t *testing.T, log, file string) {
	from, to := ends(t, file)
	x := readExact(t, log, from, to)
	_, res := replayFile(t, Options{}, file)
	t.Logf("%+v full %q %+v", res.Counts, res.Full, res.v.Stats())
	for _, f := range res.Findings {
		t.Log(f.Level, f.Report.Summary(), f.Why)
	}
	got := map[[2]string]bool{}
	unique := func(n string) bool { return x.names[n] == 1 }
	var extra, missing [][2]string
	res.Dependencies(func(a, b kernel.ClassInfo, _ kernel.Dependency) {
		d := [2]string{a.Name, b.Name}
		if !unique(d[0]) || !unique(d[1]) || got[d] {
			return
		}
		got[d] = true
		if !x.all[d] {
			extra = append(extra, d)
		}
	})
	wanted := 0
	for d := range x.traced {
		if !unique(d[0]) || !unique(d[1]) {
			continue
		}
		wanted++
		if !got[d] {
			missing = append(missing, d)
		}
	}
	recall, precision := 1-float64(len(missing))/float64(wanted), 1-float64(len(extra))/float64(len(got))
	t.Logf("recall %.4f of %d, precision %.4f of %d", recall, wanted, precision, len(got))
	slices.SortFunc(missing, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	slices.SortFunc(extra, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	t.Log("missing", missing)
	t.Log("extra", extra)
	if precision < 0.99 {
		t.Error("want a precision of at least 0.99")
	}
	// The beginning of the run has a gap, in which lock events were off. What
	// was made there comes again, but later.
	if x.whole && recall < 0.99 {
		t.Error("want a recall of at least 0.99")
	}
}
