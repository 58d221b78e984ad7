package splat

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dataDir is a folder of real input, which is not part of the repository.
func dataDir(t testing.TB, env, name string) string {
	t.Helper()
	dir := os.Getenv(env)
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", name)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no %s; set %s to a folder of its layout", dir, env)
	}
	return dir
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	if strings.HasSuffix(name, ".zst") {
		out, err := exec.Command("zstd", "-dc", name).Output()
		if err != nil {
			t.Skipf("zstd: %v", err)
		}
		return out
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, text []byte) []*Report {
	t.Helper()
	rs, err := Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func kernel(t testing.TB, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Kernel(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkRoundTrip prints r and reads it again.
func checkRoundTrip(t *testing.T, r *Report) {
	t.Helper()
	text := kernel(t, r)
	again := parse(t, []byte(text))
	if len(again) != 1 {
		t.Errorf("line %d: %d reports in what was printed of %s:\n%s", r.Origin.Line, len(again), r.Kind, text)
		return
	}
	a, b := *r, *again[0]
	a.Origin, b.Origin = Origin{}, Origin{}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("line %d: %s: -read +read again:\n%s\n%s", r.Origin.Line, r.Kind, diff, text)
	}
}

var stamp = regexp.MustCompile(`^\[ *\d+\.\d+\] ?`)

// checkText compares what is printed of r with the lines of the console that
// it was read from: equal, and nothing of the report after them.
func checkText(t *testing.T, lines []string, r *Report) {
	t.Helper()
	start := r.Origin.Line - 1
	for start > 0 && !strings.HasPrefix(lines[start], "====") && bannered(r.Kind) {
		start--
	}
	printed := strings.Split(strings.TrimSuffix(kernel(t, r), "\n"), "\n")
	end := min(start+len(printed), len(lines))
	if diff := cmp.Diff(lines[start:end], printed); diff != "" {
		t.Errorf("line %d: %s: -console +printed:\n%s", r.Origin.Line, r.Kind, diff)
	}
	for _, l := range lines[end:min(end+3, len(lines))] {
		if s := strings.TrimSpace(l); isFrame(s) || s == "</TASK>" || strings.HasPrefix(s, "stack backtrace") {
			t.Errorf("line %d: %s: %q was left out", r.Origin.Line, r.Kind, l)
		}
	}
}

func consoleLines(text []byte) []string {
	lines := strings.Split(strings.ReplaceAll(string(text), "\r", ""), "\n")
	for i := range lines {
		lines[i] = stamp.ReplaceAllString(lines[i], "")
	}
	return lines
}

// TestOracleSelftest reads the console of a boot whose kernel printed the
// report of every locking self-test.
func TestOracleSelftest(t *testing.T) {
	dir := dataDir(t, "LOCKDEP_ORACLE", "oracle")
	text := readFile(t, filepath.Join(dir, "selftest", "verbose-console.txt.zst"))
	lines := consoleLines(text)
	reports := parse(t, text)
	f, err := os.Open(filepath.Join(dir, "selftest", "selftests.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tsv := csv.NewReader(f)
	tsv.Comma = '\t'
	tsv.LazyQuotes = true
	var want []string
	for {
		rec, err := tsv.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h := rec[len(rec)-1]; h != "-" && h != "report" && !strings.HasPrefix(h, "(") {
			want = append(want, strings.Trim(h, "[ ]"))
		}
	}
	var got []string
	for _, r := range reports {
		got = append(got, strings.Trim(r.titleLine(), "[ ]"))
		checkText(t, lines, r)
		checkRoundTrip(t, r)
		if c := r.Cut(); len(c) > 0 {
			t.Errorf("line %d: %s: cut: %q", r.Origin.Line, r.Kind, c)
		}
		if r.Task != (Task{"swapper/0", 0}) || !strings.HasPrefix(r.Release(), "6.12.") {
			t.Errorf("line %d: task %v, kernel %q", r.Origin.Line, r.Task, r.Release())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 200 {
		t.Errorf("%d reports, want %d: -want +got:\n%s", len(got), len(want), diff)
	}
}

// TestOracleModules reads the reports of real modules.
func TestOracleModules(t *testing.T) {
	dir := dataDir(t, "LOCKDEP_ORACLE", "oracle")
	text, err := os.ReadFile(filepath.Join(dir, "modules.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(string(text)) {
		col := strings.Split(row, "\t")
		name := filepath.Join(dir, "modules", col[0]+".fix"+col[1], "dmesg.txt")
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		t.Run(col[0]+".fix"+col[1], func(t *testing.T) {
			var want, got []string
			for h := range strings.SplitSeq(col[2], "; ") {
				if h != "no report" && !strings.HasPrefix(h, "BUG: sleeping") {
					want = append(want, h)
				}
			}
			for _, r := range parse(t, b) {
				got = append(got, strings.Trim(r.titleLine(), "[ ]"))
				checkText(t, consoleLines(b), r)
				checkRoundTrip(t, r)
				if c := r.Cut(); len(c) > 0 {
					t.Errorf("cut: %q", c)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
