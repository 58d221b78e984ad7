//go:build linux || darwin

package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hidden is a module whose findings are made where the log of a test does not
// come out, each in its way, and which passes plain go test.
const hidden = `
-- go.mod --
module example.org/hidden

go 1.24
-- lock/lock.go --
package lock

import "sync"

type T struct{ A, B sync.Mutex }

// Alone takes both orders on one goroutine.
func (x *T) Alone() {
	x.A.Lock(); x.B.Lock(); x.B.Unlock(); x.A.Unlock()
	x.B.Lock(); x.A.Lock(); x.A.Unlock(); x.B.Unlock()
}

// Both takes them on two.
func (x *T) Both() {
	done := make(chan bool)
	go func() { x.A.Lock(); x.B.Lock(); x.B.Unlock(); x.A.Unlock(); close(done) }()
	<-done
	x.B.Lock(); x.A.Lock(); x.A.Unlock(); x.B.Unlock()
}

func (x *T) There() { x.A.Lock(); x.B.Lock(); x.B.Unlock(); x.A.Unlock() }
func (x *T) Back()  { x.B.Lock(); x.A.Lock(); x.A.Unlock(); x.B.Unlock() }
-- plain/p_test.go --
package plain

import ("testing"; "example.org/hidden/lock")

func TestAlone(t *testing.T) { new(lock.T).Alone() }
-- sub/p_test.go --
package sub

import ("testing"; "example.org/hidden/lock")

func TestSub(t *testing.T) { t.Run("in", func(t *testing.T) { t.Parallel(); new(lock.T).Both() }) }
-- cleanup/p_test.go --
package cleanup

import ("testing"; "example.org/hidden/lock")

func TestCleanup(t *testing.T) {
	t.Cleanup(func() { new(lock.T).Both() })
	t.Run("in", func(t *testing.T) { t.Parallel() })
}
-- ok/p_test.go --
package ok

import ("os"; "testing"; "example.org/hidden/lock")

func TestBoth(t *testing.T) { new(lock.T).Both() }

// The binary passes, whatever its tests did: go test does not show its output.
func TestMain(m *testing.M) { m.Run(); os.Exit(0) }
-- helper/p_test.go --
package helper

import ("os"; "os/exec"; "testing"; "example.org/hidden/lock")

// What a test runs may print what it likes.
func TestHelper(t *testing.T) {
	if os.Getenv("HELPER") != "" {
		new(lock.T).Both()
		os.Exit(0)
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestHelper")
	cmd.Env = append(os.Environ(), "HELPER=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v %s", err, out)
	}
}
-- failing/p_test.go --
package failing

import ("os"; "os/exec"; "testing"; "example.org/hidden/lock")

// The helper fails as go test would have it, and nobody looks.
func TestFailing(t *testing.T) {
	if os.Getenv("HELPER") != "" {
		new(lock.T).Both()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestFailing")
	cmd.Env = append(os.Environ(), "HELPER=1")
	cmd.Run()
}
-- silent/p_test.go --
package silent

import ("os"; "testing"; "example.org/hidden/lock")

func TestSilent(t *testing.T) { new(lock.T).Both() }

func TestMain(m *testing.M) {
	os.Stdout, _ = os.Open(os.DevNull)
	os.Exit(m.Run())
}
-- there/p_test.go --
package there

import ("testing"; "example.org/hidden/lock")

func TestThere(t *testing.T) { new(lock.T).There() }
-- back/p_test.go --
package back

import ("testing"; "example.org/hidden/lock")

func TestBack(t *testing.T) { new(lock.T).Back() }
-- bench/p_test.go --
package bench

import ("testing"; "example.org/hidden/lock")

func BenchmarkBoth(b *testing.B) { for b.Loop() { new(lock.T).Both() } }
-- fuzz/p_test.go --
package fuzz

import ("testing"; "example.org/hidden/lock")

func FuzzBoth(f *testing.F) { f.Add(1); f.Fuzz(func(t *testing.T, n int) { new(lock.T).Both() }) }
-- example/p_test.go --
package example

import ("fmt"; "example.org/hidden/lock")

func ExampleT() {
	new(lock.T).Both()
	fmt.Println("done")
	// Output: done
}
-- nothing/p_test.go --
package nothing

import "testing"

func TestNothing(t *testing.T) {}
-- program/main.go --
package main

import "example.org/hidden/lock"

func main() { new(lock.T).Both() }
-- alone/main.go --
package main

import "example.org/hidden/lock"

func main() { new(lock.T).Alone() }
-- order.txt --
hidden/lock.T.A -> hidden/lock.T.B
`

