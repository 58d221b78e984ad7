package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
)

// traceText is a trace in which tasks take two static locks each, "a b" or
// "b a", one after the other.
func traceText(orders ...string) string {
	var b strings.Builder
	addr := map[string]string{"a": "ffffffff81000010", "b": "ffffffff81000020", "c": "ffffffff81000030"}
	n := 0
	line := func(pid int, event, lock string) {
		n++
		fmt.Fprintf(&b, "           task-%d       [000] .....     1.%06d: %s: %s lock_%s\n", pid, n, event, addr[lock], lock)
	}
	line(1, "lock_release", "c") // lock_release is on
	for i, o := range orders {
		locks := strings.Fields(o)
		for _, l := range locks {
			line(10+i, "lock_acquire", l)
			line(10+i, "lock_acquired", l)
		}
		for j := len(locks) - 1; j >= 0; j-- {
			line(10+i, "lock_release", locks[j])
		}
	}
	return b.String()
}

// traceOut runs a command and returns its output, what it complains, and its
// error.
func traceOut(c *cobra.Command, args ...string) (string, string, error) {
	var out, errOut bytes.Buffer
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(goStyle(append([]string{c.Name()}, args...))[1:])
	c.SetOut(&out)
	c.SetErr(&errOut)
	err := c.Execute()
	return out.String(), errOut.String(), err
}

