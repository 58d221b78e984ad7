// Package goker runs the kernels of real blocking bugs of Go programs that the
// Go team keeps beside the tests of its goroutine leak detection
// (GOROOT/src/runtime/testdata/testgoroutineleakprofile/goker, from GoBench's
// GoKer), as they stand, under lockdep.
//
//	LOCKDEP_GOKER=10 go test ./internal/goker -v -timeout=60m
//
// runs each ten times, three seconds at most, and prints a row a kernel and the
// number of kernels in which something was reported. After each run the same
// kernel runs with go-deadlock and with goleak (see peers).
package goker

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const limit = 3 * time.Second // of one run

// A result is what lockdep said in the runs of one kernel.
type result struct {
	name  string
	runs  map[string]int // by level of the most certain report, "" for none
	kinds map[string]bool

	deadlock, leak int // runs in which go-deadlock and goleak said something
}

var (
	registered = regexp.MustCompile(`(?m)^\tregister\("(\w+)"`)
	title      = regexp.MustCompile(`(?m)^WARNING: (.*)$`)
	level      = regexp.MustCompile(`(?m)^level: (\w+)`)
)

var levels = []string{"proved", "likely", "possible"}

func TestGoker(t *testing.T) {
	runs, err := strconv.Atoi(os.Getenv("LOCKDEP_GOKER"))
	if err != nil || runs < 1 {
		t.Skip("LOCKDEP_GOKER=N runs each kernel N times")
	}
	src := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	names := kernelNames(t, src)
	exe := build(t, src)
	others := buildPeers(t, src)
	results := make([]result, len(names))
	var all sync.WaitGroup
	slots := make(chan bool, 2*runtime.NumCPU())
	for i, name := range names {
		results[i] = result{name: name, runs: map[string]int{}, kinds: map[string]bool{}}
		all.Go(func() {
			slots <- true
			defer func() { <-slots }()
			for n := range runs {
				results[i].add(run(t, exe, name, n))
				deadlock, leak := others.run(t, name, n)
				if deadlock {
					results[i].deadlock++
				}
				if leak {
					results[i].leak++
				}
			}
		})
	}
	all.Wait()
	found, deadlocks, leaks := 0, 0, 0
	slices.SortFunc(results, func(a, b result) int { return cmp.Compare(a.name, b.name) })
	fmt.Println("| kernel | proved | likely | possible | nothing | kinds | go-deadlock | goleak |\n|---|--:|--:|--:|--:|---|--:|--:|")
	for _, r := range results {
		var kinds []string
		for k := range r.kinds {
			kinds = append(kinds, k)
		}
		slices.Sort(kinds)
		fmt.Printf("| %s | %d | %d | %d | %d | %s | %d | %d |\n", r.name, r.runs["proved"], r.runs["likely"], r.runs["possible"], r.runs[""], strings.Join(kinds, "; "), r.deadlock, r.leak)
		if r.runs[""] < runs {
			found++
		}
		deadlocks += min(r.deadlock, 1)
		leaks += min(r.leak, 1)
	}
	fmt.Printf("go-deadlock: %d of %d\ngoleak: %d of %d\n", deadlocks, len(results), leaks, len(results))
	fmt.Printf("goker: %d of %d\n", found, len(results))
}

// kernelNames are the kernels that the sources in src register.
func kernelNames(t *testing.T, src string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(src, "*.go"))
	if len(files) == 0 {
		t.Skip("this release of Go has no such kernels")
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range registered.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

// add counts the reports in the log of one run.
func (r *result) add(log string) {
	best := ""
	for _, l := range levels {
		for _, m := range level.FindAllStringSubmatch(log, -1) {
			if m[1] == l && best == "" {
				best = l
			}
		}
	}
	r.runs[best]++
	for _, m := range title.FindAllStringSubmatch(log, -1) {
		r.kinds[m[1]] = true
	}
}

// run runs one kernel once and returns what lockdep reported.
func run(t *testing.T, exe, name string, n int) string {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, name)
	cmd.Dir = dir
	mix := "0"
	if n%3 == 2 {
		mix = "1" // the run queues, as with -race
	}
	cmd.Env = append(os.Environ(), "GOLOCKDEP=fail=none mix="+mix+" log_path="+filepath.Join(dir, "log"), "LOCKDEPDIR=")
	if n%2 == 1 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	_ = cmd.Run() // a kernel may hang, panic, or end
	var log strings.Builder
	files, _ := filepath.Glob(filepath.Join(dir, "log*"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Error(err)
		}
		log.Write(text)
	}
	return log.String()
}

func goroot(t *testing.T) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// build builds the kernels with lockdep. They look up the profile of leaked
// goroutines, which Go 1.26 has as an experiment.
func build(t *testing.T, src string) string {
	dir := t.TempDir()
	tool := filepath.Join(dir, "lockdep")
	if out, err := exec.Command("go", "build", "-o", tool, "../../cmd/lockdep").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mod := filepath.Join(dir, "goker")
	if err := os.CopyFS(mod, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mod, "go.mod"), []byte("module goker\n\ngo 1.26\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "kernels")
	cmd := exec.Command(tool, "build", "-o", exe, ".")
	cmd.Dir = mod
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile", "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}
