package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program that runs by itself and has more classes than there is room for says
// so, once, and what is not judged for it; so does who reads its graph.
func TestFullIsSaid(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the instrumented GOROOT and a program with 40,000 locks")
	}
	const locks, each = 40_000, 500
	dir := t.TempDir()
	tool := buildTool(t)
	files(t, dir, "-- go.mod --\nmodule full\n\ngo 1.24\n")
	var calls strings.Builder
	for i := 0; i < locks; i += each {
		var b, body strings.Builder
		fmt.Fprintf(&b, "package main\n\nimport \"sync\"\n\nvar (\n")
		for j := i; j < i+each; j++ {
			fmt.Fprintf(&b, "\tm%d sync.Mutex\n", j)
			fmt.Fprintf(&body, "\tm%d.Lock()\n\tm%d.Unlock()\n", j, j)
		}
		fmt.Fprintf(&b, ")\n\nfunc f%d() {\n%s}\n", i, body.String())
		fmt.Fprintf(&calls, "\tf%d()\n", i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.go", i)), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files(t, dir, "-- main.go --\npackage main\n\nfunc main() {\n"+calls.String()+"}\n")
	cmd := exec.Command(tool, "build", "-o", "full", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	graph := filepath.Join(dir, "graph")
	if err := os.Mkdir(graph, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(filepath.Join(dir, "full"))
	cmd.Env = append(os.Environ(), "LOCKDEPDIR="+graph)
	out, err := cmd.CombinedOutput()
	const want = "the table of classes was full (limit 32767): locks of further classes are not judged\n"
	if err != nil || string(out) != "lockdep: "+want {
		t.Errorf("%v, it said\n%s", err, out)
	}
	out, err = exec.Command(tool, "graph", "stats", graph).CombinedOutput()
	if err != nil || strings.Count(string(out), want) != 1 {
		t.Errorf("%v, of its graph is said\n%s", err, out)
	}
}
