package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golockdep/lockdep/engine"
)

// run makes a result with an empty graph file, changed by each of change.
func fake(t *testing.T, change ...func(*result)) *result {
	t.Helper()
	r := &result{
		exit: "exit status 0", stdout: []byte("--- PASS: TestA (0.00s)\n    --- SKIP: TestA/b\n"), took: time.Second, rss: 100 << 20,
		meter: &figures{Late: time.Millisecond, Pause: time.Millisecond, Goroutines: 1}, dir: t.TempDir(),
	}
	if err := os.Mkdir(filepath.Join(r.dir, "graph"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "graph", "x.ldg"), []byte(engine.Magic), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	return r
}

// Every kind of difference is seen, and told from what other load can cause.
func TestCompare(t *testing.T) {
	s := &soaker{o: options{bounds: defaultBounds}}
	main := pair{program: program{name: "p"}, config: config{name: "c"}}
	dies := pair{program: program{name: "p", dies: true}}
	own := pair{program: program{name: "p", target: target{tests: true}}}
	library := pair{program: program{name: "p", target: target{tests: true, library: true}}}
	for _, c := range []struct {
		name        string
		pair        pair
		change      func(*result)
		sure, noise string // a part of one line; empty: none
	}{
		{"nothing", main, func(r *result) {}, "", ""},
		{"a status", main, func(r *result) { r.exit = "exit status 66" }, "exit status 66, in plain Go exit status 0", ""},
		{"a hang", main, func(r *result) { r.hung = true }, "it hangs", ""},
		{"output", main, func(r *result) { r.stdout = []byte("else") }, "standard output differs", ""},
		{"complaints", main, func(r *result) { r.stderr = []byte("lockdep: no memory\n") }, "standard error differs", ""},
		{"where pages are", main, func(r *result) { r.stderr = []byte("lockdep: serving http://127.0.0.1:1/debug/lockdep/\n") }, "", ""},
		{"a dying program's stacks", dies, func(r *result) { r.stderr = []byte("goroutine 1") }, "", ""},
		{"a failed test", own, func(r *result) { r.stdout = []byte("--- FAIL: TestA (0.00s)\n    --- SKIP: TestA/b\n") }, `test TestA: "FAIL", in plain Go "PASS"`, ""},
		{"a test that is gone", own, func(r *result) { r.stdout = []byte("--- PASS: TestA (0.00s)\n") }, `test TestA/b: "", in plain Go "SKIP"`, ""},
		{"a failed test of others", library, func(r *result) { r.stdout = []byte("--- FAIL: TestA (0.00s)\n    --- SKIP: TestA/b\n") }, "", "test TestA"},
		{"memory", main, func(r *result) { r.rss = 247 << 20 }, "", "peak memory: 247 MB, bound 246 MB"},
		{"a pause", main, func(r *result) { r.meter.Pause = time.Second }, "", "longest pause: 1000 ms, bound 253 ms"},
		{"lateness", main, func(r *result) { r.meter.Late = time.Second }, "", "late: 1000 ms"},
		{"goroutines", main, func(r *result) { r.meter.Goroutines = 2 }, "", "goroutines at the end: 2"},
		{"a page", main, func(r *result) { r.badPages = []string{"page held: status 500"} }, "page held", ""},
		{"no graph", main, func(r *result) { os.Remove(filepath.Join(r.dir, "graph", "x.ldg")) }, "no graph file", ""},
		{"a damaged graph", main, func(r *result) { os.WriteFile(filepath.Join(r.dir, "graph", "x.ldg"), []byte("nothing"), 0o644) }, "not a lock graph file", ""},
	} {
		sure, noise := s.compare(c.pair, baseline{fake(t)}, fake(t, c.change))
		for _, got := range []struct {
			kind  string
			lines []string
			want  string
		}{{"sure", sure, c.sure}, {"noise", noise, c.noise}} {
			switch text := strings.Join(got.lines, "; "); {
			case got.want == "" && len(got.lines) > 0, got.want != "" && !strings.Contains(text, got.want):
				t.Errorf("%s: %s: %q, want %q", c.name, got.kind, text, got.want)
			}
		}
	}

	// What one run in plain Go does, too, is no difference.
	flaky := func(r *result) { r.exit = "exit status 1"; r.rss = 300 << 20 }
	if sure, noise := s.compare(main, baseline{fake(t), fake(t, flaky)}, fake(t, flaky)); len(sure)+len(noise) > 0 {
		t.Errorf("as in plain Go: %q %q", sure, noise)
	}
}

// A program that stands still is killed, with its stacks.
func TestHang(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGQUIT")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := program{name: "hangs", args: []string{"-test.run=^TestStandsStill$"}}
	s := &soaker{work: t.TempDir(), exe: map[target]map[build]string{p.target: {plain: exe}}}
	t.Setenv("SOAK_STAND", "still")
	r, err := s.run(context.Background(), p, config{procs: 2}, plain, 1, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if !r.hung || !strings.Contains(string(r.stdout)+string(r.stderr), "soak.TestStandsStill") && !strings.Contains(string(r.stderr), "TestStandsStill") {
		t.Errorf("hung %v, %s\n%s", r.hung, r.exit, r.stderr)
	}
}

func TestStandsStill(t *testing.T) {
	if os.Getenv("SOAK_STAND") == "" {
		t.Skip("runs below TestHang")
	}
	time.Sleep(time.Hour)
}

func TestPairs(t *testing.T) {
	all, err := pairs("")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.String()] {
			t.Errorf("%s twice", p)
		}
		seen[p.String()] = true
		if p.config.pages && !p.program.target.serves {
			t.Errorf("%s cannot serve pages", p)
		}
		if !p.config.build.lockdep() || p.config.build.baseline().lockdep() {
			t.Errorf("%s: builds %s and %s", p, p.config.build, p.config.build.baseline())
		}
	}
	one, err := pairs("pools/race64")
	if err != nil || len(one) != 1 {
		t.Fatalf("%v, %v", one, err)
	}
	b := batches(one)
	for _, k := range []build{plainRace, lockedRace} {
		if ts := b[batch{"programs", false, k}]; len(b) != 2 || !slices.Equal(ts, []target{one[0].program.target}) {
			t.Errorf("batches %v", b)
		}
	}
	if two, err := pairs("pools/race64,trees/gc1"); err != nil || len(two) != 2 {
		t.Errorf("%v, %v", two, err)
	}
	if _, err := pairs("nothing"); err == nil {
		t.Error("no error for a program that is not there")
	}
}
