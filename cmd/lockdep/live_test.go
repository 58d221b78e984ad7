//go:build linux || darwin

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/report"
)

// dumped is a program that stands still with locks held, or dies so.
const dumped = `
-- go.mod --
module example.org/bank

go 1.24
-- main.go --
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

type account struct{ mu sync.Mutex }

var (
	from, to account
	rates    sync.RWMutex
	many     [100]sync.Mutex
	never    = make(chan int)
)

func transfer() {
	from.mu.Lock() // line 22
	inner()
}

func inner() {
	rates.RLock() // line 27
	to.mu.Lock() // line 28
}

func audit() {
	to.mu.Lock() // line 32
	<-never
}

func all() {
	for i := range many {
		many[i].Lock()
	}
	<-never
}

func spin() {
	var mu sync.Mutex
	for {
		mu.Lock()
		mu.Unlock()
	}
}

func main() {
	if len(os.Args) > 1 {
		rates.Lock() // line 53
		panic("dies")
	}
	go audit()
	go all()
	go spin()
	time.Sleep(200 * time.Millisecond)
	go transfer()
	time.Sleep(200 * time.Millisecond)
	buf := make([]byte, 1<<20)
	fmt.Println("stack says:", strings.Contains(string(buf[:runtime.Stack(buf, true)]), "held"))
	select {}
}
`

// goroutines splits a dump.
func goroutines(dump string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(dump, "\n\n") {
		head, body, ok := strings.Cut(part[max(strings.Index(part, "goroutine "), 0):], "\n")
		if !ok || !strings.HasPrefix(head, "goroutine ") {
			continue
		}
		for _, f := range []string{"transfer", "audit", "all", "main"} {
			if strings.Contains(body, "main."+f+"(") {
				out[f] = head + "\n" + body
			}
		}
	}
	return out
}

// place makes the file of a frame the same everywhere.
var place = regexp.MustCompile(`\S*/((?:main|desk)\.go:\d+)`)

// The runtime's dumps say which locks each goroutine holds and waits for; what
// a program asks for itself, by runtime.Stack, is as it was.
func TestDump(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, dumped)
	exe, race := filepath.Join(t.TempDir(), "bank"), filepath.Join(t.TempDir(), "race")
	behaviourBuild(t, dir, tool, "build", "-o", exe, ".")
	programs := []string{exe}
	if exec.Command(tool, "build", "-C", dir, "-race", "-o", race, ".").Run() == nil { // there is a race detector
		programs = append(programs, race)
	}

	check := func(t *testing.T, dump string, want map[string]string) {
		t.Helper()
		got := goroutines(dump)
		for f, w := range want {
			g := place.ReplaceAllString(got[f], "$1")
			_, g, _ = strings.Cut(g, "\n")
			if !strings.HasPrefix(g, w) {
				t.Errorf("%s: got\n%s\nwant\n%s", f, g, w)
			}
		}
		if t.Failed() {
			t.Logf("the dump:\n%s", dump)
		}
	}
	sleeping := map[string]string{
		"transfer": "\t2 locks held:\n" +
			"\t #0: (example.org/bank.account.mu){W}, at: main.transfer  main.go:22\n" +
			"\t #1: (example.org/bank.rates){R}, at: main.inner  main.go:27\n" +
			"\twaits for lock:\n" +
			"\t     (example.org/bank.account.mu){W}, at: main.inner  main.go:28\n",
		"audit": "\t1 lock held:\n" +
			"\t #0: (example.org/bank.account.mu){W}, at: main.audit  main.go:32\n" +
			"runtime.gopark(",
	}
	for _, exe := range programs {
		for _, level := range []string{"all", "crash"} {
			t.Run(filepath.Base(exe)+"/"+level, func(t *testing.T) {
				stdout, dump := signalled(t, exe, syscall.SIGQUIT, "GOTRACEBACK="+level)
				if stdout != "stack says: false\n" {
					t.Errorf("standard output: %q", stdout)
				}
				check(t, dump, sleeping)
				if main := goroutines(dump)["main"]; main == "" || strings.Contains(main, "lock held") {
					t.Errorf("main, which holds nothing:\n%s", main)
				}
				if all := goroutines(dump)["all"]; strings.Count(all, "(example.org/bank.many[])") != 64 || !strings.Contains(all, " and more\n") {
					t.Errorf("a hundred locks:\n%s", all)
				}
			})
		}
	}
	t.Run("panic", func(t *testing.T) {
		run := runBehaviour(t, "", nil, exe, "panic")
		if run.exit != 2 {
			t.Errorf("exit status %d", run.exit)
		}
		check(t, run.stderr, map[string]string{
			"main": "\t1 lock held:\n\t #0: (example.org/bank.rates){W}, at: main.main  main.go:53\nmain.main(",
		})
	})
}

