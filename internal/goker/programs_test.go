package goker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	expectation = regexp.MustCompile("make(Flaky)?Test\\(\"(\\w+)\"((?:\\s*,|\\s*//.*|\\s*`[^`]+`)*)\\s*\\)")
	quoted      = regexp.MustCompile("`([^`]+)`")
)

// TestPrograms runs the simple and the common patterns that Go keeps beside the kernels, with the expectations of Go's
// own test of its profile (TestGoroutineLeakProfile): each goroutine that is said to leak is in a report, and a program
// that leaks none has no report.
func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile")
	test, err := os.ReadFile(filepath.Join(goroot(t), "src/runtime/goroutineleakprofile_test.go"))
	if err != nil {
		t.Skip("this release of Go has no such programs")
	}
	leaks, flaky := map[string][]string{}, map[string]bool{}
	for _, m := range expectation.FindAllStringSubmatch(string(test), -1) {
		leaks[m[2]], flaky[m[2]] = []string{}, m[1] != ""
		for _, q := range quoted.FindAllStringSubmatch(m[3], -1) {
			fn, _, _ := strings.Cut(q[1], `\(.*`)
			leaks[m[2]] = append(leaks[m[2]], fn)
		}
	}
	src := t.TempDir()
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	var names []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(src, filepath.Base(f)), text, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, m := range registered.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	exe := build(t, src)
	right, silent := 0, 0
	for _, name := range names {
		want, ok := leaks[name]
		if !ok {
			t.Errorf("%s: Go's test has no expectation of it", name)
			continue
		}
		log := run(t, exe, name, 1) // with GOMAXPROCS=1, as there
		good := true
		for _, fn := range want {
			if !flaky[name] && !regexp.MustCompile(`\b`+fn).MatchString(log) {
				t.Errorf("%s: no report of %s\n%s", name, fn, log)
				good = false
			}
		}
		if len(want) == 0 {
			if silent++; strings.Contains(log, "WARNING: ") {
				t.Errorf("%s leaks nothing, and is reported:\n%s", name, log)
				good = false
			}
		}
		if good {
			right++
		}
	}
	fmt.Printf("programs: %d of %d as expected, %d of them without a leak\n", right, len(names), silent)
	if len(names) < 20 || silent == 0 {
		t.Errorf("%d programs, %d without a leak: too few", len(names), silent)
	}
}