// Every exit status of 66 has the report that caused it before it, on every path
// on which a run can end.
func TestEveryFailureIsReported(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, hidden)
	order := filepath.Join(dir, "order.txt")
	files(t, dir, "-- order.txt --\nlock.T.A -> lock.T.B\n")
	for _, c := range []struct {
		args string
		env  string // GOLOCKDEP
		exit int
	}{
		{"test -fail=possible ./plain", "", 66},
		{"test -fail=possible -v ./plain", "", 66},
		{"test -fail=possible -json ./plain", "", 66},
		{"test -fail=possible ./plain ./nothing", "", 66},
		{"test -fail=possible -exec=env ./plain", "", 66},
		{"test -fail=possible -exec=" + filepath.Join(dir, "mute") + " ./plain ./nothing", "", 66},
		{"test -fail=possible -findings=" + filepath.Join(dir, "f.jsonl") + " ./plain", "", 66},
		{"test -fail=possible -sarif=" + filepath.Join(dir, "f.sarif") + " ./plain", "", 66},
		{"test -fail=possible -record ./plain", "", 66},
		{"test -fail=possible -count=3 -cpu=1,2 ./plain", "", 66},
		{"test -fail=possible ./there ./back", "", 66},
		{"test -fail=possible ./...", "", 66},
		{"test ./sub", "", 66},
		{"test -json ./sub ./nothing", "", 66},
		{"test ./cleanup", "", 66},
		{"test ./ok ./nothing", "", 66},
		{"test ./ok", "", 66},
		{"test ./helper", "", 66},
		{"test ./failing ./nothing", "", 66},
		{"test ./silent", "", 66},
		{"test -bench=. -benchtime=10x ./bench", "", 66},
		{"test -fuzz=. -fuzztime=1x -parallel=1 ./fuzz", "", 66},
		{"test ./example", "", 66},
		{"test ./sub", "fail=none", 66},
		{"test ./sub", "halt_on_error=1", 66},
		{"test ./sub", "log_path=/dev/null", 66},
		{"test ./plain", "fail=possible", 1}, // go's own: the process failed, the verdict did not
		{"test -order=" + order + " ./back", "", 66},
		{"run -fail=possible ./alone", "", 66},
		{"run ./program", "", 66},
		{"run ./program", "fail=none", 66},
		{"run ./program", "log_path=/dev/null", 66},
		{"run -order=" + order + " ./alone", "", 66},
	} {
		t.Run(c.args+" "+c.env, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "mute"), []byte("#!/bin/sh\n\"$@\" >/dev/null 2>&1\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			run := runBehaviour(t, dir, []string{"GOLOCKDEP=" + c.env}, tool, strings.Fields(c.args)...)
			checkReported(t, run, c.exit)
		})
	}

	t.Run("an earlier run of one graph", func(t *testing.T) {
		graph := "-graph=" + filepath.Join(t.TempDir(), "graph")
		checkReported(t, runBehaviour(t, dir, nil, tool, "test", graph, "./sub"), exitFinding)
		checkReported(t, runBehaviour(t, dir, nil, tool, "test", graph, "./nothing"), exitFinding)
		checkReported(t, runBehaviour(t, dir, nil, tool, "test", graph, "-c", "-o", filepath.Join(t.TempDir(), "x"), "./nothing"), exitFinding)
		checkReported(t, runBehaviour(t, dir, nil, tool, "graph", "verdict", strings.TrimPrefix(graph, "-graph=")), exitFinding)
	})
	t.Run("a program of its own", func(t *testing.T) {
		exe := filepath.Join(t.TempDir(), "program")
		for _, p := range []string{"alone", "program"} {
			if run := runBehaviour(t, dir, nil, tool, "build", "-o", exe, "./"+p); run.exit != 0 {
				t.Fatalf("%s%s", run.stdout, run.stderr)
			}
			for _, words := range []string{"", "halt_on_error=1", "log_path=stdout", "log_path=/none/such"} {
				checkReported(t, runBehaviour(t, "", []string{"GOLOCKDEP=fail=possible " + words}, exe), exitFinding)
			}
		}
	})
	t.Run("said once", func(t *testing.T) {
		run := runBehaviour(t, dir, nil, tool, "test", "./sub")
		if n := strings.Count(run.stdout+run.stderr, "WARNING: "); n != 1 {
			t.Errorf("the report is printed %d times\n%s%s", n, run.stdout, run.stderr)
		}
	})
}

// checkReported checks the exit status, and that the report comes with it.
func checkReported(t *testing.T, run behaviourRun, exit int) {
	t.Helper()
	out := run.stdout + run.stderr
	if run.exit != exit {
		t.Errorf("exit status %d, want %d\n%s", run.exit, exit, out)
	}
	report := strings.Contains(out, "WARNING: ") && strings.Contains(out, "finding: ")
	if !report && !strings.Contains(out, "lock order violated: ") {
		t.Errorf("exit status %d and no report\n%s", run.exit, out)
	}
}

// One place makes the exit status.
func TestBlameAlone(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name == "blame.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if n.Name == "exitFinding" {
					t.Errorf("%s: the exit status of findings is made in blame.go", fset.Position(n.Pos()))
				}
			case *ast.BasicLit:
				if n.Kind == token.INT && n.Value == "66" {
					t.Errorf("%s: the exit status of findings is made in blame.go", fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func TestBlame(t *testing.T) {
	var b blame
	if b.status() != nil {
		t.Error("a status with nothing blamed")
	}
	if err := b.on(io.Discard, func(io.Writer) error { return nil }); err == nil || b.status() != nil {
		t.Errorf("nothing was printed: error %v, status %v", err, b.status())
	}
	var out bytes.Buffer
	if err := b.on(&out, func(w io.Writer) error { _, err := io.WriteString(w, "why"); return err }); err != nil || out.String() != "why" {
		t.Errorf("%v %q", err, out.String())
	}
	if b.status() != status(exitFinding) {
		t.Errorf("status %v", b.status())
	}
	if err := b.on(fullWriter{}, func(w io.Writer) error { _, err := io.WriteString(w, "why"); return err }); err == nil {
		t.Error("what could not be printed was printed")
	}
}

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
