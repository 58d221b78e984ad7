package annotate_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/golockdep/lockdep/annotate"
)

// A program built without lockdep has no symbol of the package, be it a
// function, a variable or the package's initialisation.
func TestCompilesToNothing(t *testing.T) {
	if live {
		t.Skip("in an instrumented GOROOT")
	}
	exe := build(t, "plain")
	out, err := exec.Command("go", "tool", "nm", exe).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool nm: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), " main.main\n") {
		t.Fatal("go tool nm does not list main.main")
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "annotate") || strings.Contains(line, "LockdepAnnotation") {
			t.Error(line)
		}
	}
}

func TestMapTakesNoSpace(t *testing.T) {
	if live {
		t.Skip("in an instrumented GOROOT")
	}
	if n := unsafe.Sizeof(annotate.Map{}); n != 0 {
		t.Errorf("a Map takes %d bytes", n)
	}
}

func TestNoAllocation(t *testing.T) {
	var mu sync.Mutex
	var m annotate.Map
	annotate.SetClass(&mu, "example.com/alloc.mu")
	annotate.SetClass(&m, "example.com/alloc.m")
	f := func() {
		annotate.Nested(&mu, 1).Lock()
		annotate.AssertHeld(&mu)
		m.Acquire(annotate.Write)
		m.Acquired(annotate.Write)
		m.Release(annotate.Write)
		annotate.MightLock(&m)
		mu.Unlock()
		annotate.AssertNotHeld(&mu)
	}
	f()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The module requires nothing.
func TestRequiresNothing(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "require") {
		t.Errorf("go.mod has requirements:\n%s", text)
	}
}

func BenchmarkMap(b *testing.B) {
	var m annotate.Map
	annotate.SetClass(&m, "example.com/bench.m")
	for b.Loop() {
		m.Acquire(annotate.Write)
		m.Acquired(annotate.Write)
		m.Release(annotate.Write)
	}
}

func BenchmarkNested(b *testing.B) {
	var mu sync.Mutex
	annotate.SetClass(&mu, "example.com/bench.nested")
	for b.Loop() {
		annotate.Nested(&mu, 1).Lock()
		mu.Unlock()
	}
}

func BenchmarkAssertHeld(b *testing.B) {
	var mu sync.Mutex
	annotate.SetClass(&mu, "example.com/bench.assert")
	mu.Lock()
	for b.Loop() {
		annotate.AssertHeld(&mu)
	}
	mu.Unlock()
}
