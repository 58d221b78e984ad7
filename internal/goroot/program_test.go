package goroot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const helloProgram = `
-- main.go --
package main

import (
	"fmt"
	"reflect"; "time"
	"sync"
)

type T struct {
	sync.Mutex
	n int
}

func main() {
	var a, b T
	a.Lock() // line 16
	a.Unlock()
	fmt.Println(reflect.DeepEqual(&a, &b))
	fmt.Printf("%+v %#v\n", &a.Mutex, &a)
	var rw sync.RWMutex
	rw.RLock() // line 21
	rw.RUnlock()
	l := rw.RLocker()
	l.Lock()
	l.Unlock()
	rw.Lock() // line 26
	fmt.Println(rw.TryRLock())
	rw.Unlock()
	fmt.Println(rw.TryRLock())
	rw.RUnlock()
	fmt.Println(rw.TryLock()) // line 31
	rw.Unlock()
	fmt.Println(a.TryLock())
	fmt.Println(a.TryLock())
	var o sync.Once
	o.Do(func() {}) // line 36
	o.Do(func() {})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		time.Sleep(100 * time.Millisecond)
		wg.Done()
	}()
	wg.Wait()
}
`

const helloHooks = `InitDone
Taken main.main 16
Unlock
RTaken main.main 21
RUnlock
RTaken main.main 24
RUnlock
WLock main.main 26
Locked
TryFailed main.main 27
Unlock
TryRLocked main.main 29
RUnlock
TryWLocked main.main 31
Unlock
TryLocked main.main 33
TryFailed main.main 34
Once main.main 36
Locked
OnceUnlock
OnceDone main.main 37
Wait main.main 44
Exit 0
`

const helloOutput = `true
&{_:{} mu:{state:0 sema:0}} &main.T{Mutex:sync.Mutex{_:sync.noCopy{}, mu:sync.Mutex{state:0, sema:0x0}}, n:0}
false
true
true
true
false
`

// hooks separates the lines that the stub prints from the rest of the output.
func hooks(out string) (hooks, rest string) {
	var h, r strings.Builder
	for line := range strings.Lines(out) {
		if call, ok := strings.CutPrefix(line, "hook "); ok {
			h.WriteString(call)
		} else {
			r.WriteString(line)
		}
	}
	return h.String(), r.String()
}

func checkHello(t *testing.T, out string) {
	t.Helper()
	calls, rest := hooks(out)
	if calls != helloHooks {
		t.Errorf("hooks:\n%s\nwant:\n%s", calls, helloHooks)
	}
	if rest != helloOutput {
		t.Errorf("output:\n%s\nwant:\n%s", rest, helloOutput)
	}
}

// Every method calls its hook, once, with the user's line; what the program
// prints is what it always was.
func TestHooks(t *testing.T) {
	root := sharedRoot(t)
	dir := module(t, helloProgram)
	checkHello(t, mustRun(t, root, dir, nil, root.GoCmd, "run", "."))
	t.Run("trimpath", func(t *testing.T) {
		checkHello(t, mustRun(t, root, dir, nil, root.GoCmd, "run", "-trimpath", "."))
	})
	t.Run("race", func(t *testing.T) {
		if out, err := run(t, root, dir, nil, root.GoCmd, "build", "-race", "-o", "hello", "."); err != nil {
			t.Skipf("no race detector here: %s", out)
		}
		checkHello(t, mustRun(t, root, dir, nil, filepath.Join(dir, "hello")))
	})
}

// The go command of the copy finds the copy without help.
func TestGoCmdAlone(t *testing.T) {
	root := sharedRoot(t)
	bare := &Root{Path: root.Path, env: os.Environ()}
	dir := module(t, helloProgram)
	for _, env := range [][]string{bare.env, bare.Env()} {
		cmd := []string{"GOROOT=" + lookupEnv(env, "GOROOT")}
		if out := mustRun(t, root, dir, cmd, root.GoCmd, "env", "GOROOT"); strings.TrimSpace(out) != root.Path {
			t.Errorf("GOROOT is %s, want %s", out, root.Path)
		}
	}
}

