//go:build linux || darwin

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// orders is a module of pairs of locks. With APART in the environment nothing
// in it hangs by itself: the two orders of each pair are some time apart.
const orders = `
-- go.mod --
module example.org/orders

go 1.25
-- pairs.go --
package orders

import "sync"

type (
	Left   struct{ mu sync.Mutex }
	Right  struct{ mu sync.Mutex }
	Before struct{ mu sync.Mutex }
	After  struct{ mu sync.Mutex }
	Apart  struct{ mu sync.Mutex }
	Other  struct{ mu sync.Mutex }
	Inside struct{ mu sync.Mutex }
	Out    struct{ mu sync.Mutex }
	Book   struct{ mu sync.RWMutex }
	Gate   struct{ mu sync.Mutex }
	In     struct{ mu sync.Mutex }
	Yard   struct{ mu sync.Mutex }
	Node   struct {
		mu   sync.Mutex
		kids []*Node
	}
)

-- pairs_test.go --
package orders

import (
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

func both(f, g func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Go(func() { time.Sleep(20 * time.Millisecond); g() })
	wg.Wait()
}

// Two goroutines, some time apart.
func TestApartInTime(t *testing.T) {
	l, r := new(Left), new(Right)
	both(func() { l.mu.Lock(); r.mu.Lock(); r.mu.Unlock(); l.mu.Unlock() }, func() { r.mu.Lock(); l.mu.Lock(); l.mu.Unlock(); r.mu.Unlock() })
}

// The first has ended before the second begins: by construction.
func TestOneAfterTheOther(t *testing.T) {
	b, a := new(Before), new(After)
	done := make(chan bool)
	go func() { b.mu.Lock(); a.mu.Lock(); a.mu.Unlock(); b.mu.Unlock(); close(done) }()
	<-done
	a.mu.Lock(); b.mu.Lock(); b.mu.Unlock(); a.mu.Unlock()
}

// Two tests with locks of the package, which go test runs one after the other.
var (
	apart Apart
	other Other
)

func TestOrderHere(t *testing.T)  { apart.mu.Lock(); other.mu.Lock(); other.mu.Unlock(); apart.mu.Unlock() }
func TestOrderThere(t *testing.T) { other.mu.Lock(); apart.mu.Lock(); apart.mu.Unlock(); other.mu.Unlock() }

// In a bubble, whose time stands still while anybody can run: nothing keeps the
// two apart but APART, which the first run sets, lest it hangs.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, o := new(Inside), new(Out)
		start := make(chan bool)
		go func() {
			<-start
			i.mu.Lock(); o.mu.Lock(); o.mu.Unlock(); i.mu.Unlock()
		}()
		go func() {
			<-start
			if os.Getenv("APART") != "" {
				time.Sleep(1)
			}
			o.mu.Lock(); i.mu.Lock(); i.mu.Unlock(); o.mu.Unlock()
		}()
		close(start)
		time.Sleep(2)
	})
}

// A reader that reads again, and a writer that comes later.
func TestReadAgain(t *testing.T) {
	b := new(Book)
	both(func() { b.mu.RLock(); b.mu.RLock(); b.mu.RUnlock(); b.mu.RUnlock() }, func() { b.mu.Lock(); b.mu.Unlock() })
}

// Both orders under one lock.
func TestGate(t *testing.T) {
	g, i, y := new(Gate), new(In), new(Yard)
	both(func() { g.mu.Lock(); i.mu.Lock(); y.mu.Lock(); y.mu.Unlock(); i.mu.Unlock(); g.mu.Unlock() }, func() { g.mu.Lock(); y.mu.Lock(); i.mu.Lock(); i.mu.Unlock(); y.mu.Unlock(); g.mu.Unlock() })
}

// By address, from many goroutines.
func TestByAddress(t *testing.T) {
	var nodes [4]*Node
	for i := range nodes {
		nodes[i] = new(Node)
	}
	var wg sync.WaitGroup
	for i := range nodes {
		for j := range nodes {
			if i != j {
				wg.Go(func() {
					a, b := nodes[i], nodes[j]
					if uintptr(unsafe.Pointer(a)) > uintptr(unsafe.Pointer(b)) {
						a, b = b, a
					}
					a.mu.Lock(); b.mu.Lock(); b.mu.Unlock(); a.mu.Unlock()
				})
			}
		}
	}
	wg.Wait()
}

// Parents before children.
func TestTree(t *testing.T) {
	var grow func(depth int) *Node
	grow = func(depth int) *Node {
		n := new(Node)
		for range depth {
			n.kids = append(n.kids, grow(depth-1))
		}
		return n
	}
	var walk func(n *Node)
	walk = func(n *Node) {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, k := range n.kids {
			walk(k)
		}
	}
	root := grow(2)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { walk(root) })
	}
	wg.Wait()
}

// It never ends where it is steered, and neither does what it starts.
func TestHangs(t *testing.T) {
	l, r := new(Gate), new(Yard)
	done := make(chan bool)
	go func() { l.mu.Lock(); r.mu.Lock(); r.mu.Unlock(); l.mu.Unlock(); close(done) }()
	<-done
	r.mu.Lock(); l.mu.Lock(); l.mu.Unlock(); r.mu.Unlock()
	if os.Getenv("LOCKDEPCONFIRM") != "" {
		startSleeper(t)
		select {}
	}
}
-- sleeper_test.go --
package orders

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

func startSleeper(t *testing.T) {
	c := exec.Command("sleep", "300")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(os.Getenv("SLEEPER"), []byte(strconv.Itoa(c.Process.Pid)), 0o666)
}
-- program/main.go --
package main

import (
	"sync"
	"time"
)

type A struct{ mu sync.Mutex }
type B struct{ mu sync.Mutex }

func main() {
	a, b := new(A), new(B)
	var wg sync.WaitGroup
	wg.Go(func() { a.mu.Lock(); b.mu.Lock(); b.mu.Unlock(); a.mu.Unlock() })
	wg.Go(func() { time.Sleep(20 * time.Millisecond); b.mu.Lock(); a.mu.Lock(); a.mu.Unlock(); b.mu.Unlock() })
	wg.Wait()
}
`

