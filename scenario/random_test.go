package scenario

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/engine/kernel"
)

// TestTwin runs random scenarios over all words in the validator and in its twin, and compares the verdict after each
// annotation and the graphs at the end. A difference is cut down and written to testdata as a scenario.
//
// LOCKDEP_SEQUENCES=N runs so many, 200,000 without it (a twentieth with -short); LOCKDEP_SEED=N begins elsewhere.
func TestTwin(t *testing.T) {
	kept, err := filepath.Glob("testdata/twin-*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range kept {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff, _, err := compareTwin(string(text)); diff != "" || err != nil {
			t.Errorf("%s: %s, %v", file, diff, err)
		}
	}
	n, seed := number(t, "LOCKDEP_SEQUENCES", 200_000), number(t, "LOCKDEP_SEED", 1)
	if testing.Short() {
		n /= 20
	}
	kinds := map[string]int{}
	for i := uint64(seed); i < uint64(seed+n); i++ {
		g := generator{rnd: rand.New(rand.NewPCG(i, 0))}
		g.scenario()
		diff, kind, err := compareTwin(g.text())
		if err != nil {
			t.Fatalf("seed %d: the generator made a wrong scenario: %v\n%s", i, err, g.text())
		}
		kinds[kind]++
		if diff == "" {
			continue
		}
		g.reduce(func() bool { d, _, err := compareTwin(g.text()); return d != "" && err == nil })
		diff, _, _ = compareTwin(g.text())
		file := fmt.Sprintf("testdata/twin-%d.txt", i)
		if err := os.WriteFile(file, []byte("# "+diff+"\n"+g.text()), 0o644); err != nil {
			t.Error(err)
		}
		t.Fatalf("%s: %s\n%s", file, diff, g.text())
	}
	t.Logf("%d sequences: %v", n, kinds)
	for _, k := range []string{"", "circular", "recursive", "safe-unsafe", "inconsistent", "inversion", "imbalance", "freed", "nest", "wait-context", "user"} {
		if n >= 5000 && kinds[k] == 0 {
			t.Errorf("no sequence ends in %q: the generator is too tame", k)
		}
	}
}

func number(t *testing.T, name string, other int) int {
	s := os.Getenv(name)
	if s == "" {
		return other
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s, want a number above 0", name, s)
	}
	return n
}

// compareTwin returns where validator and twin differ, "" for nowhere, and the kind of the first finding.
func compareTwin(text string) (diff, kind string, err error) {
	var both *tee
	opts := Options{Mode: "6.12", judge: func(set kernel.Settings) judge { both = newTee(set); return both }}
	if _, err := Run("f", text, opts); err != nil {
		return "", "", err
	}
	if both.first != nil {
		kind = both.first.Kind.String()
	}
	if both.diff != "" {
		return both.diff, kind, nil
	}
	return both.graph(), kind, nil
}

// piece is a part of a scenario that can be left out: a line before, what stands between, a line after.
type piece struct {
	before, after string
	body          []*piece
}

type generator struct {
	rnd   *rand.Rand
	tasks []*piece
	held  []string // in the task being made
	irqs  bool     // on
	bh    bool     // on
	ctx   string   // hard, soft or ""
	level int      // the harshest wait that is legal here: 2 raw spins, 3 spins, 4 sleeps
	leaks bool     // a lock stays held, so no class may go: what the kernel does then is not defined
	calm  bool     // only what is legal where it stands
}

const declared = `spin S T U
raw W V
rwlock P Q
mutex M N
mutex D1 D2 class=D
mutex F sub=1
mutex I validate=no
rwsem R X
rtmutex Y
local L
seqlock Z
ww O1 O2 class=O
wwctx K
map G
srcu C
completion E
workqueue A
workqueue B single
func fn { lock M; unlock M }
func gn { lock S; unlock S; free J }
work H A fn
work J B gn
timer TM gn
`

func (g *generator) text() string {
	var b strings.Builder
	b.WriteString(declared)
	var write func(p *piece, depth int)
	write = func(p *piece, depth int) {
		in := strings.Repeat("\t", depth)
		if p.before != "" {
			b.WriteString(in + p.before + "\n")
		}
		for _, q := range p.body {
			write(q, depth+1)
		}
		if p.after != "" {
			b.WriteString(in + p.after + "\n")
		}
	}
	for _, p := range g.tasks {
		write(p, 0)
	}
	return b.String()
}

