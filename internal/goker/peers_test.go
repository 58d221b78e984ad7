package goker

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The other finders of such bugs, which run the same kernels in the same loop.
// Their modules are dependencies of a module that the test makes.
//
// go-deadlock takes the place of the locks: each sync.Mutex and sync.RWMutex of
// a copy of the sources becomes its own. Where a lock is waited for longer than
// its timeout, it says so; 30 s by default, here a second, a third of a run. It
// ends the process with its first report.
//
// goleak looks for goroutines that are left when a test ends; here, when the
// kernel's function returns. A kernel whose function hangs is never looked at,
// as a test that hangs is not.
const peersMod = `module goker

go 1.26

require (
	github.com/sasha-s/go-deadlock v0.3.9
	go.uber.org/goleak v1.3.0
)
`

const peersMain = `package main

import (
	"fmt"
	"os"
	"time"

	"github.com/sasha-s/go-deadlock"
	"go.uber.org/goleak"
)

func init() { deadlock.Opts.DeadlockTimeout = time.Second }

// after is called when a kernel's function returned: go-deadlock gets the time that it
// asks for before it speaks.
func after() {
	if os.Getenv("GOKER_LEAKS") == "" {
		time.Sleep(1500 * time.Millisecond)
		return
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "GOLEAK:", err)
	}
}
`

// peers are the binaries with the kernels for the other finders.
type peers struct {
	deadlock, leak string
}

var (
	aMutex   = regexp.MustCompile(`\bsync\.(RW)?Mutex\b`)
	syncLine = regexp.MustCompile(`(?m)^\t"sync"$`)
)

func buildPeers(t *testing.T, src string) peers {
	t.Helper()
	build := func(name string, change func(text string) string) string {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, []byte(change(string(text))), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for file, text := range map[string]string{"go.mod": peersMod, "peers.go": peersMain} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		exe := filepath.Join(dir, "kernels")
		cmd := exec.Command("go", "build", "-o", exe, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile", "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return exe
	}
	after := func(text string) string {
		return strings.Replace(text, "\n\tf()\n}\n", "\n\tf()\n\tafter()\n}\n", 1)
	}
	return peers{
		deadlock: build("deadlock", func(text string) string {
			text = after(text)
			if !aMutex.MatchString(text) {
				return text
			}
			text = syncLine.ReplaceAllString(aMutex.ReplaceAllString(text, "deadlock.${1}Mutex"), "\t\"sync\"\n\t\"github.com/sasha-s/go-deadlock\"")
			return text + "\nvar _ sync.Once\n"
		}),
		leak: build("leak", after),
	}
}

// run reports which of the two says something about one run of a kernel.
func (p peers) run(t *testing.T, name string, n int) (deadlock, leak bool) {
	one := func(exe, leaks string) string {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		cmd := exec.CommandContext(ctx, exe, name)
		cmd.Env = append(os.Environ(), "GOKER_LEAKS="+leaks)
		if n%2 == 1 {
			cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
		}
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	return strings.Contains(one(p.deadlock, ""), "POTENTIAL DEADLOCK"), strings.Contains(one(p.leak, "1"), "GOLEAK:")
}

// TestPeers holds the bench of the comparison: both speak where they must.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the kernels for the other finders")
	}
	src := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	kernelNames(t, src)
	p := buildPeers(t, src)
	for _, c := range []struct {
		kernel         string
		deadlock, leak bool
	}{
		{"Cockroach584", true, true},    // locks a mutex twice, on a goroutine of its own
		{"Cockroach10790", false, true}, // channels alone
		{"Cockroach7504", true, true},   // two locks, two orders
	} {
		d, l := p.run(t, c.kernel, 0)
		if d != c.deadlock || l != c.leak {
			t.Errorf("%s: go-deadlock %v, goleak %v", c.kernel, d, l)
		}
	}
}
