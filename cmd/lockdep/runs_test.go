//go:build linux || darwin

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A finding is explained after later runs, from anywhere in the module, also one of
// "lockdep run"; what runs nothing leaves the last run alone.
func TestEarlierRuns(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, inverted)
	lockdep := func(in string, args ...string) (string, int) {
		t.Helper()
		cmd := exec.Command(tool, args...)
		cmd.Dir = in
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	id := func(out string) string {
		t.Helper()
		m := regexp.MustCompile(`finding: (\w{6})`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no finding:\n%s", out)
		}
		return m[1]
	}
	out, _ := lockdep(dir, "test", "-run=TestBoth", ".")
	first := id(out)
	last := func() string {
		var names []string
		all, _ := filepath.Glob(filepath.Join(dir, ".lockdep", "*"))
		for _, f := range all {
			names = append(names, filepath.Base(f))
		}
		return strings.Join(names, " ")
	}
	before := last()
	if out, code := lockdep(dir, "test", "-c", "-o", os.DevNull, "."); code != 0 || last() != before {
		t.Errorf("after test -c, status %d: %s; before: %s\n%s", code, last(), before, out)
	}
	for _, c := range []struct{ in, where string }{{dir, ""}, {filepath.Join(dir, "inner"), ""}, {t.TempDir(), dir}} {
		args := []string{"explain", first}
		if c.where != "" {
			args = append(args, "-C", c.where)
		}
		if out, code := lockdep(c.in, args...); code != 0 || !strings.Contains(out, "shop.Store.mu") || strings.Contains(out, "not in the last run") {
			t.Errorf("explain in %s: status %d\n%s", c.in, code, out)
		}
	}
	for range 3 {
		lockdep(dir, "test", "-run=TestNeither", ".")
	}
	out, code := lockdep(filepath.Join(dir, "inner"), "explain", first)
	if code != 0 || !strings.Contains(out, "shop.Store.mu") || !strings.Contains(out, first+" is not in the last run") {
		t.Errorf("explain after later runs: status %d\n%s", code, out)
	}
	if out, code := lockdep(dir, "explain", "000000"); code != 2 || !strings.Contains(out, "000000") {
		t.Errorf("explain of an unknown ID: status %d\n%s", code, out)
	}
	if text, err := os.ReadFile(filepath.Join(dir, ".lockdep", ".gitignore")); err != nil || string(text) != "*\n" {
		t.Errorf(".gitignore: %q, %v", text, err)
	}
	// A program's findings are those of the last run as well.
	files(t, dir, `
-- both/main.go --
package main

import (
	"sync"

	"example.org/shop"
)

func main() {
	s, i := new(shop.Store), new(shop.Index)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { defer wg.Done(); shop.Put(s, i) }()
	wg.Wait()
	shop.Rebuild(s, i)
}
`)
	out, code = lockdep(dir, "run", "./both")
	if code != 66 {
		t.Errorf("run: status %d\n%s", code, out)
	}
	if out, code := lockdep(dir, "explain", id(out)); code != 0 || strings.Contains(out, "not in the last run") {
		t.Errorf("explain of a program's finding: status %d\n%s", code, out)
	}
}

// The findings of so many runs are kept, the newest.
func TestRunsAreBounded(t *testing.T) {
	dir := t.TempDir()
	for range earlierRuns + 5 {
		if err := os.WriteFile(filepath.Join(dir, findingsFile), []byte("{}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		newRun(dir)
	}
	if n := len(earlierFiles(dir)); n == 0 || n > earlierRuns {
		t.Errorf("%d runs are kept, want %d at most", n, earlierRuns)
	}
	if _, err := os.Stat(filepath.Join(dir, findingsFile)); err == nil {
		t.Error("the last run's findings are there still")
	}
}
