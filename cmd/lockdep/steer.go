package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
)

// A cycle is what a program is steered to: side i wants what side i+1 holds.
type cycle struct {
	sides []engine.SteerSide
}

// cycleOf returns the cycle of a finding, or why there is none to steer to.
func cycleOf(f *engine.Finding) (cycle, string) {
	switch f.Kind {
	case engine.KindCircular, engine.KindSameClass, engine.KindRecursiveRead:
	case engine.KindEvent:
		return cycle{}, "a side waits for an event, and who will end such a wait is not known beforehand"
	default:
		return cycle{}, "it is no cycle of locks"
	}
	if f.Why&engine.WhyHandoff != 0 {
		return cycle{}, "a lock of the cycle is unlocked by other goroutines than those that lock it, so nobody can be said to hold it"
	}
	var c cycle
	for i := range f.Sides {
		s := &f.Sides[i]
		if s.Waits != nil {
			return cycle{}, "a side waits for an event, and who will end such a wait is not known beforehand"
		}
		c.sides = append(c.sides, engine.SteerSide{
			Holds: s.Holds.Class, HoldsMode: modeNamed(s.Holds.Mode), Wants: s.Wants.Class, WantsMode: modeNamed(s.Wants.Mode),
		})
	}
	return c, ""
}

func modeNamed(word string) engine.Mode {
	if word == "R" {
		return engine.Read
	}
	return engine.Write
}

// parseCycle reads a cycle from a command line: the classes that nest, the last
// of them the first again, each with "(r)" behind it where it is taken for
// reading: "A > B > A". A side may be a pair of its own: "A > B, B(r) > A".
func parseCycle(text string) (cycle, error) {
	var c cycle
	for at, part := range strings.Split(text, ",") {
		names := strings.Split(part, ">")
		for i := range names {
			if names[i] = strings.TrimSpace(names[i]); names[i] == "" || names[i] == "(r)" {
				return c, fmt.Errorf("flag -cycle=%q: a class is missing in part %d; write 'A > B > A', or 'A > B, B(r) > A'", text, at+1)
			}
		}
		if len(names) < 2 {
			return c, fmt.Errorf("flag -cycle=%q: part %d has one class; write 'A > B > A', or 'A > B, B(r) > A'", text, at+1)
		}
		for i := 0; i+1 < len(names); i++ {
			var s engine.SteerSide
			s.Holds, s.HoldsMode = classMode(names[i])
			s.Wants, s.WantsMode = classMode(names[i+1])
			c.sides = append(c.sides, s)
		}
	}
	for i, s := range c.sides {
		if next := c.sides[(i+1)%len(c.sides)]; next.Holds != s.Wants {
			return c, fmt.Errorf("flag -cycle=%q: %s is wanted and %s held next; every class that is wanted is held by the next side, and the last one by the first", text, s.Wants, next.Holds)
		}
	}
	return c, nil
}

func classMode(s string) (string, engine.Mode) {
	if name, ok := strings.CutSuffix(s, "(r)"); ok {
		return strings.TrimSpace(name), engine.Read
	}
	return s, engine.Write
}

