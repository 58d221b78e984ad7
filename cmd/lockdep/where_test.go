//go:build linux || darwin

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
)

// The tests of which package are run, and which of them, for a finding whose two
// samples are of two packages.
func TestTestSets(t *testing.T) {
	side := func(process, holds, wants string) engine.Side {
		return engine.Side{Process: process, Holds: engine.Lock{Class: holds, Mode: "W"}, Wants: engine.Lock{Class: wants, Mode: "W"}}
	}
	// An observation in words: "PROCESS TEST A>B", with (r) behind a class that is read.
	observe := func(s string) lockgraph.Observation {
		f := strings.Fields(s)
		o := lockgraph.Observation{Kind: 1, Process: f[0], Test: f[1]}
		if f[1] == "-" {
			o.Test = ""
		}
		names := strings.Split(f[2], ">")
		for i, n := range names {
			var l lockgraph.Lock
			l.Class, l.Mode = classMode(n)
			if i == len(names)-1 {
				o.Lock = l
			} else {
				o.Held = append(o.Held, l)
			}
		}
		return o
	}
	headers := map[string]map[string]string{
		"p": {"binary": "p.test", "dir": "/m/p"}, "q": {"binary": "q.test", "dir": "/m/q"}, "p2": {"binary": "p.test", "dir": "/m/p"},
		"x": {"binary": "server", "dir": "/m"}, "old": {"binary": "old.test"},
	}
	for _, c := range []struct {
		name     string
		observed []string
		want     []string // "DIR pattern beside..."
	}{
		{"one test makes both", []string{"p TestBoth A>B", "p TestBoth B>A", "p TestOne A>B", "q TestQ B>A"}, []string{"/m/p ^(TestBoth)$"}},
		{"two tests make them", []string{"p TestOne A>B", "p TestTwo B>A", "q TestQ B>A"}, []string{"/m/p ^(TestOne|TestTwo)$ TestOne TestTwo"}},
		{"subtests", []string{"p TestOne/a A>B", "p TestTwo/b B>A"}, []string{"/m/p ^(TestOne|TestTwo)$/^(a|b)$ TestOne TestTwo"}},
		{"two processes of one package", []string{"p TestOne A>B", "p2 TestTwo B>A"}, []string{"/m/p ^(TestOne|TestTwo)$ TestOne TestTwo"}},
		{"more locks are held", []string{"p TestOne C>A>D>B", "p TestTwo E>B>A"}, []string{"/m/p ^(TestOne|TestTwo)$ TestOne TestTwo"}},
		{"outside of tests", []string{"p - A>B", "p TestTwo B>A"}, []string{"/m/p"}},
		{"both packages, the better first", []string{"p TestOne A>B", "p TestTwo B>A", "q TestQ A>B", "q TestQ B>A"}, []string{"/m/q ^(TestQ)$", "/m/p ^(TestOne|TestTwo)$ TestOne TestTwo"}},
		{"each makes one", []string{"p TestOne A>B", "q TestQ B>A"}, nil},
		{"a reader is no writer", []string{"p TestOne A>B", "p TestTwo B>A(r)"}, nil},
		{"a chain is no dependency", []string{"p TestOne A>B", "p TestTwo B>C"}, nil},
		{"a program", []string{"x - A>B", "x - B>A"}, nil},
		{"an old graph", []string{"old TestOne A>B", "old TestOne B>A"}, nil},
	} {
		for _, ends := range [][2]string{{"p", "q"}, {"q", "p"}} {
			k := &confirmer{processes: headers}
			for _, o := range c.observed {
				k.observed = append(k.observed, observe(o))
			}
			f := &engine.Finding{ID: "1", Sides: []engine.Side{side(ends[0], "A", "B"), side(ends[1], "B", "A")}}
			if _, reason := k.evidence(f); !strings.Contains(reason, "no package has tests that make all of its sides") {
				t.Errorf("%s: evidence: %q", c.name, reason)
			}
			var got []string
			for _, p := range k.testSets(f) {
				got = append(got, strings.TrimSpace(strings.Join(append([]string{p.dir, p.pattern()}, p.beside()...), " ")))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, from %v: %q, want %q", c.name, ends, got, c.want)
			}
		}
	}

	// Two readers need the writer between them, in the same package.
	reads := engine.Side{
		Process: "p", Holds: engine.Lock{Class: "A", Mode: "R"}, Wants: engine.Lock{Class: "A", Mode: "R"},
		Writer: &engine.Side{Process: "q", Wants: engine.Lock{Class: "A", Mode: "W"}},
	}
	f := &engine.Finding{ID: "2", Sides: []engine.Side{reads}}
	k := &confirmer{processes: headers, observed: []lockgraph.Observation{observe("p TestRead A(r)>A(r)"), observe("q TestWrite A")}}
	if sets := k.testSets(f); len(sets) != 0 {
		t.Errorf("no writer in the package: %v", sets)
	}
	writer := observe("p TestWrite A")
	writer.Kind = 4
	k.observed = append(k.observed, writer)
	if sets := k.testSets(f); len(sets) != 1 || !slices.Equal(sets[0].beside(), []string{"TestRead", "TestWrite"}) {
		t.Errorf("the writer is in the package: %v", sets)
	}
}

