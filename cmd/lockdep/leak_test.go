//go:build linux || darwin

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// leaker leaves goroutines behind that wait for ever, or do not, as its argument says.
const leaker = `
-- go.mod --
module example.org/leaker

go 1.26
-- main.go --
package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unique"
	"weak"
)

type conn struct {
	mu sync.Mutex
	c  chan int
}

type table struct {
	mu   sync.RWMutex
	rows map[int]*conn
	c    chan int
}

func newConn() *conn { return &conn{c: make(chan int)} }

// send holds the connection's lock and waits for a receiver.
func (x *conn) send() { x.mu.Lock(); defer x.mu.Unlock(); x.c <- 1 }

// use wants the lock.
func (x *conn) use() { x.mu.Lock(); defer x.mu.Unlock(); fmt.Print() }

// sendOn waits elsewhere than at the connection.
func (x *conn) sendOn(c chan int) { x.mu.Lock(); defer x.mu.Unlock(); c <- 1 }

func onStack(c chan int) { var mu sync.Mutex; mu.Lock(); c <- 1; mu.Unlock() }

func pair(x *conn) { go x.send(); settle(); go x.use() }

func settle() { time.Sleep(20 * time.Millisecond) }

var (
	global  conn
	live    = map[string]*conn{}
	conns   sync.Map
	weakly  []weak.Pointer[conn]
	strings []unique.Handle[string]
	wait    = make(chan int)
)

var cases = map[string]func(){
	// Nobody can want the lock.
	"alone":    func() { go newConn().send() },
	"two":      func() { go newConn().send(); go newConn().send() },
	"stack":    func() { go onStack(make(chan int)) },
	"receives": func() { x := newConn(); go func() { x.mu.Lock(); defer x.mu.Unlock(); <-x.c }() },
	"selects":  func() { x := newConn(); go func() { x.mu.Lock(); defer x.mu.Unlock(); select { case <-x.c: case x.c <- 1: } }() },
	"group":    func() { x := newConn(); var wg sync.WaitGroup; wg.Add(1); go func() { x.mu.Lock(); defer x.mu.Unlock(); wg.Wait() }() },
	"cond":     func() { x, y := newConn(), newConn(); c := sync.NewCond(&y.mu); go func() { x.mu.Lock(); defer x.mu.Unlock(); y.mu.Lock(); c.Wait() }() },
	"reads":    func() { x := &table{c: make(chan int)}; go func() { x.mu.RLock(); defer x.mu.RUnlock(); x.c <- 1 }() },
	"outer":    func() { x, y := newConn(), newConn(); go func() { x.mu.Lock(); defer x.mu.Unlock(); y.send() }() },
	"finalized": func() {
		x := newConn()
		c := make(chan int)
		runtime.SetFinalizer(x, func(x *conn) { x.use() })
		go x.sendOn(c)
	},
	"bare":     func() { mu, c := new(sync.Mutex), make(chan int); go func() { mu.Lock(); defer mu.Unlock(); c <- 1 }() },

	// Somebody wants it, or can still want it.
	"pair":    func() { pair(newConn()) },
	"chain":   func() { x, y := newConn(), newConn(); go x.send(); settle(); go func() { y.mu.Lock(); defer y.mu.Unlock(); x.use() }(); settle(); go y.use() },
	"writer":  func() { x := &table{c: make(chan int)}; go func() { x.mu.RLock(); defer x.mu.RUnlock(); x.c <- 1 }(); settle(); go func() { x.mu.Lock(); defer x.mu.Unlock(); fmt.Print() }() },
	"reader":  func() { x := &table{c: make(chan int)}; go func() { x.mu.Lock(); defer x.mu.Unlock(); x.c <- 1 }(); settle(); go func() { x.mu.RLock(); defer x.mu.RUnlock(); fmt.Print() }() },
	"global":  func() { go global.sendOn(make(chan int)) },
	"server":  func() { x := newConn(); live["x"] = x; go x.sendOn(make(chan int)) },
	"inUse":   func() { x := newConn(); go x.sendOn(make(chan int)); go func() { <-wait; x.use() }() },
	"inner":   func() { go func() { global.mu.Lock(); defer global.mu.Unlock(); newConn().send() }() },
	"many":    func() { for range 1500 { go newConn().send() }; settle(); for range 100 { x := newConn(); go x.send(); go x.use() } },

	// A weak pointer can still wake it, or want its lock.
	"weak":      func() { x := newConn(); weakly = append(weakly, weak.Make(x)); go x.send() },
	"weakPair":  func() { x := newConn(); weakly = append(weakly, weak.Make(x)); pair(x) },
	"weakLock":  func() { x := newConn(); weakly = append(weakly, weak.Make(x)); go x.sendOn(make(chan int)) },
	"weakOuter": func() { x, y := newConn(), newConn(); weakly = append(weakly, weak.Make(y)); go x.sendOn(y.c); settle(); go x.use() },

	// Weak pointers to other things change nothing.
	"unique": func() {
		for i := range 100 {
			strings = append(strings, unique.Make(strconv.Itoa(i)))
			unique.Make(strconv.Itoa(-i))
			netip.MustParseAddr("fe80::1%eth" + strconv.Itoa(i))
		}
		pair(newConn())
	},
	"weakOther": func() {
		for range 100 {
			x := newConn()
			weakly = append(weakly, weak.Make(x))
			go x.use()
		}
		pair(newConn())
	},

	// It can be woken.
	"timer":    func() { x := newConn(); time.AfterFunc(time.Hour, func() { <-x.c }); pair(x) },
	"ticker":   func() { t := time.NewTicker(time.Hour); x := newConn(); go func() { x.mu.Lock(); defer x.mu.Unlock(); <-t.C }() },
	"context":  func() { x := newConn(); ctx, _ := context.WithTimeout(context.Background(), time.Hour); context.AfterFunc(ctx, func() { <-x.c }); pair(x) },
	"done":     func() { x := newConn(); ctx, _ := context.WithTimeout(context.Background(), time.Hour); go func() { x.mu.Lock(); defer x.mu.Unlock(); <-ctx.Done() }() },
	"pinned":   func() { x := newConn(); go func() { var p runtime.Pinner; defer p.Unpin(); p.Pin(x); x.send() }() },
	"registry": func() { x := newConn(); conns.Store(1, x); pair(x) },
	"cleanup":  func() { x, o := newConn(), newConn(); runtime.AddCleanup(o, func(c chan int) { <-c }, x.c); live["o"] = o; pair(x) },
	"finalizer": func() { x, o := newConn(), newConn(); runtime.SetFinalizer(o, func(*conn) { <-x.c }); live["o"] = o; pair(x) },

	// All sleep: the runtime ends the program.
	"asleep":     func() { go newConn().send(); settle(); <-make(chan int) },
	"asleepPair": func() { pair(newConn()); settle(); <-make(chan int) },
}

func main() {
	cases[os.Args[1]]()
	settle()
	settle()
	runtime.KeepAlive(wait)
}
`

