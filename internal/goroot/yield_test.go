package goroot

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What runs in a hook may be pinned to its thread, where to yield or to park is
// fatal: who waits does so by the functions of lockdep_context.go, which ask
// first (docs/contexts.md).
func TestYields(t *testing.T) {
	allowed := map[string]string{
		"_std/runtime/lockdep_context.go": "asks LockdepMayWait",
		"_std/runtime/lockdep_stuck.go":   "gopark is that of a goroutine of our own; leaks asks",
		"_std/runtime/lockdep_leak.go":    "leaks asks",
	}
	form := regexp.MustCompile(`\b(Gosched|gopark|goparkunlock|goyield|semacquire1?|notesleep|entersyscall|stopTheWorld|mcall)\(`)
	check := func(name string, text []byte) {
		if strings.HasSuffix(name, "_test.go") || allowed[name] != "" {
			return
		}
		for i, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if m := form.FindString(code); m != "" && !(strings.HasPrefix(m, "entersyscall") && name == "_std/runtime/lockdep_write.go") {
				t.Errorf("%s:%d: %s…) in a hook", name, i+1, m)
			}
		}
	}
	err := fs.WalkDir(stdFiles, "_std", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(stdFiles, name)
		check(name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("../../engine/*.go")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f) == "validator.go" { // without a host's lock: no live program
			text = []byte(strings.Replace(string(text), "runtime.Gosched()", "", 1))
		}
		check(f, text)
	}
}

// Who waits for a lock of the validator's lets other goroutines run only in
// LockdepPause, which comes last: it may hold a lock that all of them wait for, and
// its next turn comes after theirs.
func TestKeepsTurn(t *testing.T) {
	text, err := fs.ReadFile(stdFiles, "_std/runtime/lockdep_context.go")
	if err != nil {
		t.Fatal(err)
	}
	body := func(name string) string {
		_, s, _ := strings.Cut(string(text), "\nfunc "+name+"(")
		s, _, ok := strings.Cut(s, "\n}\n")
		if !ok {
			t.Fatalf("no func %s", name)
		}
		return s
	}
	if n, in := strings.Count(string(text), "Gosched()"), strings.Count(body("LockdepPause"), "Gosched()"); n != 1 || in != 1 {
		t.Errorf("Gosched is called %d times, %d of them in LockdepPause; want 1 and 1", n, in)
	}
	spin := body("lockdepSpin")
	if first, _, ok := strings.Cut(spin, "default:"); !ok || strings.Contains(first, "LockdepPause()") {
		t.Errorf("lockdepSpin pauses at once:\n%s", spin)
	}
}
