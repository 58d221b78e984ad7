package goroot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ensureHelper is the body of the processes that the tests start: it builds
// the stub copy in dir, and stops for good before naming it if asked to.
func ensureHelper(dir string) {
	if os.Getenv("LOCKDEP_TEST_HANG") != "" {
		testHookBuilt = func() {
			fmt.Println("built")
			time.Sleep(time.Hour) // not select{}: the runtime would see a deadlock
		}
	}
	logf := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	root, err := ensure(context.Background(), Options{CacheDir: dir, Log: logf}, stub(helperT{}))
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("root", root.Path)
	os.Exit(0)
}

// helperT lets stub be used outside a test.
type helperT struct{ testing.TB }

func (helperT) Helper()           {}
func (helperT) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func helper(t *testing.T, dir string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "LOCKDEP_TEST_ENSURE="+dir)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// onlyOneCopy checks that the cache holds one complete copy and nothing else.
func onlyOneCopy(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "goroot"))
	if err != nil {
		t.Fatal(err)
	}
	copies := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), lockSuffix) || e.Name() == trimName {
			continue
		}
		if _, ok := readMarker(filepath.Join(dir, "goroot", e.Name())); !ok {
			t.Errorf("%s was left behind", e.Name())
		}
		copies++
	}
	if copies != 1 {
		t.Errorf("%d copies, want one", copies)
	}
}

func TestTwoProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("copies a GOROOT")
	}
	dir := t.TempDir()
	var outs [2]strings.Builder
	var cmds [2]*exec.Cmd
	for i := range cmds {
		cmds[i] = helper(t, dir)
		cmds[i].Stdout = &outs[i]
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	prepared, waited := 0, 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, outs[i].String())
		}
		prepared += strings.Count(outs[i].String(), "copied go")
		waited += strings.Count(outs[i].String(), "waiting for another process")
	}
	if prepared != 1 || waited > 1 {
		t.Errorf("%d builds and %d waits, want 1 build and at most 1 wait", prepared, waited)
	}
	onlyOneCopy(t, dir)
}

func TestKilledBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("copies a GOROOT")
	}
	dir := t.TempDir()
	cmd := helper(t, dir, "LOCKDEP_TEST_HANG=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "built" {
	}

	// While it is alive others wait, until they are told not to.
	ctx, cancel := context.WithCancel(t.Context())
	waiting := false
	_, err = ensure(ctx, Options{CacheDir: dir, Log: func(format string, args ...any) {
		waiting = strings.HasPrefix(format, "waiting")
		cancel()
	}}, stub(t))
	if !waiting || !errors.Is(err, context.Canceled) {
		t.Errorf("waiting=%v and error %v, want to wait and to be canceled", waiting, err)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, "goroot", "*"+tempInfix+"*")); len(left) != 1 {
		t.Errorf("the killed build left %v, want one directory", left)
	}
	if _, err := ensure(t.Context(), Options{CacheDir: dir}, stub(t)); err != nil {
		t.Fatal(err)
	}
	onlyOneCopy(t, dir)
}

func TestCacheErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := ensure(t.Context(), Options{CacheDir: filepath.Join(file, "cache")}, stub(t))
	var cache *CacheError
	if !errors.As(err, &cache) || !strings.Contains(err.Error(), "LOCKDEPCACHE") {
		t.Errorf("cache below a file: got error %v, want a CacheError with a remedy", err)
	}

	readOnly := t.TempDir()
	if err := os.Chmod(readOnly, 0o555); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(readOnly, "probe")); err == nil {
		f.Close() // root may write everywhere
		t.Log("skipping the directory without permission")
	} else if _, err := ensure(t.Context(), Options{CacheDir: readOnly}, stub(t)); !errors.As(err, &cache) {
		t.Errorf("read-only cache: got error %v, want a CacheError", err)
	}
}