// Who wants a lock that nobody can release is proved to be stuck; who holds one
// that nobody can want is not, and nothing is proved that a weak pointer can change.
func TestLeaks(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, leaker)
	exe := filepath.Join(dir, "leaker")
	behaviourBuild(t, dir, tool, "build", "-o", exe, ".")
	for want, names := range map[string]string{
		"possible": "alone two stack receives selects group cond reads outer bare finalized weak weakPair weakLock weakOuter asleep",
		"proved":   "pair chain writer reader global server inUse inner many unique weakOther asleepPair",
		"":         "pinned timer ticker context done registry cleanup finalizer",
	} {
		for _, name := range strings.Fields(names) {
			t.Run(name, func(t *testing.T) {
				graph, file := t.TempDir(), filepath.Join(t.TempDir(), "findings.jsonl")
				run := runBehaviour(t, "", []string{"LOCKDEPDIR=" + graph}, exe, name)
				verdict := runBehaviour(t, "", nil, tool, "graph", "verdict", "-findings="+file, graph)
				got := ""
				for _, f := range readFindings(t, file) {
					if f.Kind == "stuck" && (got == "" || f.Level == "proved") {
						got = f.Level
					}
				}
				if got != want {
					t.Errorf("%q, want %q:\n%s%s%s", got, want, run.stdout, run.stderr, verdict.stdout)
				}
			})
		}
	}
}

// A goroutine that leaks, as far as the collector sees, can be woken afterwards
// by who makes a strong pointer of a weak one. The runtime dies where it is in
// the state of those that leak.
func TestWokenByWeakPointer(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, `
-- go.mod --
module example.org/woken

go 1.26
-- x_test.go --
package woken

import (
	"os"
	"sync"
	"testing"
	"time"
	"weak"
)

type conn struct {
	mu sync.Mutex
	c  chan int
}

var w weak.Pointer[conn]

func TestMain(m *testing.M) {
	code := m.Run()
	if x := w.Value(); x == nil || <-x.c != 1 {
		panic("it was collected")
	}
	os.Exit(code)
}

func TestSend(t *testing.T) {
	x := &conn{c: make(chan int)}
	w = weak.Make(x)
	go func() { x.mu.Lock(); defer x.mu.Unlock(); x.c <- 1 }()
	time.Sleep(20 * time.Millisecond)
}
`)
	cmd := exec.Command(tool, "test", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("level: proved")) || !bytes.Contains(out, []byte("a weak.Pointer reaches")) {
		t.Errorf("%v\n%s", err, out)
	}
}
