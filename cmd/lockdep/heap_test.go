package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A lock on a stack would move with it, and its address would say nothing: so the
// compiler must not put one there, whichever method a function uses.
func TestNoLockOnAStack(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the instrumented GOROOT")
	}
	dir := t.TempDir()
	tool := buildTool(t)
	uses := map[string]string{
		"lock":   "var m sync.Mutex; m.Lock()",
		"unlock": "var m sync.Mutex; m.Unlock()",
		"try":    "var m sync.Mutex; return m.TryLock()",
		"wlock":  "var m sync.RWMutex; m.Lock()",
		"wtry":   "var m sync.RWMutex; return m.TryLock()",
		"rlock":  "var m sync.RWMutex; m.RLock()",
		"rtry":   "var m sync.RWMutex; return m.TryRLock()",
		"rlock2": "var m sync.RWMutex; m.RLocker().Lock()",
		"once":   "var m sync.Once; m.Do(f)",
		"field":  "var m struct { sync.Mutex; n int }; return m.TryLock()",
		"array":  "var m [3]sync.Mutex; return m[1].TryLock()",
	}
	src := "-- go.mod --\nmodule heap\n\ngo 1.24\n-- main.go --\npackage main\n\nimport \"sync\"\n\nfunc f() {}\n\nfunc main() {}\n"
	for name, body := range uses {
		if !strings.Contains(body, "return") {
			body += "; return true"
		}
		src += "\n//go:noinline\nfunc " + name + "() bool { " + body + " }\n"
	}
	files(t, dir, src)
	cmd := exec.Command(tool, "build", "-gcflags=-m", "-o", "heap", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), "moved to heap: m"); n != len(uses) {
		t.Errorf("%d of %d locks are on the heap:\n%s", n, len(uses), out)
	}
}