// A disk that fills up half way leaves nothing behind.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	left := 500
	testHookLink = func(from, to string) error {
		if left--; left < 0 {
			return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.ENOSPC}
		}
		return os.Link(from, to)
	}
	defer func() { testHookLink = os.Link }()
	_, err := ensure(t.Context(), Options{CacheDir: dir}, stub(t))
	var cache *CacheError
	if !errors.As(err, &cache) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("got error %v, want a CacheError that asks for space", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "goroot"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), lockSuffix) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

// Where files cannot be linked they are copied, and the original is left alone.
func TestCopyWithoutLinks(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	write("VERSION", "v")
	write("src/a/a.go", "a")
	write("src/a/b.go", "b")
	write("real/include/x.h", "x")
	write("test/skipped", "")
	if err := os.Symlink(filepath.Join(from, "real"), filepath.Join(from, "pkg")); err != nil {
		t.Skip(err)
	}
	if err := os.Chmod(filepath.Join(from, "src", "a"), 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(from, "src", "a"), 0o755) })
	for _, link := range []func(string, string) error{os.Link, func(string, string) error { return syscall.EXDEV }} {
		if err := os.Mkdir(to, 0o777); err != nil {
			t.Fatal(err)
		}
		c := copier{ctx: t.Context(), from: from, to: to, link: link, replace: map[string][]byte{
			"src/a/a.go": []byte("edited"), "src/new/n.go": []byte("new"),
		}}
		if err := c.tree(); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"VERSION": "v", "src/a/a.go": "edited", "src/a/b.go": "b", "src/new/n.go": "new", "pkg/include/x.h": "x",
		} {
			if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
				t.Errorf("%s: got %q and error %v, want %q", name, got, err, want)
			}
		}
		if _, err := os.Lstat(filepath.Join(to, "test")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("test is in the copy: %v", err)
		}
		if info, err := os.Lstat(filepath.Join(to, "pkg")); err != nil || !info.IsDir() {
			t.Errorf("pkg is no directory of its own: %v %v", info, err)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Errorf("the copy cannot be removed: %v", err)
		}
	}
	if got, _ := os.ReadFile(filepath.Join(from, "src/a/a.go")); string(got) != "a" {
		t.Errorf("the original reads %q now", got)
	}
}

func TestKey(t *testing.T) {
	tc := localToolchain(t)
	base, err := copyKey(tc, stub(t))
	if err != nil {
		t.Fatal(err)
	}
	other := stub(t)
	other.engine = os.DirFS("_std/internal")
	moved := *tc
	moved.version = "go1.26.99"
	for name, key := range map[string]func() (string, error){
		"another engine":  func() (string, error) { return copyKey(tc, other) },
		"another release": func() (string, error) { return copyKey(&moved, stub(t)) },
	} {
		if got, err := key(); err != nil || got == base {
			t.Errorf("%s: key %s and error %v, want another key", name, got, err)
		}
	}
	if again, err := copyKey(tc, stub(t)); err != nil || again != base {
		t.Errorf("key is %s, then %s (%v)", base, again, err)
	}
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	parent := filepath.Join(dir, "goroot")
	for _, name := range []string{"go1.26.1-0123", "go1.26.1-0123.tmp-77/src", "go1.25.1-4567.tmp-1"} {
		if err := os.MkdirAll(filepath.Join(parent, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "go1.26.1-0123.lock"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(parent); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v (%v)", entries, err)
	}
	if _, err := Clean(dir); err != nil {
		t.Errorf("second Clean: %v", err)
	}
}

func TestLockFallback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	for _, try := range []func(string) (*processLock, error){tryFlock, tryCreate} {
		l, err := try(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := try(path); !errors.Is(err, errLockBusy) {
			t.Errorf("second lock: got error %v, want errLockBusy", err)
		}
		l.unlock()
		l, err = try(path)
		if err != nil {
			t.Fatal(err)
		}
		l.unlock()
	}
}
