package scenario

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// outcome is what an exploration comes to: the deadlocks and the reports.
func outcome(t *testing.T, source string, all bool) (out []string, partial bool) {
	t.Helper()
	list, err := parse("f", source, 1)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Mode: "6.12", Schedules: 1500}
	if strings.Contains(source, "mode 4.14") {
		opts.Mode = "4.14"
	}
	e := &explorer{file: "f", first: 1, list: list, opts: opts, all: all}
	x, err := e.run()
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	for _, d := range x.Deadlocks {
		slices.Sort(d.Waits)
		out = append(out, strings.Join(d.Waits, "; "))
	}
	for _, r := range x.Reports {
		out = append(out, r.Key())
	}
	slices.Sort(out)
	return slices.Compact(out), x.Partial
}

// TestReduction: leaving schedules out loses no deadlock and no report: in the examples, and in random programs.
func TestReduction(t *testing.T) {
	text, err := os.ReadFile("../scenarios/explore.txt")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, p := range split(string(text)) {
		if !strings.Contains(p.source, "three") { // too many schedules without the reduction
			sources = append(sources, p.source)
		}
	}
	examples := len(sources)
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 120 {
		sources = append(sources, randomExplore(rnd))
	}
	compared, deadlocks := 0, 0
	for _, source := range sources {
		all, partial := outcome(t, source, true)
		if partial {
			continue
		}
		compared++
		reduced, _ := outcome(t, source, false)
		if !slices.Equal(all, reduced) {
			t.Fatalf("reduced\n%q\nall\n%q\n%s", reduced, all, source)
		}
		if slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, "waits for") }) {
			deadlocks++
		}
	}
	if examples < 8 || compared < 60 || deadlocks < 15 {
		t.Errorf("%d examples, %d compared, %d deadlocks: too few to mean anything", examples, compared, deadlocks)
	}
}

// randomExplore is a program of two tasks, at times with a work, a completion or an interrupt.
func randomExplore(rnd *rand.Rand) string {
	var b strings.Builder
	b.WriteString("mode 4.14\nspin A B\nrwsem R\ncompletion C\nworkqueue Q\nfunc fn { lock A; unlock A }\nwork W Q fn\nexplore {\n")
	for _, name := range []string{"one", "two"} {
		b.WriteString("\ttask " + name + " {")
		var held []string
		for range 2 + rnd.IntN(2) {
			switch n := rnd.IntN(9); {
			case n < 4:
				l := []string{"A", "B", "R"}[rnd.IntN(3)]
				if slices.Contains(held, l) {
					continue
				}
				held = append(held, l)
				word := "lock"
				if l == "R" && rnd.IntN(2) == 0 {
					word = "read"
				} else if rnd.IntN(6) == 0 {
					word = "trylock"
				}
				b.WriteString(" " + word + " " + l + ";")
			case n == 4 && len(held) > 0:
				b.WriteString(" unlock " + held[len(held)-1] + ";")
				held = held[:len(held)-1]
			case n == 5:
				b.WriteString(" wait_for_completion C;")
			case n == 6:
				b.WriteString(" complete C;")
			case n == 7:
				b.WriteString(" queue_work W;")
			case n == 8:
				b.WriteString(" flush_work W;")
			}
		}
		for _, l := range slices.Backward(held) {
			b.WriteString(" unlock " + l + ";")
		}
		b.WriteString(" }\n")
	}
	if rnd.IntN(6) == 0 {
		b.WriteString("\tsoftirq { lock B; unlock B }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func TestExploreErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"explore { lock A }", "f:1:11: lock in explore, want task NAME { }, hardirq { } or softirq { }"},
		{"explore", "f:1:1: explore needs a body"},
		{"explore { task t { lock A } }", "f:1:25: lock: lock A is not declared"},
		{"func f { }; workqueue q; work w q f; explore { task t { queue_work w; run_work w } }", "in explore works run by themselves"},
		{"mutex A; explore { task t { lock A; irq restore } }", "no flags are saved"},
	} {
		if _, err := Run("f", c.text, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}
