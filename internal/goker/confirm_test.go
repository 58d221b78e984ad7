package goker

import (
	"context"
	"encoding/json"
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

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
)

// TestConfirm steers each kernel into every cycle of Mutexes and RWMutexes that
// its plain runs showed, also into those that happened there by themselves, and
// prints a row a cycle.
func TestConfirm(t *testing.T) {
	runs, err := strconv.Atoi(os.Getenv("LOCKDEP_GOKER"))
	if err != nil || runs < 1 {
		t.Skip("LOCKDEP_GOKER=N runs each kernel N times before")
	}
	src := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	kernels := kernelNames(t, src)
	exe := build(t, src)
	tool := filepath.Join(filepath.Dir(exe), "lockdep")
	rows := make([][]string, len(kernels))
	var mu sync.Mutex
	proved, all := 0, 0
	var wait sync.WaitGroup
	slots := make(chan bool, runtime.NumCPU())
	for i, name := range kernels {
		wait.Go(func() {
			slots <- true
			defer func() { <-slots }()
			graph := t.TempDir()
			for range runs {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				cmd := exec.CommandContext(ctx, exe, name)
				cmd.Dir = graph
				cmd.Env = append(os.Environ(), "GOLOCKDEP=fail=none log_path="+filepath.Join(graph, "log"), "LOCKDEPDIR="+graph)
				_ = cmd.Run() // it may hang, panic, or end
				cancel()
			}
			for _, f := range cycles(t, graph) {
				cmd := exec.CommandContext(t.Context(), tool, "confirm", "-json", "-timeout=30s", "-cycle="+written(&f), "--", exe, name)
				cmd.Dir = graph
				start := time.Now()
				out, err := cmd.Output()
				var r struct {
					Result, Reason string
					Tries          int
				}
				if e := json.Unmarshal(out, &r); e != nil {
					t.Errorf("%s: %v, %v: %s", name, err, e, out)
				}
				mu.Lock()
				if all++; r.Result == "proved" {
					proved++
				}
				rows[i] = append(rows[i], fmt.Sprintf("| %s | %s | %s | %s | %d | %.1f | %s |", name, f.Kind, f.Level, r.Result, r.Tries, time.Since(start).Seconds(), r.Reason))
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	fmt.Println("| kernel | kind | plain runs | steered | tries | seconds | |\n|---|---|---|---|--:|--:|---|")
	for _, r := range rows {
		for _, row := range r {
			fmt.Println(row)
		}
	}
	fmt.Printf("confirm: %d of %d\n", proved, all)
	if 10*proved < 9*all {
		t.Errorf("proved %d of %d cycles, want nine tenths", proved, all)
	}
}

// cycles are the cycles of locks in the graphs of one kernel.
func cycles(t *testing.T, dir string) (out []engine.Finding) {
	files, _, err := lockgraph.ReadAll(dir)
	if err != nil {
		t.Error(err)
		return nil
	}
	g := lockgraph.Union(files...)
	for _, f := range g.Findings(g.Judge(), engine.Possible) {
		switch f.Kind {
		case engine.KindCircular, engine.KindSameClass, engine.KindRecursiveRead:
			out = append(out, f)
		}
	}
	return out
}

// written is a cycle as lockdep confirm -cycle takes it.
func written(f *engine.Finding) string {
	class := func(l engine.Lock) string {
		if l.Mode == "R" {
			return l.Class + " (r)"
		}
		return l.Class
	}
	var sides []string
	for _, s := range f.Sides {
		sides = append(sides, class(s.Holds)+" > "+class(s.Wants))
	}
	return strings.Join(sides, ", ")
}
