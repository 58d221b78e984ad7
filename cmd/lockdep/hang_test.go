//go:build linux || darwin

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hanging has tests that hang, each for itself, and tests that only seem to.
const hanging = `
-- go.mod --
module example.org/hanging

go 1.26
-- x_test.go --
package hanging

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"
)

// Of an object of 8 bytes the collector cannot tell whether it is reached, or its
// neighbour: they have one mark.
type a struct { mu sync.Mutex; _ [3]int64 }
type b struct { mu sync.Mutex; _ [3]int64 }
type c struct { mu sync.Mutex; _ [3]int64 }
type table struct{ mu sync.RWMutex }

var (
	ga a
	gb b
	gc c
)

func settle() { time.Sleep(20 * time.Millisecond) }

// queued waits for a writer that readers queue behind.
func queued(x *table) {
	for x.mu.TryRLock() {
		x.mu.RUnlock()
		runtime.Gosched()
	}
	settle()
}

// cross takes two locks in both orders, on two goroutines that meet between.
func cross(x, y sync.Locker, wg *sync.WaitGroup) {
	var both sync.WaitGroup
	both.Add(2)
	take := func(x, y sync.Locker) {
		if wg != nil {
			defer wg.Done()
		}
		x.Lock()
		defer x.Unlock()
		both.Done()
		both.Wait()
		y.Lock()
		defer y.Unlock()
	}
	if wg != nil {
		wg.Add(2)
	}
	go take(x, y)
	go take(y, x)
}

// crossed leaves two goroutines that wait for each other.
func crossed() (*a, *b) {
	x, y := new(a), new(b)
	cross(&x.mu, &y.mu, nil)
	settle()
	return x, y
}

func TestPair(t *testing.T) {
	x, y := new(a), new(b)
	took, mine := make(chan bool), make(chan bool)
	go func() { y.mu.Lock(); close(took); <-mine; x.mu.Lock(); x.mu.Unlock(); y.mu.Unlock() }()
	x.mu.Lock()
	close(mine)
	<-took
	y.mu.Lock()
	y.mu.Unlock()
	x.mu.Unlock()
}

func TestThree(t *testing.T) {
	x, y, z := new(a), new(b), new(c)
	var wg, all sync.WaitGroup
	all.Add(3)
	for _, l := range [][2]sync.Locker{{&x.mu, &y.mu}, {&y.mu, &z.mu}, {&z.mu, &x.mu}} {
		wg.Go(func() { l[0].Lock(); all.Done(); all.Wait(); l[1].Lock(); l[1].Unlock(); l[0].Unlock() })
	}
	wg.Wait()
}

func TestWriterQueue(t *testing.T) {
	x, y := new(table), new(a)
	x.mu.RLock()
	go func() { y.mu.Lock(); x.mu.Lock(); x.mu.Unlock(); y.mu.Unlock() }()
	queued(x)
	y.mu.Lock()
	y.mu.Unlock()
	x.mu.RUnlock()
}

func TestReadTwice(t *testing.T) {
	x := new(table)
	x.mu.RLock()
	go func() { x.mu.Lock(); x.mu.Unlock() }()
	queued(x)
	x.mu.RLock()
	x.mu.RUnlock()
	x.mu.RUnlock()
}

func TestRecursion(t *testing.T) {
	x := new(a)
	x.mu.Lock()
	x.mu.Lock()
}

func TestRecursionGlobal(t *testing.T) {
	ga.mu.Lock()
	ga.mu.Lock()
}

func TestRecursionRW(t *testing.T) {
	x := new(table)
	x.mu.RLock()
	x.mu.Lock()
}

func TestRecursionBehind(t *testing.T) {
	x := new(a)
	var wg sync.WaitGroup
	wg.Go(func() { x.mu.Lock(); x.mu.Lock() })
	wg.Wait()
}

func TestRecursionGlobalBehind(t *testing.T) {
	var wg sync.WaitGroup
	wg.Go(func() { ga.mu.Lock(); ga.mu.Lock() })
	wg.Wait()
}

func TestRecursionOnce(t *testing.T) {
	var o sync.Once
	var f func()
	f = func() { o.Do(f) }
	f()
}

func TestWait(t *testing.T) {
	var wg sync.WaitGroup
	x, y := new(a), new(b)
	cross(&x.mu, &y.mu, &wg)
	wg.Wait()
}

func TestWaitGlobal(t *testing.T) {
	var wg sync.WaitGroup
	cross(&ga.mu, &gb.mu, &wg)
	wg.Wait()
}

func TestReceive(t *testing.T) {
	x, y := new(a), new(b)
	done := make(chan bool)
	go func() { x.mu.Lock(); settle(); y.mu.Lock(); y.mu.Unlock(); x.mu.Unlock(); done <- true }()
	go func() { y.mu.Lock(); settle(); x.mu.Lock(); x.mu.Unlock(); y.mu.Unlock(); done <- true }()
	<-done
	<-done
}

func TestReceiveGlobal(t *testing.T) {
	done := make(chan bool)
	go func() { ga.mu.Lock(); settle(); gb.mu.Lock(); gb.mu.Unlock(); ga.mu.Unlock(); done <- true }()
	go func() { gb.mu.Lock(); settle(); ga.mu.Lock(); ga.mu.Unlock(); gb.mu.Unlock(); done <- true }()
	<-done
	<-done
}

// Who waits for the pair holds a lock that the test wants.
func TestBehind(t *testing.T) {
	cross(&ga.mu, &gb.mu, nil)
	settle()
	go func() { gc.mu.Lock(); ga.mu.Lock(); ga.mu.Unlock(); gc.mu.Unlock() }()
	settle()
	gc.mu.Lock()
	gc.mu.Unlock()
}

// Who waits for the group of the pair holds a lock that the test wants.
func TestBehindGroup(t *testing.T) {
	var wg sync.WaitGroup
	cross(&ga.mu, &gb.mu, &wg)
	settle()
	go func() { gc.mu.Lock(); wg.Wait(); gc.mu.Unlock() }()
	settle()
	gc.mu.Lock()
	gc.mu.Unlock()
}

// The test comes to wait for them late.
func TestLater(t *testing.T) {
	x, _ := crossed()
	time.Sleep(time.Second)
	x.mu.Lock()
	x.mu.Unlock()
}

func TestSub(t *testing.T) {
	t.Run("deep", func(t *testing.T) {
		t.Run("est", TestPair)
	})
}

func TestParallel(t *testing.T) {
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		TestWait(t)
	})
}

func TestBubble(t *testing.T) { synctest.Test(t, TestPair) }

func TestBubbleWait(t *testing.T) { synctest.Test(t, TestWait) }

func TestBubbleReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := new(a), new(b)
		done := make(chan bool)
		go func() { x.mu.Lock(); settle(); y.mu.Lock(); y.mu.Unlock(); x.mu.Unlock(); done <- true }()
		go func() { y.mu.Lock(); settle(); x.mu.Lock(); x.mu.Unlock(); y.mu.Unlock(); done <- true }()
		<-done
		<-done
	})
}

func TestCleanup(t *testing.T) { t.Cleanup(func() { TestPair(t) }) }

func ExampleHangs() {
	TestPair(nil)
	// Output:
}

// It waits for a receiver that wants the lock: nothing that is known when it begins.
func TestSlowly(t *testing.T) {
	x, c := new(a), make(chan bool)
	go func() { settle(); x.mu.Lock(); <-c; x.mu.Unlock() }()
	x.mu.Lock()
	c <- true
	x.mu.Unlock()
}

// From here on all tests end.

func TestEndsBackground(t *testing.T) {
	crossed()
	cross(&gb.mu, &gc.mu, nil)
	settle()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	<-ctx.Done()
}

func TestEndsTimer(t *testing.T) {
	x := new(a)
	time.AfterFunc(2*time.Second, x.mu.Unlock)
	x.mu.Lock()
	x.mu.Lock()
	x.mu.Unlock()
}

func TestEndsTimerGlobal(t *testing.T) {
	time.AfterFunc(2*time.Second, func() { ga.mu.Unlock() })
	ga.mu.Lock()
	ga.mu.Lock()
	ga.mu.Unlock()
}

func TestEndsSleeper(t *testing.T) {
	go func() { time.Sleep(2*time.Second); ga.mu.Unlock() }()
	ga.mu.Lock()
	ga.mu.Lock()
	ga.mu.Unlock()
}

func TestEndsReleased(t *testing.T) {
	go func() { time.Sleep(2*time.Second); gc.mu.Unlock() }()
	gc.mu.Lock()
	var wg sync.WaitGroup
	wg.Go(func() { gc.mu.Lock(); gc.mu.Unlock() })
	wg.Wait()
}

func TestEndsWaits(t *testing.T) {
	crossed()
	var wg sync.WaitGroup
	wg.Add(1)
	time.AfterFunc(2*time.Second, wg.Done)
	wg.Wait()
}

func TestEndsWeak(t *testing.T) {
	crossed()
	done := make(chan chan bool)
	go func() {
		x := &struct{ c chan bool }{make(chan bool)}
		w := weak.Make(x)
		go func() { <-x.c; done <- nil }()
		runtime.KeepAlive(x)
		time.Sleep(2*time.Second)
		close(w.Value().c)
	}()
	<-done
}

func TestEndsParallel(t *testing.T) {
	crossed()
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			time.Sleep(time.Second)
		})
	}
}

func TestEndsBubble(t *testing.T) {
	crossed()
	synctest.Test(t, func(t *testing.T) {
		c := make(chan bool)
		go func() { time.Sleep(time.Hour); c <- true }()
		<-c
		synctest.Wait()
	})
	time.Sleep(2*time.Second)
}

func TestEndsMainSelects(t *testing.T) {
	if os.Getenv("SELECT") == "" {
		t.Skip()
	}
	crossed()
	time.Sleep(2*time.Second)
}

func TestMain(m *testing.M) {
	if os.Getenv("SELECT") == "" {
		os.Exit(m.Run())
	}
	go func() { os.Exit(m.Run()) }()
	select {}
}
`

