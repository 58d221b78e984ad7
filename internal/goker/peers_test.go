package goker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// peers are the kernels built for the two other finders of such bugs. Their
// modules are dependencies of testdata/peers alone, which is laid over a copy of
// the kernels.
//
// go-deadlock takes the place of the locks: each sync.Mutex and sync.RWMutex of
// the copy becomes its own. It ends the process with its first report.
//
// goleak looks for goroutines that are left when a test ends; here, when the
// kernel's function returns, which each of them does: what hangs is on
// goroutines of its own.
type peers struct {
	deadlock, leak string
}

// peersLimit bounds a run of a peer, which ends by itself: goleak needs seconds for thousands of goroutines, and must
// not be cut off while it counts them.
const peersLimit = 30 * time.Second

var (
	aMutex   = regexp.MustCompile(`\bsync\.(RW)?Mutex\b`)
	syncLine = regexp.MustCompile(`(?m)^\t"sync"$`)
)

func buildPeers(t *testing.T, src string) peers {
	t.Helper()
	build := func(change func(text string) string) string {
		dir := t.TempDir()
		files, _ := filepath.Glob(filepath.Join(src, "*.go"))
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			changed := change(strings.Replace(string(text), "\n\tf()\n}\n", "\n\tf()\n\tafter()\n}\n", 1))
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), []byte(changed), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(dir, os.DirFS("testdata/peers")); err != nil {
			t.Fatal(err)
		}
		exe := filepath.Join(dir, "kernels")
		cmd := exec.Command("go", "build", "-o", exe, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile", "GOFLAGS=-mod=readonly", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return exe
	}
	return peers{
		deadlock: build(func(text string) string {
			if !aMutex.MatchString(text) {
				return text
			}
			text = syncLine.ReplaceAllString(aMutex.ReplaceAllString(text, "deadlock.${1}Mutex"), "\t\"sync\"\n\t\"github.com/sasha-s/go-deadlock\"")
			return text + "\nvar _ sync.Once\n"
		}),
		leak: build(func(text string) string { return text }),
	}
}

// run reports which of the two says something about one run of a kernel.
func (p peers) run(t *testing.T, name string, n int) (deadlock, leak bool) {
	one := func(exe, leaks string) string {
		ctx, cancel := context.WithTimeout(t.Context(), peersLimit)
		defer cancel()
		cmd := exec.CommandContext(ctx, exe, name)
		cmd.Env = append(os.Environ(), "GOKER_LEAKS="+leaks)
		if n%2 == 1 {
			cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
		}
		out, _ := cmd.CombinedOutput() // either may end the process its way
		if ctx.Err() != nil {
			t.Errorf("%s: cut off after %v\n%.2000s", name, peersLimit, out)
		}
		return string(out)
	}
	return strings.Contains(one(p.deadlock, ""), "POTENTIAL DEADLOCK"), strings.Contains(one(p.leak, "1"), "GOLEAK:")
}

// TestPeers holds the bench of the comparison: both speak where they must, and
// are silent where nothing is wrong.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the kernels for the other finders")
	}
	src := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	kernelNames(t, src)
	check := func(p peers, kernel string, deadlock, leak bool) {
		t.Helper()
		if d, l := p.run(t, kernel, 0); d != deadlock || l != leak {
			t.Errorf("%s: go-deadlock %v, goleak %v", kernel, d, l)
		}
	}
	kernels := buildPeers(t, src)
	check(kernels, "Cockroach584", true, true)    // locks a mutex twice, on a goroutine of its own
	check(kernels, "Cockroach10790", false, true) // channels alone
	check(kernels, "Cockroach7504", true, true)   // two locks, two orders
	repaired := buildPeers(t, twins(t, fixes(t)))
	check(repaired, "Cockroach584", false, false)
	check(repaired, "Cockroach10790", false, false)
}

// TestPeersTwins counts the repaired kernels that the two report. Each report is
// a false alarm: TestTwins holds that none of these kernels leaks.
func TestPeersTwins(t *testing.T) {
	runs, err := strconv.Atoi(os.Getenv("LOCKDEP_GOKER"))
	if err != nil || runs < 1 {
		t.Skip("LOCKDEP_GOKER=N runs each kernel N times")
	}
	list := fixes(t)
	p := buildPeers(t, twins(t, list))
	rows := make([]struct{ deadlock, leak int }, len(list))
	var all sync.WaitGroup
	slots := make(chan bool, 2*runtime.NumCPU())
	for i, f := range list {
		all.Go(func() {
			slots <- true
			defer func() { <-slots }()
			for n := range runs {
				deadlock, leak := p.run(t, f.name, n)
				if deadlock {
					rows[i].deadlock++
				}
				if leak {
					rows[i].leak++
				}
			}
		})
	}
	all.Wait()
	deadlocks, leaks := 0, 0
	for i, r := range rows {
		if r.deadlock+r.leak > 0 {
			fmt.Printf("%s: of %d runs, go-deadlock reports %d, goleak %d\n", list[i].name, runs, r.deadlock, r.leak)
		}
		deadlocks += min(r.deadlock, 1)
		leaks += min(r.leak, 1)
	}
	fmt.Printf("goker twins: go-deadlock reports %d of %d, goleak %d\n", deadlocks, len(list), leaks)
}
