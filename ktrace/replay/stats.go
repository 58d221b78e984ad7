package replay

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/ktrace"
)

// The layouts below are those of kernel/locking/lockdep_proc.c, Linux 6.12.
// In place of a key stands the address of the static lock, or of the first lock
// that had the name.

// lockStat is what /proc/lock_stat has of a class. Index 0 is of writers, 1 of
// readers; bounces are those to another CPU than the last one's.
type lockStat struct {
	contended, acquired [2]int
	wait, hold          [2]times
	cpu                 int32 // of the last acquisition, plus 1
}

// times sums durations in ns.
type times struct {
	n               int
	min, max, total uint64
}

func (t *times) add(d uint64) {
	if t.n == 0 || d < t.min {
		t.min = d
	}
	t.max = max(t.max, d)
	t.total += d
	t.n++
}

func (t *times) average() uint64 {
	if t.n == 0 {
		return 0
	}
	return t.total / uint64(t.n)
}

func (r *Replay) stat(id classID) *lockStat {
	c := &r.classes[id]
	if c.stat == nil {
		c.stat = &lockStat{}
	}
	return c.stat
}

func (e *entry) reader() int { return int(e.mode&read) >> 1 }

// statContended notes that the task begins to wait.
func (r *Replay) statContended(t *task, ev *ktrace.Event) {
	for i := t.depth - 1; i >= 0; i-- {
		e := &t.held[i]
		if e.addr != ev.Addr {
			continue
		}
		e.waits = ev.Time
		if s := r.stat(e.class); s.cpu != 0 && s.cpu != ev.CPU+1 {
			s.contended[e.reader()]++
		}
		return
	}
}

// statAcquired notes that the task has the lock: it is held from now on.
func (r *Replay) statAcquired(e *entry, ev *ktrace.Event) {
	s := r.stat(e.class)
	if e.waits != 0 {
		s.wait[e.reader()].add(ev.Time - min(e.waits, ev.Time))
	}
	if s.cpu != 0 && s.cpu != ev.CPU+1 {
		s.acquired[e.reader()]++
	}
	s.cpu = ev.CPU + 1
	e.since = ev.Time
}

func (r *Replay) statRelease(e *entry, ev *ktrace.Event) {
	since := e.since
	if since == 0 {
		since = e.time // a map
	}
	r.stat(e.class).hold[e.reader()].add(ev.Time - min(since, ev.Time))
}

// line is a class in the dumps.
type line struct {
	kernel.ClassInfo
	text string
	addr uint64
	ops  uint64
	stat *lockStat
}

// lines returns the classes by index.
func (res *Result) lines() []line {
	r := res.j.r
	byKey := map[uint64]*class{}
	for i := range r.classes[1:] {
		c := &r.classes[i+1]
		byKey[uint64(c.base)<<8+uint64(c.sub)] = c
	}
	var out []line
	res.v.EachClass(func(i kernel.ClassInfo) bool {
		l := line{ClassInfo: i, text: ClassName(i)}
		if c := byKey[i.Key]; c != nil {
			l.ops, l.stat, l.addr = c.ops, c.stat, cmp.Or(c.static, c.addr)+uint64(c.sub)
		}
		out = append(out, l)
		return true
	})
	return out
}

// reach counts the classes that depend on each one, or that it depends on, and
// itself.
func (res *Result) reach(back bool) map[kernel.ClassID]int {
	next := map[kernel.ClassID][]kernel.ClassID{}
	var all []kernel.ClassID
	res.v.EachClass(func(c kernel.ClassInfo) bool {
		all = append(all, c.ID)
		return true
	})
	res.Dependencies(func(a, b kernel.ClassInfo, _ kernel.Dependency) {
		if back {
			a, b = b, a
		}
		next[a.ID] = append(next[a.ID], b.ID)
	})
	out := map[kernel.ClassID]int{}
	for _, root := range all {
		seen := map[kernel.ClassID]bool{root: true}
		for todo := []kernel.ClassID{root}; len(todo) > 0; {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, n := range next[at] {
				if !seen[n] {
					seen[n] = true
					todo = append(todo, n)
				}
			}
		}
		out[root] = len(seen)
	}
	return out
}

