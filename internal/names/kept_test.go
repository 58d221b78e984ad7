package names

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKept counts the lists of the go command: none where nothing has changed,
// one after each change that may give another table.
func TestKept(t *testing.T) {
	gocmd, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	dir := filepath.Join(top, "module")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	age := func(by time.Duration) {
		t.Helper()
		err := filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
			if info, e := os.Stat(path); err == nil && e == nil && now.Sub(info.ModTime()) < by {
				return os.Chtimes(path, now.Add(-by), now.Add(-by))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const locked = "package p\n\nimport \"sync\"\n\nvar a, b sync.Mutex\n\nfunc f() {\n\ta.Lock()\n}\n"
	write("go.mod", "module example.com/kept\n\ngo 1.24\n")
	write("p/p.go", locked)
	write("q/q.go", "package q\n\nimport _ \"example.com/kept/p\"\n")
	age(time.Hour)

	calls := filepath.Join(t.TempDir(), "calls")
	script := filepath.Join(t.TempDir(), "bin", "go")
	if err := os.MkdirAll(filepath.Dir(script), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho >>'"+calls+"'\nexec '"+gocmd+"' \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Dir: dir, Env: append(os.Environ(), "GOFLAGS="), GoCmd: script, Tests: true, Patterns: []string{"./..."},
		CacheDir: t.TempDir(), ModCache: filepath.Join(top, "none"), GoEnv: filepath.Join(top, "env"),
	}
	last := ""
	ask := func(what string, lists int, site string) {
		t.Helper()
		os.Remove(calls)
		blob, stats := build(t, o)
		text, _ := os.ReadFile(calls)
		if got := strings.Count(string(text), "\n"); got != lists {
			t.Errorf("%s: %d lists, want %d", what, got, lists)
		}
		if !strings.Contains(blob, site) || lists == 0 && blob != last {
			t.Errorf("%s: %q is missing or the table differs from the last:\n%s", what, site, blob)
		}
		if stats.Sites == 0 || lists == 0 && stats.Cached != stats.Packages {
			t.Errorf("%s: %+v", what, stats)
		}
		last = blob
	}
	ask("first", 1, "8 L example.com/kept/p.a")
	ask("again", 0, "8 L example.com/kept/p.a")
	write("p/notes.txt", "no source")
	write("p/testdata/x.go", "package x\n")
	ask("what is no source", 0, "8 L example.com/kept/p.a")

	// As many bytes, and too young to be trusted.
	write("p/p.go", strings.Replace(locked, "a.Lock", "b.Lock", 1))
	ask("changed", 1, "8 L example.com/kept/p.b")
	ask("changed just now", 1, "8 L example.com/kept/p.b")
	age(30 * time.Minute)
	ask("changed and aged", 1, "8 L example.com/kept/p.b")
	ask("then again", 0, "8 L example.com/kept/p.b")

	for i, c := range []struct {
		what   string
		change func()
	}{
		{"a new file", func() { write("p/more.go", "package p\n") }},
		{"a new package", func() { write("r/s/s.go", "package s\n") }},
		{"a removed package", func() { os.RemoveAll(filepath.Join(dir, "r")) }},
		{"a new go.sum", func() { write("go.sum", "") }},
		{"a nested module", func() { write("q/go.mod", "module example.com/other\n") }},
		{"a workspace", func() { write("../go.work", "go 1.24\n\nuse ./module\n") }},
		{"the go command's settings", func() { write("../env", "GOFLAGS=-tags=x\n") }},
	} {
		c.change()
		age(20*time.Minute - time.Duration(i)*time.Minute)
		ask(c.what, 1, "8 L example.com/kept/p.b")
		ask(c.what+", again", 0, "8 L example.com/kept/p.b")
	}

	o.BuildFlags = []string{"-tags=other"}
	ask("other flags", 1, "")
	write("../overlay.json", "{}")
	o.BuildFlags = []string{"-overlay=" + filepath.Join(top, "overlay.json")}
	ask("an overlay", 1, "")
	ask("an overlay, again", 1, "")
	o.BuildFlags = nil
	write("broken/x.go", "package broken\n\nvar x = missing\n")
	age(time.Minute)
	ask("what does not build", 1, "8 L example.com/kept/p.b")
	ask("what does not build, again", 1, "8 L example.com/kept/p.b")
}