// is reports whether finding f is the cycle.
func (c cycle) is(f *engine.Finding) bool {
	if len(f.Sides) != len(c.sides) {
		return false
	}
	pairs := func(n int, pair func(i int) string) []string {
		var out []string
		for i := range n {
			out = append(out, pair(i))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(
		pairs(len(c.sides), func(i int) string { return c.sides[i].Holds + ">" + c.sides[i].Wants }),
		pairs(len(f.Sides), func(i int) string { return f.Sides[i].Holds.Class + ">" + f.Sides[i].Wants.Class }))
}

func (c cycle) String() string {
	var b strings.Builder
	for i, s := range c.sides {
		if i == 0 {
			b.WriteString(engine.ShortClass(s.Holds))
		}
		b.WriteString(" > " + engine.ShortClass(s.Wants))
	}
	return b.String()
}

// A run is what is run to meet a cycle: a program or a test binary.
type run struct {
	exe    string
	args   []string
	dir    string
	env    []string
	beside []string // tests that run side by side, though they do not say so
}

// An attempt is how the n-th try, from 1, is made: goroutines stand longer and
// longer, on few and on many processors, all that can or some of them.
type attempt struct {
	n     int
	bound time.Duration // that a goroutine stands
	limit time.Duration // of the process
	procs int           // GOMAXPROCS; 0: as it is
	seed  int           // 0: all that can stand do; others also mix the run queues
}

func attemptAt(n int) attempt {
	i := n - 1
	return attempt{
		n:     n,
		bound: min(20*time.Millisecond<<(i/2), 3*time.Second),
		limit: min(3*time.Second<<(i/2), time.Minute),
		procs: []int{0, 1, 4, 2}[i%4],
		seed:  i,
	}
}

// An outcome is what a try came to.
type outcome struct {
	proved *engine.Finding
	graph  string // the directory of the process's graph
	output []byte
	stood  []int // how often goroutines stood at each side; nil: the process did not say
	met    int
	other  *engine.Finding // another deadlock that happened
}

var steered = regexp.MustCompile(`(?m)^lockdep: steered: stood((?: \d+)*), met (\d+)$`)

// try runs r, steered to c, in the directory tmp. It ends when the process does,
// or the process and what it started are killed at the limit.
func (r *run) try(ctx context.Context, c cycle, a attempt, tmp string) (*outcome, error) {
	o := &outcome{graph: filepath.Join(tmp, strconv.Itoa(a.n))}
	if err := os.MkdirAll(o.graph, 0o755); err != nil {
		return nil, fmt.Errorf("making a directory for the try: %w; make room", err)
	}
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.exe, r.args...)
	cmd.Dir = r.dir
	cmd.Env = append(slices.Clone(r.env),
		"LOCKDEPDIR="+o.graph, "LOCKDEPCONFIRM="+c.plan(a, r.beside), "GOLOCKDEP=fail=none leaks=0 hang=keep", "GOTRACEBACK=all", "PWD="+r.dir)
	if a.procs != 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(a.procs))
	}
	out := &tail{max: 1 << 20}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 2 * time.Second
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("running %s: %w", r.exe, err)
	}
	_ = cmd.Wait() // it may hang, fail or be killed: its graph says what happened
	o.output = out.b
	if m := steered.FindSubmatch(out.b); m != nil {
		for _, n := range strings.Fields(string(m[1])) {
			k, _ := strconv.Atoi(n)
			o.stood = append(o.stood, k)
		}
		o.met, _ = strconv.Atoi(string(m[2]))
	}
	files, _, err := lockgraph.ReadAll(o.graph)
	if err != nil {
		return nil, err
	}
	g := lockgraph.Union(files...)
	for _, f := range g.Findings(g.Judge(), engine.Proved) {
		if c.is(&f) {
			o.proved = &f
			break
		}
		if f.Kind != engine.KindAssertHeld && f.Kind != engine.KindAssertNotHeld && o.other == nil {
			o.other = &f
		}
	}
	return o, nil
}

// plan is $LOCKDEPCONFIRM.
func (c cycle) plan(a attempt, beside []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "bound %d\ntimes 100\nseed %d\n", a.bound.Nanoseconds(), a.seed)
	for _, t := range beside {
		fmt.Fprintf(&b, "beside %s\n", t)
	}
	word := map[engine.Mode]string{engine.Write: "W", engine.Read: "R"}
	for _, s := range c.sides {
		fmt.Fprintf(&b, "side %s\t%s\t%s\t%s\n", word[s.HoldsMode], s.Holds, word[s.WantsMode], s.Wants)
	}
	return b.String()
}

// A tail keeps the last bytes that were written, up to twice max.
type tail struct {
	max int
	b   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*t.max {
		t.b = append(t.b[:0], t.b[len(t.b)-t.max:]...)
	}
	return len(p), nil
}

// dump returns the goroutines of a proof: the stacks from the output of a
// process that said that it is there, of all goroutines and of those of f.
func (o *outcome) dump() (all, its []byte) {
	i := bytes.LastIndex(o.output, []byte("fatal error: lockdep: the deadlock"))
	if i < 0 {
		return nil, nil
	}
	all = o.output[i:]
	for block := range bytes.SplitSeq(all, []byte("\n\n")) {
		for _, s := range o.proved.Sides {
			if bytes.HasPrefix(block, fmt.Appendf(nil, "goroutine %d ", s.Goroutine)) {
				its = append(append(its, withoutOwn(block)...), '\n')
			}
		}
	}
	return all, its
}

// withoutOwn takes lockdep's own calls, which come last, out of a goroutine's stack.
func withoutOwn(stack []byte) []byte {
	lines := bytes.SplitAfter(append(bytes.TrimRight(stack, "\n"), '\n'), []byte("\n"))
	own := 1
	for i := 1; i+1 < len(lines); i += 2 {
		if l := lines[i]; bytes.HasPrefix(l, []byte("internal/lockdep")) || bytes.HasPrefix(l, []byte("sync.lockdep")) || bytes.HasPrefix(l, []byte("internal/sync.(*Mutex).Lockdep")) {
			own = i + 2
		}
	}
	return bytes.Join(append(lines[:1:1], lines[own:]...), nil)
}
