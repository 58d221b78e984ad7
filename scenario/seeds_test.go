package scenario

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSeed003 compares the report of scenarios/seeds/003 with that of the commit message it is about, all of it but
// addresses (offsets among them), frames that the unwinder only guessed at, and the lines about the machine: the
// kernel's release, the CPU, the hardware and the registers. The message lost repeated empty lines.
//
// LOCKDEP_SEEDS names another folder of seeds.
func TestSeed003(t *testing.T) {
	dir := os.Getenv("LOCKDEP_SEEDS")
	if dir == "" {
		dir = "../../shared/seeds"
	}
	list, _ := filepath.Glob(filepath.Join(dir, "003_*.txt"))
	if len(list) == 0 {
		t.Skip("LOCKDEP_SEEDS: no seed 003 in " + dir)
	}
	message, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(message), "Full lockdep splat:\n\n")
	want, _, ok2 := strings.Cut(rest, "\nNote that this")
	if !ok || !ok2 {
		t.Fatal("the seed has no report")
	}
	file := "../scenarios/seeds/003-cross-release.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(file, string(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, seed := compared(results[0].Kernel()), compared(want)
	for i := range max(len(got), len(seed)) {
		if i >= len(got) || i >= len(seed) || got[i] != seed[i] {
			t.Fatalf("line %d: %q, want %q\nall:\n%s", i+1, got[min(i, len(got)-1)], seed[min(i, len(seed)-1)], strings.Join(got, "\n"))
		}
	}
	if len(seed) < 120 {
		t.Errorf("only %d lines were compared", len(seed))
	}
	for _, r := range results[1:] {
		if len(r.Reports) > 0 {
			t.Errorf("%s: want silence", r.Name)
		}
	}
}

var (
	addresses = regexp.MustCompile(`\[<[0-9a-f]+>\]|\+0x[0-9a-f]+/0x[0-9a-f]+`)
	machine   = regexp.MustCompile(`^(4\.14\.0-rc1-|CPU: |Hardware name: |R[A-Z0-9]{2}: |R[0-9]{2}: | \? )`)
)

// compared returns the lines that are compared.
func compared(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = addresses.ReplaceAllString(strings.TrimRight(line, "\n"), "")
		switch {
		case machine.MatchString(line):
		case line == "" && len(out) > 0 && out[len(out)-1] == "":
		default:
			out = append(out, line)
		}
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// TestExploredSeeds: exploration meets every deadlock that is predicted of the seeds, and refutes only what is known to
// be a false alarm: the queue that was never used, which seed 004 is about.
func TestExploredSeeds(t *testing.T) {
	known := map[string]int{"explored: a queue that was never used": 1}
	deadlocks := map[string]int{}
	for _, file := range files(t) {
		if filepath.Base(filepath.Dir(file)) != "seeds" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		results, err := Run(file, string(text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			x := r.Explored
			if x == nil {
				continue
			}
			if x.Partial || len(x.Refuted) != known[r.Name] {
				t.Errorf("%s: partial %v, %d refuted, want %d", r.Name, x.Partial, len(x.Refuted), known[r.Name])
			}
			for _, d := range x.Deadlocks {
				deadlocks[filepath.Base(file)[:3]]++
				if !d.Predicted {
					t.Errorf("%s: not predicted: %v", r.Name, d.Waits)
				}
			}
		}
	}
	for _, seed := range []string{"000", "001", "002", "003", "004"} {
		if deadlocks[seed] == 0 {
			t.Errorf("seed %s: no deadlock was met", seed)
		}
	}
}