func (g *generator) one(list ...string) string { return list[g.rnd.IntN(len(list))] }
func (g *generator) in(n int) bool             { return g.rnd.IntN(n) == 0 }

func (g *generator) scenario() {
	g.calm = g.rnd.IntN(4) > 0
	for i := range 2 + g.rnd.IntN(4) {
		g.held, g.irqs, g.bh, g.ctx, g.level = nil, true, true, "", 4
		p := &piece{before: fmt.Sprintf("task t%d {", i), after: "}"}
		for range 1 + g.rnd.IntN(4) {
			p.body = append(p.body, g.statement(0)...)
		}
		if g.in(12) {
			p.body = append(p.body, &piece{before: g.one("user", "exit")})
		}
		g.tasks = append(g.tasks, p)
	}
}

func (g *generator) some(depth int) (out []*piece) {
	for range g.rnd.IntN(3) {
		out = append(out, g.statement(depth+1)...)
	}
	return out
}

// statement makes one statement, or what has to stand together.
func (g *generator) statement(depth int) []*piece {
	if depth > 5 {
		return nil
	}
	single := func(s string) []*piece { return []*piece{{before: s}} }
	around := func(before, after string, with func()) []*piece {
		was := *g
		with()
		body := g.some(depth)
		held, leaks := g.held, g.leaks
		*g = was
		g.held, g.leaks = held, leaks
		return []*piece{{before: before, after: after, body: body}}
	}
	switch n := g.rnd.IntN(40); {
	case n < 20:
		return g.locking(depth)
	case n == 20 && g.irqs:
		return around("irq off", "irq on", func() { g.irqs = false })
	case n == 21:
		return around("irq save", "irq restore", func() { g.irqs = false })
	case n == 22:
		return around("bh off", "bh on", func() { g.bh = false })
	case n == 23 && g.irqs && g.ctx != "hard":
		if g.in(2) {
			return around("hardirq nothread {", "}", func() { g.irqs, g.ctx, g.level = false, "hard", 2 })
		}
		return around("hardirq {", "}", func() { g.irqs, g.ctx, g.level = false, "hard", 3 })
	case n == 24 && g.irqs && g.bh && g.ctx == "":
		return around("softirq {", "}", func() { g.bh, g.ctx, g.level = false, "soft", 3 })
	case n == 25 && g.ctx == "":
		return around("ipi {", "}", func() { g.irqs, g.ctx, g.level = false, "hard", 2 })
	case n == 26 && g.may(4):
		return single(g.one("queue_work H; run_work H", "queue_work J; run_work J", "queue_work J; run_work J uncopied", "queue_work H; run_work H during=fn"))
	case n == 27 && g.may(4):
		return single("queue_work " + g.one("H", "J") + "; " + g.one("flush_work H", "flush_work J", "cancel_work_sync H", "flush_workqueue A", "drain_workqueue B", "destroy_workqueue A"))
	case n == 28 && g.irqs && g.bh && g.ctx == "" && g.may(3):
		return single(g.one("run_timer TM", "run_timer TM uncopied"))
	case n == 29:
		return single(g.one("timer_delete_sync TM", "mod_timer TM", "timer_delete TM"))
	case n == 30:
		if g.in(2) {
			return around("rcu_bh {", "}", func() { g.bh, g.level = false, min(g.level, 3) })
		}
		return around("rcu_sched {", "}", func() { g.level = 2 })
	case n == 31:
		return around("rcu_read_lock", "rcu_read_unlock", func() { g.level = min(g.level, 3) })
	case n == 32:
		return around("srcu_read_lock C", "srcu_read_unlock C", func() {})
	case n == 33:
		return single("synchronize_srcu C")
	case n == 34:
		return single(g.one("wake_up", "printk", "printk wake", "might_wake", "raise_softirq", "expedite", "synchronize_rcu", "rcu_dereference"))
	case n == 35 && g.may(4):
		return single(g.one("might_fault", "might_alloc", "might_lock M", "dma_fence_wait", "alloc_workqueue A"))
	case n == 36:
		return around(g.one("fs_reclaim {", "dma_fence {", "cpuhp_thread up {", "cpuhp_thread down {"), "}", func() {})
	case n == 37 && g.may(4):
		return single(g.one("cpuhp_wait up", "cpuhp_wait down", "cpus_read_lock; cpus_read_unlock", "cpus_write_lock; cpus_write_unlock", "wait_for_completion E", "complete E"))
	case n == 38 && !g.calm:
		return single(g.one("free M", "free TM", "free H", "unlock S", "unlock R", "downgrade X", "pin M", "unpin M", "exit", "user", "set_class M Other", "trylock Y"))
	case n == 39 && len(g.held) == 0 && g.ctx == "" && !g.leaks:
		return single("unregister " + g.one("S", "M", "R", "P", "W", "G"))
	}
	return nil
}

