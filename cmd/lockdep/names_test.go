//go:build linux || darwin

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/internal/goroot"
	"github.com/golockdep/lockdep/internal/names"
)

// The program of the copy says what the package says, its errors included; a tool that is
// broken is an error with the remedy.
func TestNamesOfTheCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the instrumented GOROOT")
	}
	dir := t.TempDir()
	files(t, dir, inverted)
	root, err := goroot.Ensure(t.Context(), goroot.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"./...", "./nowhere/..."} {
		o := names.Options{Dir: dir, Env: root.Env(), GoCmd: root.GoCmd, Tests: true, Patterns: []string{pattern}}
		var said, told []string
		o.Log = func(format string, args ...any) { said = append(said, format) }
		want, st, e1 := names.Table(t.Context(), o)
		o.Log = func(format string, args ...any) { told = append(told, format) }
		got, st2, e2 := names.Ask(t.Context(), root.Names, o)
		if string(got) != string(want) || st != st2 || (e1 == nil) != (e2 == nil) || e1 != nil && e1.Error() != e2.Error() {
			t.Errorf("%s: the copy says %d bytes, %+v, %v; the package %d bytes, %+v, %v", pattern, len(got), st2, e2, len(want), st, e1)
		}
		if len(said) != len(told) {
			t.Errorf("%s: the copy tells %d things, the package %d", pattern, len(told), len(said))
		}
		if pattern == "./..." && !strings.Contains(string(got), "shop.Store.mu") {
			t.Errorf("no shop.Store.mu in the table:\n%s", got)
		}
	}
	for _, tool := range []string{"/bin/false", filepath.Join(dir, "missing")} {
		if _, _, err := names.Ask(t.Context(), tool, names.Options{}); err == nil || !strings.Contains(err.Error(), "lockdep goroot clean") {
			t.Errorf("%s: %v", tool, err)
		}
	}
}
