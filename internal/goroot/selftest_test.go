package goroot

import (
	"errors"
	"strings"
	"testing"
)

// A release that is newer than those known is used if its copy does its work, and only then.
func TestUntested(t *testing.T) {
	if testing.Short() {
		t.Skip("copies a GOROOT")
	}
	known := newestGo
	t.Cleanup(func() { newestGo = known })
	newestGo = oldestGo
	firsts := 0
	opts := Options{CacheDir: t.TempDir(), First: func(_, _ string, untested bool) {
		if firsts++; !untested {
			t.Error("the copy is not said to be of a release that is not tested")
		}
	}}
	for i := range 2 {
		root, err := ensure(t.Context(), opts, shipped)
		if err != nil {
			t.Fatal(err)
		}
		if root.New != (i == 0) {
			t.Errorf("call %d: new: %v", i, root.New)
		}
	}
	if firsts != 1 {
		t.Errorf("%d copies, want one", firsts)
	}
	tc, err := findToolchain(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The original has no hooks.
	var e *SelfTestError
	if err := selfTest(t.Context(), tc, tc.root); !errors.As(err, &e) || !strings.Contains(err.Error(), "was not found") || !strings.Contains(err.Error(), "update lockdep") {
		t.Errorf("the original passes for a copy: %v", err)
	}
	if err := selfTest(t.Context(), tc, t.TempDir()); !errors.As(err, &e) || !strings.Contains(err.Error(), "does not build") {
		t.Errorf("an empty directory passes for a copy: %v", err)
	}
}
