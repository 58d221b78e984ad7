//go:build linux || darwin

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The first use of a Go release says what it does, once, wherever standard error goes,
// and clean says what it freed.
func TestFirstMinute(t *testing.T) {
	if testing.Short() {
		t.Skip("copies a GOROOT")
	}
	tool := commandTool(t)
	home := t.TempDir()
	cache := filepath.Join(home, "cache")
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		cmd := exec.Command(tool, args...)
		cmd.Env = append(os.Environ(), "LOCKDEPCACHE="+cache)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("lockdep %v: %v\n%s", args, err, &errs)
		}
		return out.String(), errs.String()
	}
	path, said := run("goroot")
	for _, want := range []string{"the first use of " + release(t), "250 MB", filepath.Join(cache, "goroot"), "once for each Go release"} {
		if !strings.Contains(said, want) {
			t.Errorf("the first use does not say %q:\n%s", want, said)
		}
	}
	if again, said := run("goroot"); again != path || said != "" {
		t.Errorf("the second use: %q, says %q; want %q and nothing", again, said, path)
	}
	out, _ := run("goroot", "clean")
	if !strings.HasPrefix(out, "removed 1 copy of Go and 0 files of names, 2") || !strings.HasSuffix(out, " MB\n") {
		t.Errorf("clean says %q", out)
	}
	if left, err := os.ReadDir(cache); err != nil || len(left) != 0 {
		t.Errorf("clean left %v (%v)", left, err)
	}
	if out, _ := run("goroot", "clean"); out != "removed 0 copies of Go and 0 files of names, 0 B\n" {
		t.Errorf("the second clean says %q", out)
	}
}
