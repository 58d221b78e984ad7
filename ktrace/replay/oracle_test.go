package replay

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/ktrace"
	"github.com/golockdep/lockdep/report/splat"
)

func oracle(t testing.TB) string {
	dir := os.Getenv("LOCKDEP_ORACLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "oracle")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no oracle: set LOCKDEP_ORACLE")
	}
	return dir
}

func replayFile(t testing.TB, opt Options, files ...string) (*Replay, *Result) {
	t.Helper()
	r := New(opt)
	for _, f := range files {
		in, err := ktrace.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		r.Read(f, in, func(int) {}, func(err error) bool { t.Error(err); return true })
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	return r, r.Judge()
}

// TestModules replays the trace text of every module case: what the kernel
// reported is found where the events carry enough, and nothing else.
func TestModules(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(oracle(t), "modules*", "*.fix*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal("no module cases", err)
	}
	for _, dir := range dirs {
		trace := filepath.Join(dir, "trace.txt.zst")
		if _, err := os.Stat(trace); err != nil {
			continue // modules-full has no traces
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			log, err := os.Open(filepath.Join(dir, "dmesg.txt"))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			kernels, err := splat.Parse(log)
			if err != nil {
				t.Fatal(err)
			}
			_, res := replayFile(t, Options{}, trace)
			if res.Full != "" || res.Counts.LockEvents == 0 {
				t.Fatalf("full %q, counts %+v", res.Full, res.Counts)
			}
			wanted := map[string]bool{} // classes of the kernel's reports
			same := map[*Finding]bool{}
			for _, k := range kernels {
				for _, c := range names(k.Classes()) {
					wanted[c] = true
				}
				found := Level(0) // of what equals k
				var doubt []string
				for _, f := range res.Findings {
					if f.Report.Kind == k.Kind && f.Report.State == k.State &&
						slices.Equal(names(f.Report.Cycle()), names(k.Cycle())) && slices.Equal(names(f.Report.Classes()), names(k.Classes())) {
						found, same[f], doubt = max(found, f.Level), true, f.Why
					}
				}
				why := notCarried(k)
				switch {
				case why != "":
					t.Logf("%s: the events do not carry it: %s", k.Summary(), why)
					if found == Likely {
						t.Error("found nevertheless: is the reason right?")
					}
				case found == Possible:
					t.Logf("%s: possible only: %q", k.Summary(), doubt)
				case found != Likely:
					t.Errorf("%s: found at level %s, want likely", k.Summary(), found)
				}
			}
			for _, f := range res.Findings {
				// Where the kernel stopped, we go on: more about the same locks may follow.
				own := slices.ContainsFunc(names(f.Report.Classes()), func(c string) bool { return wanted[c] })
				if f.Level == Likely && !own && !same[f] {
					t.Errorf("the kernel has no report like %s", f.Report.Summary())
				}
				var b bytes.Buffer
				if err := f.Report.Kernel(&b); err != nil {
					t.Error(err)
				}
				back, err := splat.Parse(&b)
				if err != nil || len(back) != 1 || back[0].Kind != f.Report.Kind || back[0].Key() != f.Report.Key() {
					t.Errorf("%s: printed and read again it is %d reports, %v", f.Report.Summary(), len(back), err)
				}
			}
		})
	}
}

// TestWaits: with waits, the module cases with a report have no more than
// without. Of those without one, m18.fix0 is a deadlock over a completion; its
// twin and all others are silent.
func TestWaits(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(oracle(t), "modules", "*", "trace.txt.zst"))
	if err != nil || len(files) == 0 {
		t.Fatal("no module cases", err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			_, res := replayFile(t, Options{Waits: true}, file)
			for _, f := range res.Findings {
				if f.Waits {
					got = append(got, strings.Join(f.Report.Cycle(), " "))
				}
			}
			var want []string
			if name == "m18_completion.fix0" {
				want = []string{"lx_m (complete)lx_done"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if res.Counts.Waits == 0 {
				t.Error("no wait was seen")
			}
		})
	}
}

// notCarried says why the stock events cannot carry a report, or "".
func notCarried(k *splat.Report) string {
	switch k.Kind {
	case splat.RCU:
		return "the use of an RCU pointer has no event"
	case splat.HeldFreed:
		return "freeing memory has no event"
	case splat.NestLock:
		return "no event has the lock that serialises others"
	case splat.Limit, splat.Assert, splat.ChainCollision, splat.Contention:
		return "it is a check of the validator's own"
	case splat.Circular, splat.IRQOrder:
		if k.Scenario != nil && slices.ContainsFunc(k.Scenario.Steps, func(s splat.Step) bool { return s.Op == "sync" }) {
			return "lock_sync has no event"
		}
	case splat.Recursive:
		if k.Acquire.Inst != k.Holding.Inst {
			return "two locks of one class: no event has the subclass or the lock that serialises them"
		}
	case splat.WaitContext:
		if k.Acquire.Wait != "4:4" {
			return "no event tells a raw spin lock from another"
		}
	}
	return ""
}

var versionRE = regexp.MustCompile(`#\d+`)

// names are classes without their versions, which number classes of one name,
// as a trace cannot.
func names(classes []string) []string {
	out := make([]string, len(classes))
	for i, c := range classes {
		out[i] = versionRE.ReplaceAllString(c, "")
	}
	return out
}

// TestRuns replays the whole runs, in which the kernel reported nothing: no
// finding is likely, none rests on a wait alone.
func TestRuns(t *testing.T) {
	var files []string
	for _, pattern := range []string{"runs/*/trace.*", "perf/*.data", "perf/*.data.zst", "perf/*.script.zst"} {
		more, err := filepath.Glob(filepath.Join(oracle(t), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	if len(files) == 0 {
		t.Fatal("no runs")
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			_, res := replayFile(t, Options{Waits: true}, file)
			if res.Counts.LockEvents == 0 || res.Full != "" {
				t.Fatalf("counts %+v, full %q", res.Counts, res.Full)
			}
			for _, f := range res.Findings {
				if f.Level == Likely || f.Waits && len(f.Why) == 1 {
					var b bytes.Buffer
					if err := f.Report.Kernel(&b); err != nil {
						t.Error(err)
					}
					t.Errorf("%s\n%s", f.Level, &b)
				}
			}
		})
	}
}

// TestDamage: what cannot be read of a run in which the kernel reported
// nothing makes no finding.
func TestDamage(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(oracle(t), "runs", "s_work4", "trace.dat"))
	if err != nil {
		t.Skip(err)
	}
	for i := range 20 {
		data := bytes.Clone(whole)
		at := len(data)/3 + i*len(data)/20
		if i < 12 {
			copy(data[at:], "this was overwritten by something")
		} else {
			// Cut off: of some CPUs there is only the beginning, of others nothing.
			at = len(data)/3 + (i-12)*len(data)/12
			data = data[:at]
		}
		in, err := ktrace.NewReader(bytes.NewReader(data))
		if err != nil {
			continue // it hit what the rest cannot be read without
		}
		r, damages := New(Options{Waits: true}), 0
		r.Read("damaged", in, func(int) {}, func(error) bool { damages++; return true })
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		res := r.Judge()
		t.Logf("byte %d: %d damages, %d of %d events beside them, %d dependencies", at, damages, res.Counts.Beside, res.Counts.Events, res.v.Stats().Edges)
		for _, f := range res.Findings {
			if f.Level == Likely {
				t.Errorf("byte %d: %s", at, f.Report.Summary())
			}
		}
	}
}