func writeTemp(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func wantStatus(t *testing.T, err error, want status) {
	t.Helper()
	var s status
	switch {
	case want == 0 && err == nil:
	case !errors.As(err, &s) || s != want:
		t.Errorf("error %v, want exit status %d", err, want)
	}
}

func TestTrace(t *testing.T) {
	abba, abab := writeTemp(t, "abba", traceText("a b", "b a")), writeTemp(t, "abab", traceText("a b", "a b"))
	// In place of the findings, and yet not without the one that fails the run.
	_, said, err := traceOut(traceCommand(), "-stats=lockdep_stats", abba)
	wantStatus(t, err, exitFinding)
	if !strings.Contains(said, "WARNING: possible circular locking dependency detected") {
		t.Errorf("exit status 66 and no report:\n%s", said)
	}
	out, complaints, err := traceOut(traceCommand(), abba)
	wantStatus(t, err, exitFinding)
	for _, want := range []string{"WARNING: possible circular locking dependency detected", "-> #1 (lock_b)", "-> #0 (lock_a)", "task/11 is trying", "level: likely"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if complaints != "" {
		t.Error(complaints)
	}
	out, _, err = traceOut(traceCommand(), abab)
	wantStatus(t, err, 0)
	if out != "" {
		t.Errorf("the twin is not silent:\n%s", out)
	}
	// Two halves in two files are one graph.
	out, _, err = traceOut(traceCommand(), writeTemp(t, "ab", traceText("a b")), writeTemp(t, "ba", traceText("b a")))
	wantStatus(t, err, exitFinding)
	if !strings.Contains(out, "1.000004 ab") || !strings.Contains(out, " ba\n") {
		t.Errorf("the files are not named:\n%s", out)
	}
	var sequential string
	for _, j := range []string{"1", "2", "4"} {
		out, _, _ := traceOut(traceCommand(), "-j", j, "-json", abba)
		if sequential == "" {
			sequential = out
		}
		if out != sequential {
			t.Errorf("-j %s gives another result", j)
		}
	}
	var f struct {
		Level, Kind, Key string
		Why              []string
		Cycle            []struct{ Held, Wanted string }
	}
	if err := json.Unmarshal([]byte(sequential), &f); err != nil {
		t.Fatal(err)
	}
	if f.Level != "likely" || f.Kind != "circular" || f.Why == nil || len(f.Cycle) != 2 || f.Cycle[0].Held != "lock_a" || f.Key == "" {
		t.Errorf("got %+v", f)
	}
}

func TestTraceGraph(t *testing.T) {
	abba, ab := writeTemp(t, "abba", traceText("a b", "b a")), writeTemp(t, "ab", traceText("a b"))
	file := filepath.Join(t.TempDir(), "x.ldg")
	_, _, err := traceOut(traceCommand(), "-graph", file, abba)
	wantStatus(t, err, exitFinding)
	g, err := lockgraph.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range lockgraph.Dependencies(lockgraph.Union(g).Judge()) {
		got = append(got, e.From+" "+e.To)
	}
	if strings.Join(got, ",") != "lock_a lock_b,lock_b lock_a" {
		t.Errorf("dependencies %q", got)
	}
	const want = "+ lock_b -> lock_a    "
	for _, pair := range [][2]string{{ab, abba}, {ab, file}} {
		out, _, err := traceOut(traceDiffCommand(), pair[0], pair[1])
		if err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("new are:\n%s", out)
		}
	}
	// A trace has nothing that its own graph has not, and the other way round.
	three := writeTemp(t, "three", traceText("a b c"))
	if _, _, err := traceOut(traceCommand(), "-graph", file, three); err != nil {
		t.Error(err)
	}
	for _, pair := range [][2]string{{three, file}, {file, three}, {three, three}} {
		if out, _, err := traceOut(traceDiffCommand(), pair[0], pair[1]); err != nil || out != "" {
			t.Errorf("%q: %v, new are:\n%s", pair, err, out)
		}
	}
	out, _, err := traceOut(traceDiffCommand(), "-json", ab, writeTemp(t, "abc", traceText("a b", "a c")))
	if err != nil || out != `{"class":"lock_c"}`+"\n"+`{"held":"lock_a","wanted":"lock_c","at":"task/11 [000] 1.000010 abc"}`+"\n" {
		t.Errorf("%v, new are:\n%s", err, out)
	}
}

func TestTraceStats(t *testing.T) {
	abba := writeTemp(t, "abba", traceText("a b", "a b"))
	for kind, want := range map[string]string{
		"lockdep":        "all lock classes:\nffffffff81000010 OPS:       2 FD:    2 BD:    1 +.+.: lock_a\n -> [ffffffff81000020] lock_b\n\nffffffff81000020 OPS:       2 FD:    1 BD:    2 +.+.: lock_b\n\n",
		"lockdep_chains": "all lock chains:\nirq_context: 0\n[ffffffff81000010] lock_a\n\nirq_context: 0\n[ffffffff81000010] lock_a\n[ffffffff81000020] lock_b\n\n",
		"lockdep_stats":  " lock-classes:                            2 [max: 8192]\n direct dependencies:                     2\n",
		"lock_stat":      "lock_stat version 0.4\n",
	} {
		out, _, err := traceOut(traceCommand(), "-stats", kind, abba)
		if err != nil || !strings.HasPrefix(out, want) {
			t.Errorf("%s: %v\n%swant:\n%s", kind, err, out, want)
		}
	}
	out, _, err := traceOut(traceCommand(), "-stats", "lock_stat", abba)
	row := "                                  lock_b:             0              0           0.00           0.00           0.00           0.00              0              2           1.00           1.00           2.00           1.00\n"
	if err != nil || !strings.Contains(out, row) {
		t.Errorf("%v, no row\n%sin\n%s", err, row, out)
	}
	out, _, _ = traceOut(traceCommand(), "-stats", "lockdep,lock_stat", abba)
	if !strings.HasPrefix(out, "==> /proc/lockdep <==\n") || !strings.Contains(out, "\n==> /proc/lock_stat <==\n") {
		t.Error(out)
	}
}

func TestTraceBadInput(t *testing.T) {
	good, empty := traceText("a b", "b a"), writeTemp(t, "empty", "")
	_, complaints, err := traceOut(traceCommand(), empty, filepath.Join(t.TempDir(), "none"))
	wantStatus(t, err, 1)
	if strings.Count(complaints, "\n") != 2 || !strings.Contains(complaints, "none") {
		t.Error(complaints)
	}
	// Damage is named and passed over, also a file that cannot be read at all.
	damaged := writeTemp(t, "damaged", strings.Replace(good, "\n", "\n\x00\xff garbage: in between\n", 1)+"cut off he")
	out, complaints, err := traceOut(traceCommand(), empty, damaged)
	wantStatus(t, err, exitFinding)
	if !strings.Contains(out, "lock_a") || !strings.Contains(complaints, "damaged:2") {
		t.Errorf("%s\n%s", complaints, out)
	}
	_, complaints, err = traceOut(traceCommand(), writeTemp(t, "half", "           task-1       [000] .....     1.000001: lock_acquire: ffffffff81000010 a\n"))
	wantStatus(t, err, 0)
	if !strings.Contains(complaints, "no lock_release events") {
		t.Error(complaints)
	}
	for _, args := range [][]string{{}, {"-level", "proved", empty}, {"-stats", "x", empty}, {"-j", "0", empty}, {"-json", "-stats", "lockdep", empty}} {
		var s status
		if _, _, err := traceOut(traceCommand(), args...); err == nil || errors.As(err, &s) {
			t.Errorf("%q: error %v, want a usage error", args, err)
		}
	}
	for _, pair := range [][2]string{{empty, empty}, {filepath.Join(t.TempDir(), "none"), damaged}, {damaged, t.TempDir()}, {writeTemp(t, "bad.ldg", "ldgraph\x01\xff\xff"), damaged}} {
		_, complaints, err := traceOut(traceDiffCommand(), pair[0], pair[1])
		var s status
		switch {
		case strings.HasSuffix(pair[0], "bad.ldg"): // a graph that is cut is used as far as it goes
			wantStatus(t, err, 0)
		case !errors.As(err, &s) || s != 1 || complaints == "":
			t.Errorf("%q: error %v, complaints %q", pair, err, complaints)
		}
	}
	// A graph of another version of the format is a graph.
	for version, want := range map[byte]string{1: "", engine.FormatVersion: "", engine.FormatVersion + 1: "is newer than", 0: "does not exist"} {
		word := engine.Magic[:len(engine.Magic)-1]
		_, complaints, err := traceOut(traceDiffCommand(), writeTemp(t, "old.ldg", word+string(rune(version))), damaged)
		if (err == nil) != (want == "") || !strings.Contains(complaints, want) {
			t.Errorf("format %d: error %v, complaints %q, want %q", version, err, complaints, want)
		}
	}
}