func readConfirmations(t *testing.T, out []byte) map[string]confirmation {
	t.Helper()
	all := map[string]confirmation{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var c confirmation
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		all[c.Cycle] = c
	}
	return all
}

func TestConfirm(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, orders)
	sleeper := filepath.Join(t.TempDir(), "pid")
	confirm := func(args ...string) ([]byte, int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, tool, args...)
		cmd.Dir = dir
		cmd.WaitDelay = 10 * time.Second
		cmd.Env = append(os.Environ(), "SLEEPER="+sleeper)
		if args[0] == "test" {
			cmd.Env = append(cmd.Env, "APART=1")
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if _, ok := err.(*exec.ExitError); err != nil && !ok {
			t.Fatal(err)
		}
		if stderr.Len() > 0 {
			t.Logf("lockdep %s: %s", strings.Join(args, " "), stderr.Bytes())
		}
		return out, cmd.ProcessState.ExitCode()
	}

	if out, code := confirm("test", "-fail=none", "."); code != 0 {
		t.Fatalf("status %d:\n%s", code, out)
	}
	out, code := confirm("confirm", "-json", "-tries=6", "-timeout=8s")
	if code != exitFinding {
		t.Errorf("status %d, want %d", code, exitFinding)
	}
	got := readConfirmations(t, out)
	for _, w := range []struct {
		cycle, result string
		beside        int
	}{
		{"orders.Left.mu > orders.Right.mu", resultProved, 0},
		{"orders.Inside.mu > orders.Out.mu", resultProved, 0},
		{"orders.Apart.mu > orders.Other.mu", resultProved, 2},
		{"orders.Book.mu", resultProved, 0},
		{"orders.Before.mu > orders.After.mu", resultUnproved, 0},
		{"orders.Gate.mu > orders.Yard.mu", resultUnproved, 0},
	} {
		c, ok := got[w.cycle]
		if a, b, two := strings.Cut(w.cycle, " > "); !ok && two {
			c, ok = got[b+" > "+a]
		}
		switch {
		case !ok:
			t.Errorf("%s: no finding in\n%s", w.cycle, out)
		case c.Result != w.result || len(c.Beside) != w.beside || c.Tries == 0:
			t.Errorf("%s: %+v, want %s with %d tests side by side", w.cycle, c, w.result, w.beside)
		case c.Result == resultProved:
			if dump, err := os.ReadFile(c.Dump); err != nil || bytes.Count(dump, []byte("\ngoroutine ")) < 2 {
				t.Errorf("%s: dump %s: %v", w.cycle, dump, err)
			}
		}
		delete(got, c.Cycle)
	}
	if len(got) != 0 {
		t.Errorf("also confirmed: %v", got)
	}

	// What was started by a run that hung is gone.
	pid, err := os.ReadFile(sleeper)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", "-0", string(pid)).Run(); err == nil {
		if stat, err := os.ReadFile("/proc/" + string(pid) + "/stat"); err != nil || !bytes.Contains(stat, []byte(" Z ")) {
			t.Errorf("process %s is left", pid)
		}
	}

	// The proofs are part of the graph: nothing is left but what could not be proved.
	out, _ = confirm("confirm", "-json", "-tries=1")
	if left := readConfirmations(t, out); len(left) != 2 {
		t.Errorf("left after the proofs:\n%s", out)
	}

	// One of them again, by its number and in words.
	out, code = confirm("confirm", "-try=1", idOf(t, filepath.Join(dir, ".lockdep", findingsFile), "orders.Left.mu"))
	if code != exitFinding || !bytes.Contains(out, []byte("proved in try ")) || !bytes.Contains(out, []byte("orders.TestApartInTime.func1(")) {
		t.Errorf("again: status %d:\n%s", code, out)
	}

	// Orders that keep goroutines apart, and cycles that are no findings: given by hand.
	for _, c := range []struct{ name, cycle, test string }{
		{"gate", "example.org/orders.In.mu > example.org/orders.Yard.mu > example.org/orders.In.mu", "TestGate"},
		{"address", "example.org/orders.Node.mu > example.org/orders.Node.mu, example.org/orders.Node.mu > example.org/orders.Node.mu", "TestByAddress"},
		{"tree", "example.org/orders.Node.mu > example.org/orders.Node.mu, example.org/orders.Node.mu > example.org/orders.Node.mu", "TestTree"},
		{"sequential", "example.org/orders.Before.mu > example.org/orders.After.mu > example.org/orders.Before.mu", "TestOneAfterTheOther"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := confirm("confirm", "-json", "-tries=6", "-timeout=5s", "-cycle="+c.cycle, "-run=^"+c.test+"$")
			var r confirmation
			if err := json.Unmarshal(out, &r); err != nil || code != 0 {
				t.Fatalf("status %d, %v: %s", code, err, out)
			}
			if r.Result != resultUnproved || r.Tries == 0 {
				t.Errorf("%s", out)
			}
			for i, n := range r.Stood { // the steering came that far
				if n == 0 && c.name != "address" && c.name != "tree" && i == 0 || len(r.Stood) != 2 {
					t.Errorf("nobody stood: %s", out)
				}
			}
		})
	}

	t.Run("program", func(t *testing.T) {
		exe := filepath.Join(dir, "prog")
		if out, code := confirm("build", "-o", exe, "./program"); code != 0 {
			t.Fatalf("%s", out)
		}
		graph := filepath.Join(dir, "g")
		if err := os.Mkdir(graph, 0o777); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "LOCKDEPDIR="+graph, "GOLOCKDEP=fail=none")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, code := confirm("confirm", "-json", "-graph="+graph)
		if !bytes.Contains(out, []byte("it was seen in a program")) || code != 0 {
			t.Errorf("status %d: %s", code, out)
		}
		out, code = confirm("confirm", "-json", "-graph="+graph, "--", exe)
		if code != exitFinding {
			t.Errorf("status %d: %s", code, out)
		}
	})

	for _, c := range []struct{ want, args string }{
		{"no finding \"nonsense\"", "confirm nonsense"},
		{"has no last run", "confirm -graph=nowhere"},
		{"nothing stands behind --", "confirm --"},
		{"a class is missing in part 1", "confirm -cycle=A>"},
		{"A is wanted", "confirm -cycle=B>A"},
		{"for a cycle given with -cycle", "confirm -run=TestX"},
		{"more than nothing", "confirm -timeout=0s"},
		{"finding the program", "confirm -cycle=A>A -- ./no-such-program"},
		{"no value, true or false", "test -confirm=perhaps"},
		{"flag -confirm is for lockdep test", "run -confirm ./program"},
	} {
		cmd := exec.Command(tool, strings.Fields(c.args)...)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), c.want) {
			t.Errorf("lockdep %s: status %d: %s", c.args, cmd.ProcessState.ExitCode(), out)
		}
	}
}

// idOf returns the ID of the finding whose first class ends so.
func idOf(t *testing.T, file, class string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var f struct {
			ID      string
			Classes []string
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Classes {
			if strings.HasSuffix(c, class) {
				return f.ID
			}
		}
	}
	t.Fatalf("no finding of %s in %s", class, text)
	return ""
}