// signalled runs a program until it printed a line, sends it sig, and returns
// what it wrote.
func signalled(t *testing.T, exe string, sig os.Signal, env ...string) (stdout, stderr string) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(append(os.Environ(), "GOLOCKDEP=", "LOCKDEPDIR="), env...)
	cmd.Stderr = &errs
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(behaviourTimeout, func() { cmd.Process.Kill() })
	defer stop.Stop()
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	if err != nil {
		t.Errorf("reading its output: %v", err)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Error(err)
	}
	rest, _ := io.ReadAll(r)
	cmd.Wait()
	return line + string(rest), errs.String()
}

// served are programs that stand still, with locks held, while their pages are
// read: web imports net/http, pages package annotate/debug, bare neither.
const served = `
-- go.mod --
module example.org/desk

go 1.24

require github.com/golockdep/lockdep/annotate v0.0.0

replace github.com/golockdep/lockdep/annotate => ANNOTATE
-- desk/desk.go --
package desk

import (
	"sync"
	"time"
)

var (
	pens, ink, lamp, bell sync.Mutex
	rules                 sync.RWMutex
	forms                 [2]sync.Mutex
	never                 = make(chan int)
)

func write() {
	pens.Lock() // line 16
	ink.Lock() // line 17
}

func fill() {
	forms[0].Lock() // line 21
	rules.RLock() // line 22
	<-never
}

func amend() { rules.Lock() } // line 26

func read() { rules.RLock() } // line 28

// Use has a writer wait for ink, and a reader of the rules for an amendment.
func Use() {
	ink.Lock() // line 32
	for _, f := range []func(){write, fill, amend, read} {
		go f()
		time.Sleep(50 * time.Millisecond)
	}
}

// Light takes the lamp n times.
func Light(n int) {
	for range n {
		lamp.Lock()
		time.Sleep(2 * time.Millisecond)
		lamp.Unlock()
	}
}

// Swap takes two locks in both orders.
func Swap() {
	bell.Lock()
	pens.Lock() // line 51
	pens.Unlock()
	bell.Unlock()

	pens.Lock()
	bell.Lock()
	bell.Unlock()
	pens.Unlock()
}
-- web/main.go --
package main

import (
	"fmt"
	_ "net/http/pprof"
	"os"

	"example.org/desk/desk"
)

func main() {
	desk.Swap()
	desk.Use()
	fmt.Println("ready")
	for {
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			os.Exit(0)
		}
		desk.Light(5)
		fmt.Println("lit")
	}
}
-- pages/main.go --
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	_ "github.com/golockdep/lockdep/annotate/debug"

	"example.org/desk/desk"
)

func main() {
	desk.Use()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, nil)
	fmt.Printf("lockdep: serving http://%s/debug/lockdep/\n", l.Addr())
	os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}
-- bare/main.go --
package main

import "fmt"

func main() { fmt.Println("done") }
`

// A live is a program that runs, and what it prints.
type live struct {
	t      *testing.T
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pages  string // the address of its pages
}

