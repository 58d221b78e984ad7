package goker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fix is a repaired kernel.
type fix struct {
	file, name string
	edits      []edit
}

// An edit is what becomes of a line: its n-th occurrence, from 1. An empty text takes it away.
type edit struct {
	line string
	n    int
	text string
}

// fixes reads testdata/fixes.txt, which says how it is written.
func fixes(t *testing.T) (out []*fix) {
	t.Helper()
	text, err := os.ReadFile("testdata/fixes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		key, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || key == "#":
		case key == "==":
			file, name, _ := strings.Cut(rest, " ")
			out = append(out, &fix{file: file, name: name})
		case key == "@":
			what, nth, ok := strings.Cut(rest, "  #")
			n := 1
			if ok {
				if n, err = strconv.Atoi(nth); err != nil {
					t.Fatalf("fixes.txt:%d: %v", i+1, err)
				}
			}
			f := out[len(out)-1]
			f.edits = append(f.edits, edit{line: what, n: n})
		case key == "=":
			e := out[len(out)-1].edits
			e[len(e)-1].text = rest
		case key == "-":
		default:
			t.Fatalf("fixes.txt:%d: %s", i+1, line)
		}
	}
	return out
}

// apply repairs a source.
func (f *fix) apply(t *testing.T, src string) string {
	t.Helper()
	lines := strings.Split(src, "\n")
	for _, e := range f.edits {
		n, done := e.n, false
		for i, l := range strings.Split(src, "\n") {
			if strings.Join(strings.Fields(l), " ") != strings.Join(strings.Fields(e.line), " ") {
				continue
			}
			if n--; n == 0 {
				lines[i], done = e.text, true
				break
			}
		}
		if !done {
			t.Fatalf("%s: no line %q, %d times", f.file, e.line, e.n)
		}
	}
	return strings.Join(lines, "\n")
}

// twins makes a copy of the kernels with the repairs. Every other kernel is as it is.
func twins(t *testing.T, list []*fix) string {
	t.Helper()
	src := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	if _, err := os.Stat(src); err != nil {
		t.Skip("this release of Go has no such kernels")
	}
	dir := filepath.Join(t.TempDir(), "twins")
	if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		name := filepath.Join(dir, f.file)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(f.apply(t, string(text))), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTwins: a repaired kernel leaks nothing in plain Go, by Go's own profile of leaked goroutines, and under lockdep
// nothing of it is reported at likely or above. LOCKDEP_GOKER=N runs each N times.
func TestTwins(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program twice")
	}
	runs := 1
	if n, err := strconv.Atoi(os.Getenv("LOCKDEP_GOKER")); err == nil {
		runs = n
	}
	list := fixes(t)
	if len(list) < 30 {
		t.Errorf("%d twins, want at least 30", len(list))
	}
	src := twins(t, list)
	exe := build(t, src)
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(filepath.Join(src, "go.mod"), []byte("module goker\n\ngo 1.26\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", plain, ".")
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile", "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var all sync.WaitGroup
	slots := make(chan bool, runtime.NumCPU())
	var mu sync.Mutex
	possible := 0
	for _, f := range list {
		all.Go(func() {
			slots <- true
			defer func() { <-slots }()
			for n := range runs {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				out, err := exec.CommandContext(ctx, plain, f.name).CombinedOutput()
				cancel()
				if err != nil || strings.Contains(string(out), "leaked") {
					t.Errorf("%s is not repaired: %v\n%.2000s", f.name, err, out)
				}
				log := run(t, exe, f.name, n)
				for _, m := range level.FindAllStringSubmatch(log, -1) {
					if m[1] != "possible" {
						t.Errorf("%s: a false alarm:\n%s", f.name, log)
						break
					}
					mu.Lock()
					possible++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	fmt.Printf("goker twins: %d, %d runs each, %d reports at possible, none above\n", len(list), runs, possible)
}
