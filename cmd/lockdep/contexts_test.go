//go:build linux || darwin

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
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
	{name: "race", run: "Plain|Pinned|Goexit|Timer|Bubble|Callback", want: "PASS"},
	{name: "timed", env: []string{"GOLOCKDEP=stat=1 fail=none"}, want: "PASS"},
	{name: "mixed", env: []string{"GOLOCKDEP=mix=1 fail=none", "GOGC=1"}, want: "PASS"},
	{name: "no directory", env: []string{"LOCKDEPDIR="}, want: "PASS"},
	{name: "no disk", env: []string{"LOCKDEPDIR=/dev/null"}, run: "Pinned|World", want: "PASS"},
	{name: "found", run: "Found", env: []string{"CONTEXTS=found"}, exit: 1, want: "possible circular locking dependency"},
	{name: "exit", run: "Exit", env: []string{"CONTEXTS=exit"}, want: "exit pinned"},
	{name: "exit, one P", run: "Exit", env: []string{"CONTEXTS=exit", "GOMAXPROCS=1"}, want: "exit pinned"},
	{name: "panic", run: "Panic", env: []string{"CONTEXTS=panic"}, exit: 2, want: "panic: the end"},
	{name: "quit", run: "Quit", env: []string{"CONTEXTS=quit"}, exit: 2, want: "SIGQUIT: quit"},
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
	tool := buildTool(t)
	bin := t.TempDir()
	for _, b := range []struct{ name, flag, only string }{{"plain", "-count=1", ""}, {"recorded", "-record", ""}, {"raced", "-race", "race"}} {
		cmd := exec.Command(tool, "test", b.flag, "-c", "-o", filepath.Join(bin, b.name), ".")
		cmd.Dir = "../../testdata/contexts"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
		t.Run(b.name+"/full pipe", func(t *testing.T) { testFullPipe(t, filepath.Join(bin, b.name)) })
		for _, r := range contextRuns {
			if b.only != "" && b.only != r.name {
				continue
			}
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

// testFullPipe runs a program whose standard error is full until the collector
// has run: a report that cannot be written keeps its goroutine, not the world.
func testFullPipe(t *testing.T, bin string) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	full := make(chan bool)
	go func() { // more than any pipe takes: it goes on when the pipe is read
		w.Write(make([]byte, 1<<16))
		close(full)
		w.Write(make([]byte, 1<<20))
		w.Close()
	}()
	<-full
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, bin, "-test.run=FullPipe")
	run.Env = append(os.Environ(), "CONTEXTS=pipe", "LOCKDEPDIR="+t.TempDir(), "GOLOCKDEP=leaks=0")
	run.Stderr = w
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "the collector has run\n" {
		t.Errorf("%q: the report that waits for its reader keeps the world from stopping", line)
	}
	go io.Copy(io.Discard, r)
	if err := run.Wait(); err != nil && line != "" {
		t.Error(err)
	}
}

func head(b []byte, n int) []byte { return b[:min(len(b), n)] }