// start runs a program that says on stdout (or, if errs, on stderr) where its pages are.
func start(t *testing.T, errs bool, exe string, env ...string) *live {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(append(os.Environ(), "GOLOCKDEP=", "LOCKDEPDIR="), env...)
	l := &live{t: t}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	messages, err3 := cmd.StderrPipe()
	if err := errors.Join(err1, err2, err3, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(2*behaviourTimeout, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
		stop.Stop()
	})
	l.stdin, l.stdout = in, bufio.NewReader(out)
	said, other := l.stdout, messages
	if errs {
		said = bufio.NewReader(messages)
	}
	line, err := said.ReadString('\n')
	pages, ok := strings.CutPrefix(strings.TrimSpace(line), "lockdep: serving ")
	if !ok || err != nil {
		t.Fatalf("it said %q, %v", line, err)
	}
	l.pages = pages
	if errs {
		go io.Copy(io.Discard, said)
	} else {
		go io.Copy(io.Discard, other)
	}
	return l
}

// light has the program take the lamp five times.
func (l *live) light() {
	l.t.Helper()
	io.WriteString(l.stdin, "x")
	if line, err := l.stdout.ReadString('\n'); line != "lit\n" {
		l.t.Fatalf("it said %q, %v", line, err)
	}
}

func (l *live) get(page string) (status int, kind, text string) {
	l.t.Helper()
	base, err := url.Parse(l.pages)
	if err != nil {
		l.t.Fatal(err)
	}
	at, err := base.Parse(page)
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := http.Get(at.String())
	if err != nil {
		l.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("Content-Type"), string(b)
}

// numbers of goroutines differ from run to run.
var numbers = regexp.MustCompile(`goroutine \d+`)

func (l *live) text(page string) string {
	l.t.Helper()
	status, kind, text := l.get(page)
	if status != http.StatusOK || kind != "text/plain; charset=utf-8" {
		l.t.Errorf("%s: status %d, %s", page, status, kind)
	}
	return place.ReplaceAllString(numbers.ReplaceAllString(text, "goroutine N"), "$1")
}

func (l *live) json(page string, into any) {
	l.t.Helper()
	status, kind, text := l.get(page)
	if status != http.StatusOK || kind != "application/json" {
		l.t.Errorf("%s: status %d, %s", page, status, kind)
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		l.t.Errorf("%s: %v\n%s", page, err, text)
	}
}

// ready waits until the program says so and stands still.
func (l *live) ready() {
	l.t.Helper()
	if line, err := l.stdout.ReadString('\n'); line != "ready\n" {
		l.t.Fatalf("it said %q, %v", line, err)
	}
	for end := time.Now().Add(behaviourTimeout); strings.Count(l.text("waits"), "waits for (") != 3 || strings.Count(l.text("waits"), "held since") != 2; {
		if time.Now().After(end) {
			l.t.Fatalf("three goroutines should wait:\n%s", l.text("waits"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (l *live) contains(page string, want ...string) {
	l.t.Helper()
	text := l.text(page)
	for _, w := range want {
		if !strings.Contains(text, w) {
			l.t.Errorf("%s lacks\n%s\nit has\n%s", page, w, text)
		}
	}
}

// annotateDir is the directory of the module annotate.
func annotateDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../annotate")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A program serves its pages where GOLOCKDEP says, or on its own mux where it
// imports annotate/debug, and they say what it does at this moment.
func TestLive(t *testing.T) {
	tool := commandTool(t)
	dir, bin := t.TempDir(), t.TempDir()
	files(t, dir, strings.ReplaceAll(served, "ANNOTATE", annotateDir(t)))
	behaviourBuild(t, dir, tool, "build", "-o", bin+"/", "./...")
	plain := t.TempDir()
	behaviourBuild(t, dir, "go", "build", "-o", plain+"/", "./pages")

	t.Run("moment", func(t *testing.T) {
		l := start(t, true, filepath.Join(bin, "web"), "GOLOCKDEP=http=127.0.0.1:0")
		l.ready()
		l.contains("held",
			"1 lock held by goroutine N [sync.Mutex.Lock], created at desk.go:34:\n"+
				" #0: (desk.pens){W}, at: desk.write  desk.go:16\n"+
				" waits for: (desk.ink){W}, at: desk.write  desk.go:17\n",
			"2 locks held by goroutine N [chan receive], created at desk.go:34:\n"+
				" #0: (desk.forms[]){W}, at: desk.fill  desk.go:21\n"+
				" #1: (desk.rules){R}, at: desk.fill  desk.go:22\n",
			"\ngoroutine N [sync.RWMutex.Lock]:\n waits for: (desk.rules){W}, at: desk.amend  desk.go:26\n",
			" #0: (desk.ink){W}, at: desk.Use  desk.go:32\n")
		const waits = "goroutine N [sync.RWMutex.RLock] waits for (desk.rules){R}, at: desk.read  desk.go:28\n" +
			"  behind the writer at desk.amend  desk.go:26 by goroutine N [sync.RWMutex.Lock], which waits for (desk.rules){W}, at: desk.amend  desk.go:26\n" +
			"    held since desk.fill  desk.go:22 by goroutine N [chan receive]\n\n"
		l.contains("waits", waits,
			"goroutine N [sync.Mutex.Lock] waits for (desk.ink){W}, at: desk.write  desk.go:17\n"+
				"  held since desk.Use  desk.go:32 by goroutine N [")
		if text := l.text("waits"); strings.Contains(text, "DEADLOCK") || strings.Count(text, "waits for") != 3 {
			t.Errorf("waits:\n%s", text)
		}
		var waiting []struct {
			Goroutine uint64
			Wants     engine.Lock
			For       []struct {
				Goroutine uint64
				At        engine.Frame
				Queued    bool
			} `json:"waits_for"`
		}
		l.json("waits.json", &waiting)
		queued := 0
		for _, w := range waiting {
			if len(w.For) != 1 || w.For[0].Goroutine == 0 || w.For[0].At.Line == 0 {
				t.Errorf("waits.json: %+v", w)
			} else if w.For[0].Queued {
				queued++
			}
		}
		if len(waiting) != 3 || queued != 1 {
			t.Errorf("waits.json: %+v", waiting)
		}
		_, kind, dot := l.get("waits.dot")
		if kind != "text/vnd.graphviz; charset=utf-8" || strings.Count(dot, " -> ") != 3 || !strings.Contains(dot, `[label="example.org/desk/desk.ink"];`) {
			t.Errorf("waits.dot: %s\n%s", kind, dot)
		}
	})

	t.Run("learned", func(t *testing.T) {
		l := start(t, true, filepath.Join(bin, "web"), "GOLOCKDEP=http=127.0.0.1:0", "LOCKDEPIGNORE=")
		l.ready()
		l.contains("findings", "WARNING: possible circular locking dependency detected\n", "level: possible", "\n1 finding\n")
		var raw []json.RawMessage
		l.json("findings.json", &raw)
		if len(raw) == 1 {
			found, err := report.ReadJSONL(bytes.NewReader(append(raw[0], '\n')))
			if err != nil || len(found) != 1 || len(found[0].Sides) != 2 || found[0].Why&engine.WhyOneGoroutine == 0 || len(found[0].Sides[0].Stack) == 0 {
				t.Errorf("findings.json: %v, %+v", err, found)
			}
		} else {
			t.Errorf("%d findings", len(raw))
		}
		l.contains("classes", "all lock classes:\n", ": example.org/desk/desk.bell\n -> [")
		l.contains("dependencies", "example.org/desk/desk.bell -> example.org/desk/desk.pens  (on a cycle)\n"+
			"  holding (desk.bell){W}, at: desk.Swap  desk.go:50\n"+
			"  takes   (desk.pens){W}, at: desk.Swap  desk.go:51\n")
		l.contains("chains", "] example.org/desk/desk.forms[]{W}\n[")
		l.contains("stats", " lock-classes:    ", "[max: 32767]\n", " findings, possible:                       1\n")
		l.contains("lock_stat", "Acquisitions and times are not counted", "desk.ink-W:              1")
		for _, page := range []string{"", "classes", "dependencies", "chains", "stats", "held"} {
			var v any
			l.json(page+"?format=json", &v)
			if list, ok := v.([]any); ok && len(list) < 3 {
				t.Errorf("%s: %v", page, v)
			}
		}
		if status, kind, text := l.get(""); status != http.StatusOK || kind != "text/html; charset=utf-8" || strings.Count(text, "<a href=") != 16 {
			t.Errorf("the list: %d, %s\n%s", status, kind, text)
		}
		for page, want := range map[string]int{"other": 404, "held.xml": 404, "waits?format=dot": 200, "held?format=dot": 404, "../pprof/": 200, "/": 200, "/other": 404} {
			if status, _, text := l.get(page); status != want {
				t.Errorf("%s: status %d, want %d\n%s", page, status, want, text)
			}
		}
	})

	t.Run("lock_stat", func(t *testing.T) {
		type stat struct {
			Timed   bool
			Classes []struct {
				Class, Mode               string
				Contentions, Acquisitions uint64
				Hold                      struct{ N, Min, Max, Total uint64 } `json:"hold_ns"`
				Points                    []struct {
					At    engine.Frame
					Count uint64
				}
			}
		}
		lamp := func(t *testing.T, l *live, timed bool, times uint64) {
			t.Helper()
			var s stat
			l.json("lock_stat.json", &s)
			if s.Timed != timed {
				t.Errorf("timed: %v, want %v", s.Timed, timed)
			}
			var got uint64
			for _, c := range s.Classes {
				if c.Class == "example.org/desk/desk.ink" && (c.Contentions != 1 || len(c.Points) != 1 || c.Points[0].At.Line != 17 || c.Points[0].Count != 1) {
					t.Errorf("ink: %+v", c)
				}
				if c.Class != "example.org/desk/desk.lamp" {
					continue
				}
				got = c.Acquisitions
				if h := c.Hold; h.N != times || h.Max < 2e6 || h.Total < 10e6 || h.Total < h.Max || c.Contentions != 0 {
					t.Errorf("lamp: %+v", c)
				}
			}
			if got != times {
				t.Errorf("the lamp was taken %d times, want %d", got, times)
			}
		}
		l := start(t, true, filepath.Join(bin, "web"), "GOLOCKDEP=http=127.0.0.1:0")
		l.ready()
		l.light()
		lamp(t, l, false, 0)
		if r, err := http.Post(l.pages+"held", "", nil); err != nil || r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST to held: %v, %v", r, err)
		}
		if r, err := http.PostForm(l.pages+"lock_stat", url.Values{"on": {"1"}}); err != nil || r.StatusCode != http.StatusOK {
			t.Errorf("POST: %v, %v", r, err)
		}
		l.light()
		lamp(t, l, true, 5)
		l = start(t, true, filepath.Join(bin, "web"), "GOLOCKDEP=http=127.0.0.1:0 stat=1")
		l.ready()
		l.light()
		lamp(t, l, true, 5)
		l.contains("findings", "level: possible", "\n1 finding\n")
	})

	t.Run("import", func(t *testing.T) {
		l := start(t, false, filepath.Join(bin, "pages"))
		l.contains("held", " #0: (desk.ink){W}, at: desk.Use  desk.go:32\n")
		l = start(t, false, filepath.Join(bin, "pages"), "GOLOCKDEP=off=1")
		if status, _, text := l.get("held"); status != http.StatusNotImplemented || !strings.Contains(text, "GOLOCKDEP=off=1") {
			t.Errorf("turned off: %d\n%s", status, text)
		}
		l = start(t, false, filepath.Join(plain, "pages"), "GOLOCKDEP=http=127.0.0.1:0")
		if status, _, text := l.get(""); status != http.StatusNotImplemented || !strings.Contains(text, "not built by lockdep") {
			t.Errorf("built by go: %d\n%s", status, text)
		}
		// Both ways at once do not meet.
		l = start(t, true, filepath.Join(bin, "pages"), "GOLOCKDEP=http=127.0.0.1:0")
		l.contains("stats", " lock-classes: ")
	})

	t.Run("cannot", func(t *testing.T) {
		run := runBehaviour(t, "", []string{"GOLOCKDEP=http=127.0.0.1:0"}, filepath.Join(bin, "bare"))
		if run.exit != 0 || run.stdout != "done\n" || !strings.Contains(run.stderr, "does not import net/http") || !strings.Contains(run.stderr, "annotate/debug") {
			t.Errorf("a program without net/http: %+v", run)
		}
		run = runBehaviour(t, "", []string{"GOLOCKDEP=http=256.0.0.1:x"}, filepath.Join(bin, "web"))
		if run.exit != 0 || run.stdout != "ready\n" || !strings.Contains(run.stderr, "lockdep: GOLOCKDEP: http=256.0.0.1:x: ") {
			t.Errorf("a bad address: %+v", run)
		}
	})
}

// busy takes locks on many goroutines, old and new ones, while it reads all of
// its pages.
const busy = `
-- go.mod --
module example.org/busy

go 1.24

require github.com/golockdep/lockdep/annotate v0.0.0

replace github.com/golockdep/lockdep/annotate => ANNOTATE
-- main.go --
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/golockdep/lockdep/annotate/debug"
)

type cell struct {
	mu sync.RWMutex
	n  int
}

func main() {
	var (
		cells [16]cell
		pool  [24]sync.Mutex
		stop  atomic.Bool
		wg    sync.WaitGroup
	)
	for w := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; !stop.Load(); i++ {
				x, y := &cells[i%8], &cells[8+i%7]
				x.mu.Lock()
				y.mu.RLock()
				x.n += y.n
				y.mu.RUnlock()
				x.mu.Unlock()
				if i%100 == 0 { // deeper than a task has room for
					done := make(chan bool)
					go func() {
						for j := range pool {
							pool[j].Lock()
						}
						for j := range pool {
							pool[j].Unlock()
						}
						done <- true
					}()
					<-done
				}
			}
		}()
	}
	base := httptest.NewServer(debug.Handler()).URL + "/"
	for round := range 20 {
		for _, page := range strings.Fields("findings held waits classes dependencies chains stats lock_stat") {
			for _, form := range []string{"", ".json"} {
				r, err := http.Get(base + page + form)
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				b, err := io.ReadAll(r.Body)
				r.Body.Close()
				if err != nil || r.StatusCode != 200 || form != "" && !json.Valid(b) {
					fmt.Printf("%s%s: %d, %v\n%s\n", page, form, r.StatusCode, err, b)
					os.Exit(1)
				}
			}
		}
		if round == 10 {
			http.Post(base+"lock_stat?on=1", "", nil)
		}
	}
	stop.Store(true)
	wg.Wait()
	fmt.Println("all read")
}
`

// The pages are read while everything moves: nothing breaks, also under the
// race detector, whose own report would end the program with 66.
func TestLiveBusy(t *testing.T) {
	tool := commandTool(t)
	dir := t.TempDir()
	files(t, dir, strings.ReplaceAll(busy, "ANNOTATE", annotateDir(t)))
	for _, flags := range [][]string{nil, {"-race"}} {
		t.Run(strings.Join(append(flags, "build"), ""), func(t *testing.T) {
			exe := filepath.Join(t.TempDir(), "busy")
			if flags != nil && exec.Command(tool, append(append([]string{"build", "-C", dir}, flags...), "-o", exe, ".")...).Run() != nil {
				t.Skip("no race detector here")
			}
			behaviourBuild(t, dir, tool, append(append([]string{"build"}, flags...), "-o", exe, ".")...)
			run := runBehaviour(t, "", []string{"GOLOCKDEP=fail=none"}, exe)
			if run.exit != 0 || run.stdout != "all read\n" {
				t.Errorf("exit status %d\n%s\n%.4000s", run.exit, run.stdout, run.stderr)
			}
		})
	}
}
