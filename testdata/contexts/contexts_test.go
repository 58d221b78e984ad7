package contexts

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.org/contexts/pin"
)

func TestPlain(t *testing.T) { try(func(f func()) { f() }) }

func TestPinned(t *testing.T) { try(pin.Do) }

func TestPinnedTwice(t *testing.T) { try(func(f func()) { pin.Do(func() { pin.Do(f) }) }) }

// The function of a timer runs on the system stack of whoever looks for work. A
// contended lock is fatal there, so each has its own.
func TestSystemStack(t *testing.T) {
	stop := contend()
	defer stop()
	var n atomic.Int32
	for i := range rounds {
		p, c, r := new(node), new(node), new(sync.RWMutex)
		timer := pin.OnSystemStack(100*time.Microsecond, func() {
			p.mu.Lock()
			c.mu.Lock()
			r.RLock()
			r.RUnlock()
			c.mu.Unlock()
			p.mu.Unlock()
			if r.TryLock() {
				r.Unlock()
			}
			n.Add(1)
		})
		for int(n.Load()) != i+1 { // a timer may be late
			time.Sleep(200 * time.Microsecond)
		}
		runtime.KeepAlive(timer)
		p.mu.Lock() // a goroutine's lock again
		p.mu.Unlock()
	}
}

func TestFinalizer(t *testing.T) {
	stop := contend()
	defer stop()
	var n atomic.Int32
	w := newWork()
	for i := range 20 {
		w.prepare(i)
		x := new([16]int)
		runtime.SetFinalizer(x, func(*[16]int) { w.do(); pin.Do(nest); n.Add(1) })
		for n.Load() != int32(i+1) {
			runtime.GC()
		}
	}
	w.close()
}

func TestCleanup(t *testing.T) {
	stop := contend()
	defer stop()
	var n atomic.Int32
	w := newWork()
	for i := range 20 {
		w.prepare(i)
		x := new([16]int)
		runtime.AddCleanup(x, func(int) { w.do(); pin.Do(nest); n.Add(1) }, 1)
		for n.Load() != int32(i+1) {
			runtime.GC()
		}
	}
	w.close()
}

func TestThread(t *testing.T) {
	try(func(f func()) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f()
		pin.Do(nest)
	})
}

//go:nosplit
func noSplit(f func()) { f() }

func TestNoSplit(t *testing.T) { try(noSplit) }

func TestDeferred(t *testing.T) {
	try(func(f func()) {
		defer func() { recover(); pin.Do(nest) }()
		defer f()
		panic("recovered")
	})
}

// deep makes the stack grow in whatever do calls.
func deep(n int, f func()) int {
	var room [64]byte
	if n == 0 {
		f()
		return 0
	}
	return deep(n-1, f) + int(room[n%len(room)])
}

func TestStackGrows(t *testing.T) {
	try(func(f func()) {
		done := make(chan bool)
		go func() {
			defer close(done)
			pin.Do(func() { deep(int(time.Now().UnixNano()%40), f) })
		}()
		<-done
	})
}

// Goroutines end, also by Goexit, and leave locks behind.
func TestGoexit(t *testing.T) {
	try(func(f func()) {
		done := make(chan bool)
		go func() {
			defer close(done)
			n := new(node)
			n.mu.Lock()
			defer runtime.Goexit()
			pin.Do(nest)
		}()
		<-done
		f()
	})
}

func TestTimer(t *testing.T) {
	try(func(f func()) {
		done := make(chan bool)
		time.AfterFunc(time.Microsecond, func() { defer close(done); pin.Do(f) })
		<-done
	})
}

// The world is stopped again and again.
func TestWorldStops(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		buf := make([]byte, 1<<16)
		for !done.Load() {
			runtime.GC()
			runtime.Stack(buf, true)
			runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
		}
	}()
	try(pin.Do)
	done.Store(true)
	wg.Wait()
}

