//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// contextRuns are the ways in which the tests of testdata/contexts run; each of
// them passes in plain Go. docs/contexts.md says what they are for.
var contextRuns = []struct {
	name, run string
	env       []string
	exit      int
	want      string // in the output
}{
	{name: "one P", env: []string{"GOMAXPROCS=1"}, want: "PASS"},
	{name: "two Ps", env: []string{"GOMAXPROCS=2"}, want: "PASS"},
	{name: "many Ps", env: []string{"GOMAXPROCS=64"}, want: "PASS"},
	{name: "timed", env: []string{"GOLOCKDEP=stat=1 fail=none"}, want: "PASS"},
	{name: "mixed", env: []string{"GOLOCKDEP=mix=1 fail=none", "GOGC=1"}, want: "PASS"},
	{name: "no directory", env: []string{"LOCKDEPDIR="}, want: "PASS"},
	{name: "no disk", env: []string{"LOCKDEPDIR=/dev/null"}, run: "Pinned|World", want: "PASS"},
	{name: "found", run: "Found", env: []string{"CONTEXTS=found"}, exit: 1, want: "possible circular locking dependency"},
	{name: "exit", run: "Exit", env: []string{"CONTEXTS=exit"}, want: "exit pinned"},
	{name: "exit, one P", run: "Exit", env: []string{"CONTEXTS=exit", "GOMAXPROCS=1"}, want: "exit pinned"},
	{name: "panic", run: "Panic", env: []string{"CONTEXTS=panic"}, exit: 2, want: "panic: pinned panic"},
	{name: "steered", run: "Steered|Pinned|Plain", env: []string{"LOCKDEPCONFIRM=bound 20000000\ntimes 100\n" +
		"side W\texample.org/contexts.left.mu\tW\texample.org/contexts.right.mu\n" +
		"side W\texample.org/contexts.right.mu\tW\texample.org/contexts.left.mu\n"}, want: "lockdep: steered"},
}

// Hooks run in every context in which Go code may take a lock. One build serves
// all contexts and all ways to run them.
func TestContexts(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the instrumented GOROOT twice and runs for a minute or two")
	}
	tool := filepath.Join(t.TempDir(), "lockdep")
	behaviourBuild(t, ".", "go", "build", "-o", tool, ".")
	bin := t.TempDir()
	for _, b := range []struct{ name, flag string }{{"plain", "-count=1"}, {"recorded", "-record"}} {
		cmd := exec.Command(tool, "test", b.flag, "-c", "-o", filepath.Join(bin, b.name), ".")
		cmd.Dir = "../../testdata/contexts"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
		for _, r := range contextRuns {
			t.Run(b.name+"/"+r.name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
				defer cancel()
				dir := t.TempDir()
				run := exec.CommandContext(ctx, filepath.Join(bin, b.name), "-test.run="+r.run, "-test.timeout=3m")
				run.Dir = dir
				run.Env = append(append(os.Environ(), "LOCKDEPDIR="+dir), r.env...)
				out, err := run.CombinedOutput()
				exit := 0
				if e := new(exec.ExitError); errors.As(err, &e) {
					exit = e.ExitCode()
				} else if err != nil {
					t.Fatal(err)
				}
				if exit != r.exit || !bytes.Contains(out, []byte(r.want)) || strings.Contains(string(out), "fatal error") {
					t.Errorf("exit status %d, want %d and %q:\n%s", exit, r.exit, r.want, head(out, 8000))
				}
			})
		}
	}
}

func head(b []byte, n int) []byte { return b[:min(len(b), n)] }