// A copy inside a copy is the copy itself.
func TestEnsureInsideCopy(t *testing.T) {
	root := sharedRoot(t)
	again, err := ensure(t.Context(), Options{CacheDir: stubRoot.cache, Env: root.Env()}, stub(t))
	if err != nil {
		t.Fatal(err)
	}
	if again.Path != root.Path {
		t.Errorf("got %s, want %s", again.Path, root.Path)
	}
}

func TestCrossBuild(t *testing.T) {
	if os.Getenv("LOCKDEP_TEST_TOOLCHAINS") == "" {
		t.Skip("builds the standard library for other systems; set LOCKDEP_TEST_TOOLCHAINS=1")
	}
	dir := module(t, helloProgram)
	root, err := Ensure(t.Context(), Options{Dir: dir, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"windows/amd64", "darwin/arm64", "linux/386", "js/wasm"} {
		t.Run(target, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(target, "/")
			mustRun(t, root, dir, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}, root.GoCmd, "build", "-o", os.DevNull, ".")
		})
	}
}

const testedPackage = `
-- a.go --
package hello

import "sync"

var mu sync.Mutex

func F() { mu.Lock(); mu.Unlock() }
-- a_test.go --
package hello

import "testing"

func TestQuiet(t *testing.T) { F(); t.Run("sub", func(t *testing.T) { t.Parallel() }) }

func TestFinding(t *testing.T) { F() }
`

func TestGoTest(t *testing.T) {
	root := sharedRoot(t)
	dir := module(t, testedPackage)
	out, err := run(t, root, dir, nil, root.GoCmd, "test", "-v", "-cover", ".")
	if err == nil {
		t.Errorf("go test passed")
	}
	for _, want := range []string{
		"hook EnterTest TestQuiet\n", "hook EnterTest TestQuiet/sub\n", "hook EndTest TestQuiet/sub\n",
		"--- PASS: TestQuiet ", "--- FAIL: TestFinding ", ": a finding\n", "hook AfterRun true\n", "hook Exit 1\n",
		"coverage: 100.0% of statements",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	if out, err := run(t, root, dir, nil, root.GoCmd, "test", "-run=Quiet", "."); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The other releases are copied and used as a whole.
func TestOtherReleases(t *testing.T) {
	if os.Getenv("LOCKDEP_TEST_TOOLCHAINS") == "" {
		t.Skip("builds other standard libraries; set LOCKDEP_TEST_TOOLCHAINS=1")
	}
	for _, release := range releases(t)[1:] {
		t.Run(release, func(t *testing.T) {
			otherToolchain(t, release)
			dir := module(t, helloProgram)
			opts := Options{Dir: dir, CacheDir: t.TempDir(), Env: otherEnv(release), Log: t.Logf}
			root, err := ensure(t.Context(), opts, stub(t))
			if err != nil {
				t.Fatal(err)
			}
			if root.GoVersion != release {
				t.Errorf("release is %s, want %s", root.GoVersion, release)
			}
			calls, rest := hooks(mustRun(t, root, dir, nil, root.GoCmd, "run", "."))
			if calls != helloHooks || rest != helloOutput {
				t.Errorf("hooks:\n%s\noutput:\n%s", calls, rest)
			}
			mustRun(t, root, dir, nil, root.GoCmd, "vet", ".")
			mustRun(t, root, dir, nil, root.GoCmd, "build", "-race", "-o", os.DevNull, ".")
			tested := module(t, testedPackage)
			if out, err := run(t, root, tested, nil, root.GoCmd, "test", "-v", "."); err == nil || !strings.Contains(out, "--- FAIL: TestFinding ") {
				t.Errorf("go test: %v\n%s", err, out)
			}

			root, err = Ensure(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			if out := mustRun(t, root, dir, nil, root.GoCmd, "run", "-race", "."); !strings.HasSuffix(out, helloOutput) {
				t.Errorf("with the shipped validator:\n%s", out)
			}
		})
	}
}

// The shipped validator builds, in a program and with the race detector.
func TestShipped(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	dir := module(t, helloProgram)
	root, err := Ensure(t.Context(), Options{Dir: dir, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, root, dir, nil, root.GoCmd, "run", "."); !strings.HasSuffix(out, helloOutput) {
		t.Errorf("output:\n%s\nwant:\n%s", out, helloOutput)
	}
	mustRun(t, root, dir, nil, root.GoCmd, "vet", ".")
}