// Of goroutines that wait for each other, and of one that waits for itself, the
// test that can never go on because of them ends at once, with the report; one
// that can go on is left alone.
func TestHangs(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, hanging)
	plain, race := filepath.Join(dir, "plain.test"), filepath.Join(dir, "race.test")
	behaviourBuild(t, dir, tool, "test", "-vet=off", "-c", "-o", plain, ".")
	behaviourBuild(t, dir, tool, "test", "-vet=off", "-race", "-c", "-o", race, ".")

	// run runs a test without a timeout that would come in time.
	run := func(t *testing.T, exe, name string, env ...string) (out string, code int) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, exe, "-test.run=^"+name+"$", "-test.timeout=10m", "-test.parallel=4")
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "LOCKDEPDIR="+t.TempDir()), env...)
		b, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if ctx.Err() != nil || err != nil && !errors.As(err, &exit) {
			t.Fatalf("%s hangs: %v\n%s", name, err, b)
		}
		return string(b), cmd.ProcessState.ExitCode()
	}
	for name, wait := range map[string]string{
		"TestPair": "", "TestThree": "", "TestWriterQueue": "", "TestReadTwice": "", "TestRecursion": "",
		"TestRecursionGlobal": "", "TestRecursionRW": "", "TestRecursionBehind": "", "TestRecursionGlobalBehind": "",
		"TestRecursionOnce": "", "TestWait": "", "TestWaitGlobal": "", "TestReceive": "", "TestReceiveGlobal": "",
		"TestBehind": "", "TestBehindGroup": "", "TestLater": "", "TestSub": "TestSub/deep/est", "TestParallel": "TestParallel/hangs",
		"TestBubble": "", "TestBubbleWait": "", "TestBubbleReceive": "", "TestCleanup": "", "ExampleHangs": "the test binary",
	} {
		if wait == "" {
			wait = name
		}
		t.Run(name, func(t *testing.T) {
			for _, how := range []struct {
				exe string
				env []string
			}{{plain, nil}, {plain, []string{"GOMAXPROCS=1"}}, {race, nil}, {plain, []string{"GOLOCKDEP=fail=none"}}} {
				out, code := run(t, how.exe, name, how.env...)
				if code != 2 || strings.Count(out, "level: proved") < 1 || !strings.Contains(out, "panic: lockdep: "+wait+" can never go on") ||
					!strings.Contains(out, "\ngoroutine ") || name != "ExampleHangs" && !strings.Contains(out, "running tests:\n") {
					t.Errorf("%v: status %d\n%s", how, code, out)
				}
				titles := map[string]bool{}
				for line := range strings.SplitSeq(out, "\n") {
					if strings.HasPrefix(line, "finding: ") && titles[line] {
						t.Errorf("%v: reported twice: %s\n%s", how, line, out)
					}
					titles[line] = true
				}
			}
		})
	}
	t.Run("keep", func(t *testing.T) {
		cmd := exec.Command(plain, "-test.run=^TestPair$", "-test.timeout=3s")
		cmd.Env = append(os.Environ(), "GOLOCKDEP=hang=keep")
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "test timed out after 3s") {
			t.Errorf("it did not hang:\n%s", out)
		}
	})
	// What is not known to be stuck is found when the time is over.
	t.Run("timeout", func(t *testing.T) {
		cmd := exec.Command(tool, "test", "-vet=off", "-run=^TestSlowly$", "-timeout=3s", ".")
		cmd.Dir = dir
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "test timed out after 3s") || strings.Count(string(out), "level: proved") != 2 {
			t.Errorf("want two reports:\n%s", out)
		}
	})
	for _, name := range []string{
		"TestEndsBackground", "TestEndsTimer", "TestEndsTimerGlobal", "TestEndsSleeper", "TestEndsReleased", "TestEndsWaits",
		"TestEndsWeak", "TestEndsParallel", "TestEndsBubble", "TestEndsMainSelects",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, env := range [][]string{nil, {"GOMAXPROCS=1"}} {
				if name == "TestEndsMainSelects" {
					env = append(env, "SELECT=1")
				}
				out, code := run(t, plain, name, append(env, "GOLOCKDEP=fail=none")...)
				if code != 0 || !strings.HasSuffix(out, "PASS\n") {
					t.Errorf("%v: status %d\n%s", env, code, out)
				}
			}
		})
	}
}
