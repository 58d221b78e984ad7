//go:build linux || darwin

package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// files writes a tree: lines "-- NAME --" begin a file.
func files(t *testing.T, dir, text string) {
	t.Helper()
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, body, ok := strings.Cut(part, " --\n")
		if !ok {
			t.Fatalf("no file begins at %q", part)
		}
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(body+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// inverted is a module whose tests take two locks in both orders.
const inverted = `
-- go.mod --
module example.org/shop

go 1.24
-- store.go --
package shop

import "sync"

type Store struct{ mu sync.Mutex }
type Index struct{ mu sync.Mutex }

func Put(s *Store, i *Index)     { s.mu.Lock(); i.mu.Lock(); i.mu.Unlock(); s.mu.Unlock() }
func Rebuild(s *Store, i *Index) { i.mu.Lock(); s.mu.Lock(); s.mu.Unlock(); i.mu.Unlock() }
-- store_test.go --
package shop

import (
	"sync"
	"testing"
)

func TestBoth(t *testing.T) {
	s, i := new(Store), new(Index)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { defer wg.Done(); Put(s, i) }()
	wg.Wait()
	Rebuild(s, i)
}

func TestNeither(t *testing.T) {
	t.Parallel()
	Put(new(Store), new(Index))
}
-- tagged_test.go --
//go:build orders

package shop

import "testing"

func TestTagged(t *testing.T) { t.Log("tagged") }
-- inner/inner_test.go --
package inner

import (
	"os/exec"
	"testing"
)

// A go command inside a test has the instrumented GOROOT, too.
func TestNested(t *testing.T) {
	if out, err := exec.Command("go", "run", "./main").CombinedOutput(); err != nil || string(out) != "nested\n" {
		t.Errorf("%v: %s", err, out)
	}
}
-- inner/main/main.go --
package main

import (
	"fmt"
	"sync"
)

func main() {
	var mu sync.Mutex
	mu.Lock()
	fmt.Println("nested")
	mu.Unlock()
}
`

func commandTool(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the instrumented GOROOT")
	}
	return buildTool(t)
}

// The planted inversion is found, by its declared names, whatever go's own flags are.
func TestGoFlags(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, inverted)
	const found = "finding: "
	for _, c := range []struct {
		args string
		exit int
		want []string // in the output; with ! not in it
	}{
		{"test ./...", exitFindings, []string{found, "(shop.Store.mu)", "(shop.Index.mu)", "--- FAIL: TestBoth", "ok  \texample.org/shop/inner"}},
		{"test -v -run TestNeither .", 0, []string{"--- PASS: TestNeither", "!" + found, "0 findings"}},
		{"test -v -tags orders -run Tagged .", 0, []string{"--- PASS: TestTagged", "!" + found}},
		{"test -count=2 -run Both .", exitFindings, []string{found}},
		{"test -cover -trimpath .", exitFindings, []string{found, "coverage: ", "(shop.Store.mu)"}},
		{"test -race .", exitFindings, []string{found, "(shop.Store.mu)", "!DATA RACE"}},
		{"test -fail=none .", 0, []string{"ok  \texample.org/shop", "1 finding"}},
		{"test -mod=vendor .", exitFindings, []string{found}},
		{"vet .", 2, []string{`unknown command "vet"`}},
	} {
		t.Run(c.args, func(t *testing.T) {
			if strings.Contains(c.args, "-race") {
				if _, err := exec.LookPath("gcc"); err != nil {
					t.Skip("no C compiler")
				}
			}
			run := runBehaviour(t, dir, nil, tool, strings.Fields(c.args)...)
			out := run.stdout + run.stderr
			if run.exit != c.exit {
				t.Errorf("exit status %d, want %d\n%s", run.exit, c.exit, out)
			}
			for _, w := range c.want {
				if not := strings.TrimPrefix(w, "!"); strings.Contains(out, not) != (not == w) {
					t.Errorf("%q in the output: %v\n%s", not, not != w, out)
				}
			}
		})
	}

	t.Run("json stays go's", func(t *testing.T) {
		run := runBehaviour(t, dir, nil, tool, "test", "-json", ".")
		lines := bufio.NewScanner(strings.NewReader(run.stdout))
		failed := false
		for lines.Scan() {
			var e struct{ Action, Test string }
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
				t.Errorf("%v: %s", err, lines.Bytes())
			}
			failed = failed || e.Action == "fail" && e.Test == "TestBoth"
		}
		if !failed || run.exit != exitFindings {
			t.Errorf("failed %v, exit status %d\n%s%s", failed, run.exit, run.stdout, run.stderr)
		}
	})

	t.Run("the binary of -c", func(t *testing.T) {
		exe := filepath.Join(t.TempDir(), "shop.test")
		if run := runBehaviour(t, dir, nil, tool, "test", "-c", "-o", exe, "."); run.exit != 0 {
			t.Fatalf("exit status %d\n%s", run.exit, run.stderr)
		}
		run := runBehaviour(t, dir, nil, exe)
		if run.exit == 0 || !strings.Contains(run.stdout, "(shop.Store.mu)") {
			t.Errorf("exit status %d\n%s%s", run.exit, run.stdout, run.stderr)
		}
	})

	t.Run("a workspace", func(t *testing.T) {
		work := t.TempDir()
		files(t, filepath.Join(work, "shop"), inverted)
		files(t, work, "-- go.work --\ngo 1.24\n\nuse ./shop\nuse ./till\n-- till/go.mod --\nmodule example.org/till\n\ngo 1.24\n"+
			"-- till/till_test.go --\npackage till\n\nimport (\n\t\"example.org/shop\"\n\t\"testing\"\n)\n\n"+
			"func TestTill(t *testing.T) {\n\ts, i := new(shop.Store), new(shop.Index)\n\tdone := make(chan bool)\n\tgo func() { shop.Put(s, i); close(done) }()\n\t<-done\n\tshop.Rebuild(s, i)\n}\n")
		run := runBehaviour(t, filepath.Join(work, "till"), []string{"GOWORK="}, tool, "test", "./...")
		if run.exit != exitFindings || !strings.Contains(run.stdout, "(shop.Store.mu)") {
			t.Errorf("exit status %d\n%s%s", run.exit, run.stdout, run.stderr)
		}
	})

	t.Run("run -C", func(t *testing.T) {
		run := runBehaviour(t, t.TempDir(), nil, tool, "run", "-C", filepath.Join(dir, "inner"), "./main")
		if run.exit != 0 || run.stdout != "nested\n" {
			t.Errorf("exit status %d\n%s%s", run.exit, run.stdout, run.stderr)
		}
	})
}