// may says whether a wait of the level is legal here; a wild generator does not care.
func (g *generator) may(level int) bool { return !g.calm || level <= g.level }

// locking takes a lock, does something, and drops it; now and then in another order, or not at all.
func (g *generator) locking(depth int) []*piece {
	l, level := g.one("W", "V"), 2
	if g.may(3) && !g.in(4) {
		l, level = g.one("S", "T", "U", "P", "Q", "Z", "L", "S", "T", "P", "Q"), 3
	}
	if g.may(4) && g.in(2) {
		l, level = g.one("M", "N", "D1", "D2", "F", "I", "R", "X", "Y", "O1", "O2", "K", "G", "R", "X"), 4
	}
	if g.calm && slices.Contains(g.held, l) || !g.may(level) {
		return nil
	}
	was := g.level
	g.level = min(g.level, level)
	defer func() { g.level = was }()
	word, after := "lock", "unlock"
	reader := strings.Contains("PQRX", l)
	if reader && g.in(2) {
		word = "read"
	}
	options := ""
	switch {
	case g.in(8):
		word = map[string]string{"lock": "trylock", "read": "tryread"}[word]
	case g.in(10) && len(l) == 1 && strings.Contains("STUPQ", l) && g.irqs:
		word, after = word+"_irq", "unlock_irq"
	case g.in(6) && strings.Contains("STUWVPQ", l):
		word, after = word+"_irqsave", "unlock_irqrestore"
	case g.in(10) && strings.Contains("STUPQ", l):
		word, after = word+"_bh", "unlock_bh"
	}
	if g.in(8) {
		options += " sub=1"
	}
	if (l == "O1" || l == "O2") && slices.Contains(g.held, "K") {
		options += " nest=K"
	} else if g.in(20) && len(g.held) > 0 && !g.calm {
		options += " nest=" + g.one(g.held...)
	} else if !g.calm && g.in(60) {
		options += " nest=N"
	}
	irqs, bh := g.irqs, g.bh
	if strings.Contains(word, "_irq") {
		g.irqs = false
	}
	if strings.HasSuffix(word, "_bh") {
		g.bh = false
	}
	g.held = append(g.held, l)
	p := &piece{before: word + " " + l + options, body: g.some(depth)}
	if word == "lock" && reader && strings.Contains("RX", l) && g.in(6) {
		p.body = append(p.body, &piece{before: "downgrade " + l})
	}
	if word == "lock" && len(l) == 1 && g.in(25) {
		p.body = append(p.body, &piece{before: "set_class " + l + " " + g.one("Other", "Another sub=1")})
	}
	if g.in(25) {
		p.body = append(p.body, &piece{before: "pin " + l}, &piece{before: "unpin " + l})
	}
	if i := slices.Index(g.held, l); i >= 0 {
		g.held = slices.Delete(g.held, i, i+1)
	}
	g.irqs, g.bh = irqs, bh
	p.after = after + " " + l
	switch {
	case after == "unlock" && !g.calm && g.in(10):
		p.after, g.leaks = "", true
	case after == "unlock" && g.in(8):
		// Another lock, dropped after this one.
		m := g.one("S", "T", "W")
		if m != l && (m == "W" || g.may(3)) && !slices.Contains(g.held, m) {
			p.body = append(p.body, &piece{before: "lock " + m})
			return []*piece{p, {before: "unlock " + m}}
		}
	}
	return []*piece{p}
}

// reduce leaves pieces out, or their frame, as long as the rest still fails.
func (g *generator) reduce(fails func() bool) {
	for changed := true; changed; {
		changed = false
		try := func(list *[]*piece, i int, with []*piece) bool {
			was := *list
			*list = slices.Concat(was[:i], with, was[i+1:])
			if fails() {
				changed = true
				return true
			}
			*list = was
			return false
		}
		var visit func(list *[]*piece, top bool)
		visit = func(list *[]*piece, top bool) {
			for i := 0; i < len(*list); {
				p := (*list)[i]
				if try(list, i, nil) || !top && len(p.body) > 0 && try(list, i, p.body) {
					continue
				}
				visit(&p.body, false)
				i++
			}
		}
		visit(&g.tasks, true)
	}
}
