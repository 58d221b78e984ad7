package goroot

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// stub returns a content whose validator only prints the calls of package main.
// What is added to sync, reflect and fmt is the shipped code.
func stub(t testing.TB) content {
	t.Helper()
	std := fstest.MapFS{}
	add := func(tree fs.FS, dir string) {
		err := fs.WalkDir(tree, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(tree, name)
			std[name] = &fstest.MapFile{Data: text}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(os.DirFS("testdata/stub"), "_std")
	add(os.DirFS("testdata/stub"), "engine")
	for _, dir := range []string{"_std/sync", "_std/internal/sync", "_std/reflect", "_std/fmt", "_std/runtime/lockdep_sema.go", "_std/runtime/lockdep_dump.go", "_std/runtime/lockdep_record.go", "_std/runtime/lockdep_record_off.go"} {
		add(stdFiles, dir)
	}
	return content{std: std, engine: std, link: linkFiles}
}

// local returns the toolchain that runs the tests.
var local = sync.OnceValues(func() (*toolchain, error) {
	return findToolchain(context.Background(), Options{Env: os.Environ()})
})

func localToolchain(t testing.TB) *toolchain {
	t.Helper()
	tc, err := local()
	if err != nil {
		t.Fatal(err)
	}
	return tc
}

// otherToolchain returns a release from the module cache; the test is skipped
// if it is not there.
func otherToolchain(t *testing.T, release string) *toolchain {
	t.Helper()
	tc, err := findToolchain(t.Context(), Options{Dir: t.TempDir(), Env: otherEnv(release)})
	if err != nil {
		t.Skipf("no %s here: %v", release, err)
	}
	return tc
}

func otherEnv(release string) []string {
	return append(os.Environ(), "GOTOOLCHAIN="+release, "GOPROXY=off", "GOROOT=")
}

// stubRoot is a copy of the local toolchain with the stub, shared by the tests.
// It is removed by TestMain.
var stubRoot struct {
	once  sync.Once
	cache string
	root  *Root
	err   error
}

func sharedRoot(t testing.TB) *Root {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs")
	}
	stubRoot.once.Do(func() {
		stubRoot.cache, stubRoot.err = os.MkdirTemp("", "lockdep-test-")
		if stubRoot.err == nil {
			stubRoot.root, stubRoot.err = ensure(context.Background(), Options{CacheDir: stubRoot.cache, Log: t.Logf}, stub(t))
		}
	})
	if stubRoot.err != nil {
		t.Fatal(stubRoot.err)
	}
	return stubRoot.root
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("LOCKDEP_TEST_ENSURE"); dir != "" {
		ensureHelper(dir)
	}
	code := m.Run()
	if stubRoot.cache != "" {
		os.RemoveAll(stubRoot.cache)
	}
	os.Exit(code)
}

// module writes files, named and separated as in "-- name --" lines, into a
// new directory with a go.mod.
func module(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/hello\n\ngo 1.24\n")
	for part := range strings.SplitSeq(text, "\n-- ") {
		name, body, ok := strings.Cut(strings.TrimPrefix(part, "-- "), " --\n")
		if ok {
			write(name, body)
		}
	}
	return dir
}

// run runs a command with the copy and returns what it printed.
func run(t *testing.T, root *Root, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(root.Env(), "GOFLAGS=-mod=mod", "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustRun(t *testing.T, root *Root, dir string, env []string, args ...string) string {
	t.Helper()
	out, err := run(t, root, dir, env, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}