// Bad input is a clear error with a remedy and exit status 2; what was there
// before is still there.
func TestBadInput(t *testing.T) {
	tool := commandTool(t)
	good := t.TempDir()
	files(t, good, inverted)
	newer := t.TempDir()
	files(t, newer, "-- new.ldg --\nldgraph\x63")
	corrupt := t.TempDir()
	files(t, corrupt, "-- bad.ldg --\nldgraph\x01\x05Cxxxxyyyyzzzz")
	broken := t.TempDir()
	files(t, broken, "-- go.mod --\nmodule example.org/broken\n\ngo 1.24\n-- b_test.go --\npackage broken\n\nfunc TestX(t *testing.T) {}\n")
	future := t.TempDir()
	files(t, future, "-- go.mod --\nmodule example.org/future\n\ngo 1.99\n-- f.go --\npackage future\n")
	rules := filepath.Join(t.TempDir(), "ignore")
	files(t, filepath.Dir(rules), "-- ignore --\nnonsense rule\n-- unused --\nexample.org/shop.A.mu -> example.org/shop.B.mu  # gone\n-- file --\n\n-- old.jsonl --\nkept\n")
	old := filepath.Join(filepath.Dir(rules), "old.jsonl")
	notDir := filepath.Join(filepath.Dir(rules), "file")

	for _, c := range []struct {
		name, dir string
		env       []string
		args      string
		exit      int
		want      []string
	}{
		{"a module that does not build", broken, nil, "test .", 1, []string{"undefined: testing", "[build failed]", "!lockdep:"}},
		{"no module", t.TempDir(), nil, "test ./...", 1, []string{"does not contain main module", "!lockdep:"}},
		{"a Go version that go cannot get", future, []string{"GOTOOLCHAIN=local"}, "test .", 1, []string{"go.mod requires go >= 1.99", "!lockdep:"}},
		{"a cache that cannot be written", good, []string{"LOCKDEPCACHE=" + notDir, "XDG_CACHE_HOME=" + notDir, "GOCACHE=" + filepath.Join(t.TempDir(), "c")}, "test .", 2, []string{"lockdep: ", "file"}},
		{"a wrong suppression", good, nil, "test -ignore=" + rules + " -findings=" + old + " .", 2, []string{"ignore:1", "write [KIND] CLASS"}},
		{"no suppressions", good, nil, "test -ignore=nothing.txt .", 2, []string{"reading suppressions", "-ignore=FILE"}},
		{"an unused suppression", good, nil, "test -run Neither -ignore=" + filepath.Join(filepath.Dir(rules), "unused") + " .", 2, []string{"unused:1", "delete the line", "0 findings"}},
		{"an unknown level", good, nil, "test -fail=maybe -findings=" + old + " .", 2, []string{"maybe", "possible, likely"}},
		{"findings where no directory is", good, nil, "test -findings=none/f.jsonl .", 2, []string{"writing findings", "-findings=FILE"}},
		{"SARIF into a directory", good, nil, "test -findings=" + old + " -sarif=. .", 2, []string{"is a directory", "-sarif=FILE"}},
		{"a graph directory that is a file", good, nil, "test -graph=" + notDir + " .", 2, []string{"-graph=DIR"}},
		{"a newer graph", newer, nil, "graph verdict .", 2, []string{"new.ldg", "is newer than", "use the lockdep that wrote it"}},
		{"a corrupt graph", corrupt, nil, "graph verdict .", 2, []string{"bad.ldg"}},
		{"a graph that is not there", good, nil, "graph stats nothing", 2, []string{"nothing"}},
		{"a finding that is not there", good, nil, "explain 000000", 2, []string{"000000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := runBehaviour(t, c.dir, c.env, tool, strings.Fields(c.args)...)
			out := run.stdout + run.stderr
			if run.exit != c.exit {
				t.Errorf("exit status %d, want %d\n%s", run.exit, c.exit, out)
			}
			for _, w := range c.want {
				if not := strings.TrimPrefix(w, "!"); strings.Contains(out, not) != (not == w) {
					t.Errorf("%q in the output: %v\n%s", not, not != w, out)
				}
			}
			if text, err := os.ReadFile(old); err != nil || string(text) != "kept\n\n" {
				t.Errorf("the findings of the last run are gone: %q %v", text, err)
			}
		})
	}

	t.Run("a full disk", func(t *testing.T) {
		if _, err := os.Stat("/dev/full"); err != nil {
			t.Skip("no /dev/full")
		}
		run := runBehaviour(t, good, nil, tool, "test", "-run=Both", "-findings=/dev/full", ".")
		if run.exit != 2 || !strings.Contains(run.stderr, "no space left") {
			t.Errorf("exit status %d\n%s", run.exit, run.stderr)
		}
		if st, err := os.Stat("/dev/full"); err != nil || st.Mode().IsRegular() {
			t.Error("the device was replaced by a file")
		}
	})
}
