package annotate_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/golockdep/lockdep/annotate"
)

var rewrite = flag.Bool("rewrite", false, "write the expected output of the scenarios anew")

// live reports whether the tests were built with an instrumented GOROOT.
const live = unsafe.Sizeof(annotate.Map{}) > 0

// build builds a program of testdata with the go command that runs the tests.
func build(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a program")
	}
	exe := filepath.Join(t.TempDir(), name+".exe")
	cmd := exec.Command("go", "build", "-o", exe, "./testdata/"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return exe
}

// What differs from run to run or from release to release.
var varies = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`(?m)^lockdep v\S+ \S+ .*$`), "lockdep VERSION"},
	{regexp.MustCompile(`goroutine \d+`), "goroutine N"},
	{regexp.MustCompile(`(?m) +$`), ""},
	{regexp.MustCompile(`main\.init\.func`), "main.func"},
}

// Every scenario of testdata/live prints what its file says in an instrumented
// GOROOT, and nothing of lockdep in a plain one.
func TestScenarios(t *testing.T) {
	exe := build(t, "live")
	list, err := exec.Command(exe).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(list)) {
		t.Run(name, func(t *testing.T) {
			if !live && strings.HasPrefix(name, "on-report") && name != "on-report-at-exit" {
				t.Skip("waits for a report")
			}
			cmd := exec.Command(exe, name)
			cmd.Env = append(os.Environ(), "GOLOCKDEP=", "LOCKDEPDIR=", "LOCKDEPIGNORE=")
			text, err := cmd.CombinedOutput()
			status := 0
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			got := string(text)
			for _, v := range varies {
				got = v.re.ReplaceAllString(got, v.to)
			}
			file := filepath.Join("testdata", name+".txt")
			want, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if !live {
				want = nil
			}
			if live && *rewrite && got != "" {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				want = []byte(got)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			wantStatus := 0
			if strings.Contains(string(want), "\nWARNING: ") {
				wantStatus = 66
			}
			if status != wantStatus {
				t.Errorf("exit status %d, want %d", status, wantStatus)
			}
		})
	}
}
