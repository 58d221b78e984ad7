package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/internal/bench"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestTables prints the tables of measurements kept in testdata/*.txt, made up
// so that each kind of line occurs, and compares them with the .md beside it.
func TestTables(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			status, err := run([]string{"-from=" + file}, &out, io.Discard)
			if err != nil {
				out.WriteString("error: " + err.Error() + "\n")
			}
			out.WriteString("\nexit status " + string(rune('0'+status)) + "\n")
			golden := strings.TrimSuffix(file, ".txt") + ".md"
			if *rewrite {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%s is\n%s\nwant\n%s", golden, out.Bytes(), want)
			}
		})
	}
}

// TestLimitsNameCases keeps a renamed case from losing its limit.
func TestLimitsNameCases(t *testing.T) {
	var names []string
	for _, l := range timeLimits {
		names = append(names, l.caseName)
	}
	for _, f := range flatPairs {
		names = append(names, f.small, f.large)
	}
	names = append(names, noAllocs...)
	known := map[string]bool{}
	for _, c := range bench.Cases {
		known[c.Name] = true
	}
	for _, n := range names {
		if !known[n] {
			t.Errorf("a limit is on %s, which is no case", n)
		}
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-impl=nosuch"},
		{"-impl=lockdep"},
		{"-goroot=a", "-lockdep=b"},
		{"-case=("},
		{"-case=nosuch"},
		{"-from=testdata/nosuch"},
		{"extra"},
	} {
		if status, err := run(args, io.Discard, io.Discard); status != 2 || err == nil {
			t.Errorf("%v: status %d, error %v; want 2 and an error", args, status, err)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"},
		{0.04, "0"},
		{1.234, "1.23"},
		{9.996, "10.0"},
		{-13.82, "-13.8"},
		{99.96, "100"},
		{1234, "1,234"},
		{-99382264.4, "-99,382,264"},
	} {
		if got := number(c.v); got != c.want {
			t.Errorf("number(%v) = %s, want %s", c.v, got, c.want)
		}
	}
}