const twoPackages = `
-- go.mod --
module example.org/two

go 1.25
-- lock/lock.go --
package lock

import (
	"sync"
	"time"
)

type (
	A struct{ mu sync.Mutex }
	B struct{ mu sync.Mutex }
	C struct{ mu sync.Mutex }
	D struct{ mu sync.Mutex }
)

func both(f, g func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Go(func() { time.Sleep(20 * time.Millisecond); g() })
	wg.Wait()
}

func AB(a *A, b *B) { a.mu.Lock(); b.mu.Lock(); b.mu.Unlock(); a.mu.Unlock() }
func BA(a *A, b *B) { b.mu.Lock(); a.mu.Lock(); a.mu.Unlock(); b.mu.Unlock() }
func CD(c *C, d *D) { c.mu.Lock(); d.mu.Lock(); d.mu.Unlock(); c.mu.Unlock() }
func DC(c *C, d *D) { d.mu.Lock(); c.mu.Lock(); c.mu.Unlock(); d.mu.Unlock() }

// Both makes both orders of A and B, some time apart.
func Both() {
	a, b := new(A), new(B)
	both(func() { AB(a, b) }, func() { BA(a, b) })
}
-- one/one_test.go --
package one

import (
	"testing"

	"example.org/two/lock"
)

func TestOne(t *testing.T) { lock.Both() }
func TestCD(t *testing.T)  { lock.CD(new(lock.C), new(lock.D)) }
-- other/other_test.go --
package other

import (
	"testing"

	"example.org/two/lock"
)

func TestOther(t *testing.T) { lock.Both() }
func TestDC(t *testing.T)    { lock.DC(new(lock.C), new(lock.D)) }
`

// A finding whose evidence lies in two packages is steered into in one whose own
// tests make it, and refused where there is none.
func TestConfirmInOnePackage(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, twoPackages)
	if run := runBehaviour(t, dir, nil, tool, "test", "-fail=none", "./..."); run.exit != 0 {
		t.Fatalf("%s%s", run.stdout, run.stderr)
	}
	name := filepath.Join(dir, ".lockdep", findingsFile)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	id, no := idOf(t, name, "lock.A.mu"), idOf(t, name, "lock.C.mu")

	// The samples are those of either package: which one tells of which side is
	// an accident, and changed here.
	all, err := filepath.Glob(filepath.Join(dir, ".lockdep", "*"+lockgraph.Ext))
	if err != nil || len(all) != 2 {
		t.Fatalf("graph files %v, %v", all, err)
	}
	var processes []string
	for _, f := range all {
		g, err := lockgraph.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for p := range g.Processes {
			processes = append(processes, p)
		}
	}
	for _, first := range []int{0, 1} {
		var out bytes.Buffer
		for line := range bytes.Lines(text) {
			var f map[string]any
			if err := json.Unmarshal(line, &f); err != nil {
				t.Fatal(err)
			}
			if f["id"] == id {
				sides := f["sides"].([]any)
				sides[0].(map[string]any)["process"], sides[1].(map[string]any)["process"] = processes[first], processes[1-first]
			}
			if err := json.NewEncoder(&out).Encode(f); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		run := runBehaviour(t, dir, nil, tool, "confirm", "-json", "-tries=8", id)
		if run.exit != exitFinding || !strings.Contains(run.stdout, `"result":"proved"`) {
			t.Errorf("sides from %s first: status %d\n%s%s", processes[first], run.exit, run.stdout, run.stderr)
		}
	}

	run := runBehaviour(t, dir, nil, tool, "confirm", no)
	if run.exit != 0 || !strings.Contains(run.stdout, "not tried: no package has tests that make all of its sides") ||
		!strings.Contains(run.stdout, "lock.C.mu > lock.D.mu was seen in one") || !strings.Contains(run.stdout, "lock.D.mu > lock.C.mu was seen in other") {
		t.Errorf("status %d\n%s%s", run.exit, run.stdout, run.stderr)
	}
}