// WriteLockdep writes the classes and their adjacent dependencies as
// /proc/lockdep does.
func (res *Result) WriteLockdep(w io.Writer) error {
	b := bufio.NewWriter(w)
	lines := res.lines()
	at := map[kernel.ClassID]*line{}
	for i := range lines {
		at[lines[i].ID] = &lines[i]
	}
	forward, backward := res.reach(false), res.reach(true)
	fmt.Fprintf(b, "all lock classes:\n")
	for i := range lines {
		l := &lines[i]
		fmt.Fprintf(b, "%016x OPS:%8d FD:%5d BD:%5d %s: %s\n", l.addr, l.ops, forward[l.ID], backward[l.ID], letters(l.Usage), l.text)
		res.v.EachDependency(l.ID, func(d kernel.Dependency) bool {
			if d.Distance == 1 {
				fmt.Fprintf(b, " -> [%016x] %s\n", at[d.To].addr, at[d.To].text)
			}
			return true
		})
		fmt.Fprintln(b)
	}
	return b.Flush()
}

// irqNames are those of lockdep_chains, by the kernel's irq_context.
var irqNames = [...]string{"0", "softirq", "hardirq", "hardirq-softirq"}

// WriteChains writes the chains as /proc/lockdep_chains does.
func (res *Result) WriteChains(w io.Writer) error {
	b := bufio.NewWriter(w)
	at := map[int]line{}
	for _, l := range res.lines() {
		at[l.ID.Index()] = l
	}
	fmt.Fprintf(b, "all lock chains:\n")
	res.v.EachChain(func(_ uint64, irq uint8, ids []uint16) bool {
		fmt.Fprintf(b, "irq_context: %s\n", irqNames[irq&3])
		for _, id := range ids {
			l := at[int(id&maxClasses)]
			fmt.Fprintf(b, "[%016x] %s\n", l.addr, l.text)
		}
		fmt.Fprintln(b)
		return true
	})
	return b.Flush()
}

