//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// survivor takes two locks in both orders and then comes to an end as its
// argument says.
const survivor = `
-- go.mod --
module example.org/survivor

go 1.24
-- main.go --
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

type A struct{ mu sync.Mutex }
type B struct{ mu sync.Mutex }
type C struct{ mu sync.Mutex }
type D struct{ mu sync.Mutex }

func both() {
	a, b := new(A), new(B)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { defer wg.Done(); a.mu.Lock(); b.mu.Lock(); b.mu.Unlock(); a.mu.Unlock() }()
	wg.Wait()
	b.mu.Lock(); a.mu.Lock(); a.mu.Unlock(); b.mu.Unlock()
}

func child() {
	c, d := new(C), new(D)
	done := make(chan bool)
	go func() { c.mu.Lock(); d.mu.Lock(); d.mu.Unlock(); c.mu.Unlock(); close(done) }()
	<-done
	d.mu.Lock(); c.mu.Lock(); c.mu.Unlock(); d.mu.Unlock()
}

func main() {
	if os.Args[1] == "child" {
		child()
		return
	}
	if os.Args[1] == "closed" {
		// The next file that is opened becomes standard error.
		syscall.Close(2)
		f, err := os.Create(os.Args[2])
		if err != nil || f.Fd() != 2 {
			panic("not 2")
		}
		f.Close()
	}
	both()
	fmt.Println("learned")
	switch os.Args[1] {
	case "exit":
		os.Exit(3)
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "term":
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		time.Sleep(time.Minute)
	case "hang":
		// Something always runs, so the runtime sees no deadlock.
		go func() { for { time.Sleep(time.Millisecond) } }()
		var mu sync.Mutex
		mu.Lock()
		mu.Lock()
	case "panic":
		panic("on purpose")
	case "fork":
		out, err := exec.Command(os.Args[0], "child").CombinedOutput()
		fmt.Println(len(out) > 0, err)
	case "exec":
		syscall.Exec(os.Args[0], []string{os.Args[0], "child"}, os.Environ())
	case "flood":
		// A million goroutines hold a lock at the same time.
		debug.SetGCPercent(400)
		n := 1_000_000
		var ready, done sync.WaitGroup
		ready.Add(n)
		done.Add(n)
		gate := make(chan bool)
		var total struct {
			mu sync.Mutex
			n  int
		}
		for range n {
			go func() {
				c := new(C)
				c.mu.Lock()
				ready.Done()
				<-gate
				total.mu.Lock()
				total.n++
				total.mu.Unlock()
				c.mu.Unlock()
				done.Done()
			}()
		}
		ready.Wait()
		close(gate)
		done.Wait()
		fmt.Println(total.n)
	case "stdin":
		text, err := io.ReadAll(os.Stdin)
		fmt.Println(string(text), err)
	}
}
`

// Of tests that hang, lockdep test ends when go test does, and has the verdict.
func TestSurvivesHangingTest(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, survivor)
	files(t, dir, `
-- main_test.go --
package main

import (
	"testing"
	"time"
)

func TestHangs(t *testing.T) {
	go func() { for { time.Sleep(time.Millisecond) } }()
	both()
	select {}
}
`)
	start := time.Now()
	cmd := exec.Command(tool, "test", "-timeout=3s", ".")
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitFinding {
		t.Errorf("status %d, want %d", code, exitFinding)
	}
	for _, want := range []string{"panic: test timed out after 3s", "1 process did not end", "1 finding (1 likely)", "finding: "} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if d := time.Since(start); d > 2*time.Minute {
		t.Errorf("it took %v", d)
	}
}

// However a program ends, what it learned until then is on disk, and its own
// output and status are what they are without lockdep.
func TestSurvives(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, survivor)
	plain, checked := filepath.Join(dir, "plain"), filepath.Join(dir, "checked")
	behaviourBuild(t, dir, "go", "build", "-o", plain, ".")
	behaviourBuild(t, dir, tool, "build", "-o", checked, ".")
	for _, c := range []struct {
		mode     string
		findings int // in the graph
		unended  string
		stderr   bool // the finding is printed
	}{
		{"end", 1, "", true},
		{"exit", 1, "", true},
		{"kill", 1, "1 process did not end", true},
		{"term", 1, "1 process did not end", true},
		{"hang", 2, "1 process did not end", true},
		{"panic", 1, "1 process did not end", true},
		{"fork", 2, "", true},
		{"exec", 2, "1 process did not end", true},
		{"flood", 1, "", true},
		{"closed", 1, "", false},
		{"stdin", 1, "", true},
	} {
		t.Run(c.mode, func(t *testing.T) {
			run := func(exe, graph string) (stdout, stderr string, code int) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, exe, c.mode, filepath.Join(t.TempDir(), "file"))
				cmd.Env = append(os.Environ(), "LOCKDEPDIR="+graph, "GOLOCKDEP=exitcode=0")
				cmd.Stdin = strings.NewReader("what was typed")
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if c.mode == "hang" {
					time.AfterFunc(2*time.Second, func() { cmd.Process.Kill() })
				}
				_ = cmd.Wait()
				if ctx.Err() != nil {
					t.Fatalf("%s is still there after two minutes", exe)
				}
				return out.String(), errs.String(), cmd.ProcessState.ExitCode()
			}
			graph := t.TempDir()
			wantOut, _, wantCode := run(plain, graph)
			if files, _ := os.ReadDir(graph); len(files) != 0 {
				t.Fatalf("a plain program left %v", files)
			}
			out, stderr, code := run(checked, graph)
			if out != wantOut && c.mode != "fork" && c.mode != "exec" || code != wantCode {
				t.Errorf("status %d, want %d; printed %q, want %q\n%s", code, wantCode, out, wantOut, stderr)
			}
			if strings.Contains(stderr, "WARNING: possible circular") != c.stderr {
				t.Errorf("standard error:\n%s", stderr)
			}
			verdict, err := exec.Command(tool, "graph", "verdict", graph).CombinedOutput()
			if n := bytes.Count(verdict, []byte("\nfinding: ")); n != c.findings {
				t.Errorf("%d findings, want %d (%v):\n%s\nin\n%s", n, c.findings, err, verdict, stderr)
			}
			if got := bytes.Contains(verdict, []byte("did not end")); got != (c.unended != "") || !bytes.Contains(verdict, []byte(c.unended)) {
				t.Errorf("want %q:\n%s", c.unended, verdict)
			}
		})
	}
}
