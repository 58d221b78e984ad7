//go:build linux || darwin

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/predict"
)

// recorded is a module of orders of which some cannot happen in the order of the
// program's own channels, groups and go statements.
const recorded = `
-- go.mod --
module example.org/recorded

go 1.24
-- pairs_test.go --
//go:build !never

package recorded

import (
	"sync"
	"testing"
	"time"
)

type (
	A struct{ mu sync.Mutex }
	B struct{ mu sync.Mutex }
	C struct{ mu sync.Mutex }
	D struct{ mu sync.Mutex }
	E struct{ mu sync.RWMutex }
	F struct{ mu sync.Mutex }
	G struct{ mu sync.Mutex }
	H struct{ mu sync.Mutex }
	I struct{ mu sync.Mutex }
	J struct{ mu sync.Mutex }
	K struct{ mu sync.Mutex }
	L struct{ mu sync.Mutex }
)

func later() { time.Sleep(20 * time.Millisecond) }

// Nothing orders the two but the time.
func TestCan(t *testing.T) {
	a, b := new(A), new(B)
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); a.mu.Lock(); b.mu.Lock(); b.mu.Unlock(); a.mu.Unlock() }()
	go func() { defer wg.Done(); later(); b.mu.Lock(); a.mu.Lock(); a.mu.Unlock(); b.mu.Unlock() }()
	wg.Wait()
}

// A message goes from the end of the first to the beginning of the second.
func TestMessage(t *testing.T) {
	c, d := new(C), new(D)
	ch := make(chan bool, 1)
	done := make(chan bool)
	go func() { c.mu.Lock(); d.mu.Lock(); d.mu.Unlock(); c.mu.Unlock(); ch <- true }()
	go func() { <-ch; d.mu.Lock(); c.mu.Lock(); c.mu.Unlock(); d.mu.Unlock(); close(done) }()
	<-done
}

// A message to a goroutine that tries first, from under the outer lock: it orders nothing.
func TestReader(t *testing.T) {
	e, f := new(E), new(F)
	ch := make(chan bool, 1)
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); e.mu.RLock(); ch <- true; f.mu.Lock(); f.mu.Unlock(); e.mu.RUnlock() }()
	go func() { defer wg.Done(); <-ch; later(); f.mu.Lock(); e.mu.Lock(); e.mu.Unlock(); f.mu.Unlock() }()
	wg.Wait()
}

// A WaitGroup between them.
func TestGroup(t *testing.T) {
	g, h := new(G), new(H)
	var first, all sync.WaitGroup
	first.Add(1)
	all.Add(2)
	go func() { defer all.Done(); g.mu.Lock(); h.mu.Lock(); h.mu.Unlock(); g.mu.Unlock(); first.Done() }()
	go func() { defer all.Done(); first.Wait(); h.mu.Lock(); g.mu.Lock(); g.mu.Unlock(); h.mu.Unlock() }()
	all.Wait()
}

// A select between them.
func TestSelect(t *testing.T) {
	i, j := new(I), new(J)
	ch, done := make(chan bool), make(chan bool)
	go func() {
		i.mu.Lock(); j.mu.Lock(); j.mu.Unlock(); i.mu.Unlock()
		select {
		case ch <- true:
		case <-time.After(time.Minute):
		}
	}()
	go func() {
		select {
		case <-ch:
		case <-time.After(time.Minute):
		}
		j.mu.Lock(); i.mu.Lock(); i.mu.Unlock(); j.mu.Unlock()
		close(done)
	}()
	<-done
}

// A condition between them.
func TestCond(t *testing.T) {
	k, l := new(K), new(L)
	var m sync.Mutex
	c := sync.NewCond(&m)
	ready := false
	done := make(chan bool)
	go func() {
		m.Lock()
		for !ready {
			c.Wait()
		}
		m.Unlock()
		l.mu.Lock(); k.mu.Lock(); k.mu.Unlock(); l.mu.Unlock()
		close(done)
	}()
	later()
	k.mu.Lock(); l.mu.Lock(); l.mu.Unlock(); k.mu.Unlock()
	m.Lock()
	ready = true
	c.Broadcast()
	m.Unlock()
	<-done
}
`

func TestRecord(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, recorded)
	cmd := exec.Command(tool, "test", "-record", "-tags=never2", ".")
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitFinding {
		t.Fatalf("status %d, want %d:\n%s", code, exitFinding, out)
	}
	findings, err := findingsIn(filepath.Join(dir, ".lockdep", findingsFile))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for i := range findings {
		f := &findings[i]
		got[strings.Join(shortClasses(f), " > ")] = strings.Contains(string(f.AppendWhy(nil)), "predictable")
	}
	for _, w := range []struct {
		a, b string
		can  bool
	}{
		{"recorded.A.mu", "recorded.B.mu", true},
		{"recorded.C.mu", "recorded.D.mu", false},
		{"recorded.E.mu", "recorded.F.mu", true},
		{"recorded.G.mu", "recorded.H.mu", false},
		{"recorded.I.mu", "recorded.J.mu", false},
		{"recorded.K.mu", "recorded.L.mu", false},
	} {
		can, ok := got[w.a+" > "+w.b]
		if !ok {
			can, ok = got[w.b+" > "+w.a]
		}
		if !ok || can != w.can {
			t.Errorf("%s, %s: found %v, predictable %v, want %v", w.a, w.b, ok, can, w.can)
		}
	}
	if n := bytes.Count(out, []byte("a schedule of the recorded run that ends there")); n != 2 {
		t.Errorf("%d schedules, want 2:\n%s", n, out)
	}
	id := idOf(t, filepath.Join(dir, ".lockdep", findingsFile), "recorded.A.mu")
	explain := exec.Command(tool, "explain", id)
	explain.Dir = dir
	if out, err := explain.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("waits for ever: lock recorded.")) {
		t.Errorf("%v:\n%s", err, out)
	}

	// What is cut is read up to there; what is no trace is refused.
	traces, _ := filepath.Glob(filepath.Join(dir, ".lockdep", "*"+predict.Ext))
	if len(traces) != 1 {
		t.Fatalf("%d traces", len(traces))
	}
	text, err := os.ReadFile(traces[0])
	if err != nil {
		t.Fatal(err)
	}
	whole, err := predict.Read("t", bytes.NewReader(text))
	if err != nil || whole.Cut || len(whole.Events) < 50 {
		t.Fatalf("%d events, cut %v, %v", len(whole.Events), whole.Cut, err)
	}
	for n := 0; n < len(text); n += 1 + n/50 {
		tr, err := predict.Read("t", bytes.NewReader(text[:n]))
		if err != nil || !tr.Cut || len(tr.Events) > len(whole.Events) {
			t.Fatalf("cut at %d: %+v, %v", n, tr, err)
		}
		predict.Find(tr)
	}
}
