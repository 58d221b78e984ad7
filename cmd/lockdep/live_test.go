//go:build linux || darwin

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dumped is a program that stands still with locks held, or dies so.
const dumped = `
-- go.mod --
module example.org/bank

go 1.24
-- main.go --
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

type account struct{ mu sync.Mutex }

var (
	from, to account
	rates    sync.RWMutex
	many     [100]sync.Mutex
	never    = make(chan int)
)

func transfer() {
	from.mu.Lock() // line 22
	inner()
}

func inner() {
	rates.RLock() // line 27
	to.mu.Lock() // line 28
}

func audit() {
	to.mu.Lock() // line 32
	<-never
}

func all() {
	for i := range many {
		many[i].Lock()
	}
	<-never
}

func main() {
	if len(os.Args) > 1 {
		rates.Lock() // line 45
		panic("dies")
	}
	go audit()
	go all()
	time.Sleep(100 * time.Millisecond)
	go transfer()
	time.Sleep(100 * time.Millisecond)
	buf := make([]byte, 1<<20)
	fmt.Println("stack says:", strings.Contains(string(buf[:runtime.Stack(buf, true)]), "held"))
	select {}
}
`

// goroutines splits a dump.
func goroutines(dump string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(dump, "\n\n") {
		head, body, ok := strings.Cut(part[max(strings.Index(part, "goroutine "), 0):], "\n")
		if !ok || !strings.HasPrefix(head, "goroutine ") {
			continue
		}
		for _, f := range []string{"transfer", "audit", "all", "main"} {
			if strings.Contains(body, "main."+f+"(") {
				out[f] = head + "\n" + body
			}
		}
	}
	return out
}

// place makes the file of a frame the same everywhere.
var place = regexp.MustCompile(`\S*/(main\.go:\d+)`)

// The runtime's dumps say which locks each goroutine holds and waits for; what
// a program asks for itself, by runtime.Stack, is as it was.
func TestDump(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, dumped)
	exe := filepath.Join(t.TempDir(), "bank")
	behaviourBuild(t, dir, tool, "build", "-o", exe, ".")

	check := func(t *testing.T, dump string, want map[string]string) {
		t.Helper()
		got := goroutines(dump)
		for f, w := range want {
			g := place.ReplaceAllString(got[f], "$1")
			_, g, _ = strings.Cut(g, "\n")
			if !strings.HasPrefix(g, w) {
				t.Errorf("%s: got\n%s\nwant\n%s", f, g, w)
			}
		}
		if t.Failed() {
			t.Logf("the dump:\n%s", dump)
		}
	}
	sleeping := map[string]string{
		"transfer": "\t2 locks held:\n" +
			"\t #0: (example.org/bank.account.mu){W}, at: main.transfer  main.go:22\n" +
			"\t #1: (example.org/bank.rates){R}, at: main.inner  main.go:27\n" +
			"\twaits for lock:\n" +
			"\t     (example.org/bank.account.mu){W}, at: main.inner  main.go:28\n",
		"audit": "\t1 lock held:\n" +
			"\t #0: (example.org/bank.account.mu){W}, at: main.audit  main.go:32\n" +
			"runtime.gopark(",
	}
	for _, level := range []string{"all", "crash"} {
		t.Run("SIGQUIT/"+level, func(t *testing.T) {
			stdout, dump := signalled(t, exe, syscall.SIGQUIT, "GOTRACEBACK="+level)
			if stdout != "stack says: false\n" {
				t.Errorf("standard output: %q", stdout)
			}
			check(t, dump, sleeping)
			if main := goroutines(dump)["main"]; main == "" || strings.Contains(main, "lock held") {
				t.Errorf("main, which holds nothing:\n%s", main)
			}
			if all := goroutines(dump)["all"]; strings.Count(all, "(example.org/bank.many[])") != 64 || !strings.Contains(all, " and more\n") {
				t.Errorf("a hundred locks:\n%s", all)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		run := runBehaviour(t, "", nil, exe, "panic")
		if run.exit != 2 {
			t.Errorf("exit status %d", run.exit)
		}
		check(t, run.stderr, map[string]string{
			"main": "\t1 lock held:\n\t #0: (example.org/bank.rates){W}, at: main.main  main.go:45\nmain.main(",
		})
	})
}

// signalled runs a program until it printed a line, sends it sig, and returns
// what it wrote.
func signalled(t *testing.T, exe string, sig os.Signal, env ...string) (stdout, stderr string) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(append(os.Environ(), "GOLOCKDEP=", "LOCKDEPDIR="), env...)
	cmd.Stderr = &errs
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(behaviourTimeout, func() { cmd.Process.Kill() })
	defer stop.Stop()
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	if err != nil {
		t.Errorf("reading its output: %v", err)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Error(err)
	}
	rest, _ := io.ReadAll(r)
	cmd.Wait()
	return line + string(rest), errs.String()
}
