package goroot

import "testing"

// The tests of package annotate pass in the copy, where it is not a no-op.
func TestAnnotate(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	dir := "../../annotate"
	root, err := Ensure(t.Context(), Options{Dir: dir, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	// The test binary itself has no names table here; it is not under test.
	env := []string{"GOFLAGS=", "GOLOCKDEP=fail=none"}
	mustRun(t, root, dir, env, root.GoCmd, "test", "-count=1", ".")
	mustRun(t, root, dir, env, root.GoCmd, "test", "-count=1", "-gcflags=-l", "-run=Scenarios", ".")
}