// Signals come while the validator's lock is held: those of the profiler and one
// of the program's own.
func TestSignals(t *testing.T) {
	c := make(chan os.Signal, 100)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	if err := pprof.StartCPUProfile(new(bytes.Buffer)); err == nil {
		defer pprof.StopCPUProfile()
	}
	runtime.SetMutexProfileFraction(1)
	defer runtime.SetMutexProfileFraction(0)
	runtime.SetBlockProfileRate(1)
	defer runtime.SetBlockProfileRate(0)
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		for !done.Load() {
			syscall.Kill(syscall.Getpid(), syscall.SIGUSR1)
			time.Sleep(100 * time.Microsecond)
		}
	}()
	go func() {
		defer wg.Done()
		for !done.Load() {
			select {
			case <-c:
				pin.Do(nest)
			case <-time.After(time.Millisecond):
			}
		}
	}()
	try(pin.Do)
	done.Store(true)
	wg.Wait()
}

func TestTraced(t *testing.T) {
	if err := trace.Start(new(bytes.Buffer)); err == nil {
		defer trace.Stop()
	}
	try(pin.Do)
}

// The validator's own lock does not show in the program's profile of contention.
func TestMutexProfile(t *testing.T) {
	runtime.SetMutexProfileFraction(1)
	defer runtime.SetMutexProfileFraction(0)
	try(func(f func()) { f() })
	var out bytes.Buffer
	pprof.Lookup("mutex").WriteTo(&out, 1)
	if bytes.Contains(out.Bytes(), []byte("LockdepLock")) {
		t.Errorf("the profile has the validator's lock:\n%s", out.Bytes())
	}
}

type (
	left  struct{ mu sync.Mutex }
	right struct{ mu sync.Mutex }
)

// An inversion that is found while its goroutine is pinned.
func TestFound(t *testing.T) {
	if os.Getenv("CONTEXTS") != "found" {
		t.Skip("it fails under lockdep")
	}
	stop := contend()
	defer stop()
	var l left
	var r right
	l.mu.Lock()
	r.mu.Lock()
	r.mu.Unlock()
	l.mu.Unlock()
	done := make(chan bool)
	go func() {
		defer close(done)
		pin.Do(func() {
			r.mu.Lock()
			l.mu.Lock()
			l.mu.Unlock()
			r.mu.Unlock()
		})
	}()
	<-done
}

// A process ends on a goroutine that is pinned.
func TestExit(t *testing.T) {
	if os.Getenv("CONTEXTS") != "exit" {
		t.Skip("it ends the process")
	}
	contend()
	time.Sleep(10 * time.Millisecond)
	fmt.Println("exit pinned")
	pin.Do(func() {
		nest()
		os.Exit(0)
	})
}

// A process dies of a panic; what is deferred is pinned.
func TestPanic(t *testing.T) {
	if os.Getenv("CONTEXTS") != "panic" {
		t.Skip("it ends the process")
	}
	contend()
	time.Sleep(10 * time.Millisecond)
	go func() {
		defer pin.Do(nest)
		panic("the end")
	}()
	select {}
}

// Run with $LOCKDEPCONFIRM: a goroutine that may not wait does not stand.
func TestSteered(t *testing.T) {
	stop := contend()
	defer stop()
	var l left
	var r right
	for range 5 {
		pin.Do(func() {
			l.mu.Lock()
			r.mu.Lock()
			r.mu.Unlock()
			l.mu.Unlock()
		})
	}
}

// A process is asked for its stacks while the validator is busy.
func TestQuit(t *testing.T) {
	if os.Getenv("CONTEXTS") != "quit" {
		t.Skip("it ends the process")
	}
	contend()
	time.Sleep(10 * time.Millisecond)
	syscall.Kill(syscall.Getpid(), syscall.SIGQUIT)
	select {}
}

// Two goroutines wait for each other; standard error is a pipe that is full and
// that nobody reads until the collector has run.
func TestFullPipe(t *testing.T) {
	if os.Getenv("CONTEXTS") != "pipe" {
		t.Skip("two of its goroutines hang")
	}
	var l left
	var r right
	var both sync.WaitGroup
	both.Add(2)
	go func() { l.mu.Lock(); both.Done(); both.Wait(); r.mu.Lock() }()
	go func() { r.mu.Lock(); both.Done(); both.Wait(); l.mu.Lock() }()
	time.Sleep(200 * time.Millisecond)
	for range 3 {
		runtime.GC()
	}
	fmt.Println("the collector has run")
	time.Sleep(100 * time.Millisecond)
	os.Exit(0)
}