// WriteStats writes the counts that a trace has of /proc/lockdep_stats.
func (res *Result) WriteStats(w io.Writer) error {
	b := bufio.NewWriter(w)
	row := func(name string, n, limit int) {
		if limit > 0 {
			fmt.Fprintf(b, " %-30s %11d [max: %d]\n", name+":", n, limit)
		} else {
			fmt.Fprintf(b, " %-30s %11d\n", name+":", n)
		}
	}
	st := res.v.Stats()
	forward := res.reach(false)
	indirect := 0
	for _, n := range forward {
		indirect += n
	}
	usage := func(any kernel.Usage, none bool) int {
		n := 0
		res.v.EachClass(func(c kernel.ClassInfo) bool {
			if none == (c.Usage&any == 0) {
				n++
			}
			return true
		})
		return n
	}
	bits := func(bs ...kernel.UsageBit) (u kernel.Usage) {
		for _, b := range bs {
			u |= 1 << b
		}
		return u
	}
	var chains [4]int
	res.v.EachChain(func(_ uint64, irq uint8, _ []uint16) bool {
		chains[irq&3]++
		return true
	})
	row("lock-classes", st.Classes, maxClasses+1)
	row("direct dependencies", 2*st.Edges, 0)
	row("indirect dependencies", indirect, 0)
	row("dependency chains", st.Chains, 0)
	row("dependency chain hlocks used", st.ChainEntries, 0)
	row("in-hardirq chains", chains[2]+chains[3], 0)
	row("in-softirq chains", chains[1], 0)
	row("in-process chains", chains[0], 0)
	for _, u := range []struct {
		name string
		any  kernel.Usage
	}{
		{"hardirq-safe locks", bits(kernel.InHardirqW)},
		{"hardirq-unsafe locks", bits(kernel.HardirqOnW)},
		{"softirq-safe locks", bits(kernel.InSoftirqW)},
		{"softirq-unsafe locks", bits(kernel.SoftirqOnW)},
		{"irq-safe locks", bits(kernel.InHardirqW, kernel.InSoftirqW)},
		{"irq-unsafe locks", bits(kernel.HardirqOnW, kernel.SoftirqOnW)},
		{"hardirq-read-safe locks", bits(kernel.InHardirqR)},
		{"hardirq-read-unsafe locks", bits(kernel.HardirqOnR)},
		{"softirq-read-safe locks", bits(kernel.InSoftirqR)},
		{"softirq-read-unsafe locks", bits(kernel.SoftirqOnR)},
		{"irq-read-safe locks", bits(kernel.InHardirqR, kernel.InSoftirqR)},
		{"irq-read-unsafe locks", bits(kernel.HardirqOnR, kernel.SoftirqOnR)},
	} {
		row(u.name, usage(u.any, false), 0)
	}
	row("uncategorized locks", usage(1<<kernel.Used-1, true), 0)
	row("max locking depth", st.MaxDepth, 0)
	row("max bfs queue depth", st.MaxQueue, 0)
	fmt.Fprintln(b)
	c := &res.Counts
	for _, n := range []struct {
		name string
		n    int
	}{
		{"events", c.Events},
		{"lock events", c.LockEvents},
		{"lost records", c.Lost},
		{"gaps", c.LostGaps + c.Gaps},
		{"events beside damage", c.Beside},
		{"held locks forgotten", c.Dropped},
		{"overtaken by another holder", c.Overtaken},
		{"released, taken before", c.ReleasedBefore},
		{"released elsewhere", c.ReleasedElsewhere},
		{"merged in one of their class", c.Merged},
		{"deeper than the stack", c.Deep},
		{"without flags", c.NoFlags},
		{"waits for completions", c.Waits},
		{"completions with a history", c.Commits},
		{"classes without room", c.ClassesLost},
		{"observations without room", c.ChainsLost},
	} {
		row(n.name, n.n, 0)
	}
	return b.Flush()
}

// WriteLockStat writes waits and holds as /proc/lock_stat does, most contended
// first; it needs Options.LockStat. The places that the kernel lists below a
// class are not in the events.
func (res *Result) WriteLockStat(w io.Writer) error {
	b := bufio.NewWriter(w)
	rule := strings.Repeat("-", 41+12*15)
	fmt.Fprintf(b, "lock_stat version 0.4\n%s\n%40s %s\n%s\n\n", rule, "class name", lockStatColumns, rule)
	lines := slices.DeleteFunc(res.lines(), func(l line) bool { return l.stat == nil })
	slices.SortStableFunc(lines, func(x, y line) int {
		return cmp.Compare(y.stat.wait[0].n+y.stat.wait[1].n, x.stat.wait[0].n+x.stat.wait[1].n)
	})
	for _, l := range lines {
		for i := range 2 {
			s := l.stat
			if s.hold[i].n == 0 && s.wait[i].n == 0 {
				continue
			}
			name := l.text
			// Only a class with both kinds of holders, or with readers alone, says which.
			if i == 1 {
				name += "-R"
			} else if s.hold[1].n > 0 || s.wait[1].n > 0 {
				name += "-W"
			}
			fmt.Fprintf(b, "%40s:%14d %s %14d %s\n", name, s.contended[i], s.wait[i].text(), s.acquired[i], s.hold[i].text())
		}
	}
	return b.Flush()
}

const lockStatColumns = "   con-bounces    contentions   waittime-min   waittime-max waittime-total   waittime-avg" +
	"    acq-bounces   acquisitions   holdtime-min   holdtime-max holdtime-total   holdtime-avg"

// text is a count and times in µs with two places.
func (t *times) text() string {
	s := fmt.Sprintf("%14d", t.n)
	for _, ns := range []uint64{t.min, t.max, t.total, t.average()} {
		s += fmt.Sprintf(" %14s", fmt.Sprintf("%d.%02d", ns/1000, ns%1000/10))
	}
	return s
}
