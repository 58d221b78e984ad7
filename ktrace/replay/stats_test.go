package replay

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var (
	keyRE    = regexp.MustCompile(`^( -> )?(\[?)[0-9a-f]{16}`)
	classRE  = regexp.MustCompile(`( [-.+?]{4}: |KEY\] ).*`)
	rowRE    = regexp.MustCompile(`^ *\S.{0,500}?:( +[0-9])`)
	columnRE = regexp.MustCompile(` +[0-9]+(\.[0-9]+)?`)
)

// shape is a line with its digits and names taken out, and its columns left.
func shape(line string) string {
	line = keyRE.ReplaceAllString(line, "$1${2}KEY")
	line = classRE.ReplaceAllStringFunc(line, func(s string) string { return s[:5] })
	line = rowRE.ReplaceAllString(line, "NAME:$1")
	if !strings.HasPrefix(line, "irq_context") {
		// A number stands at the right of its column.
		line = columnRE.ReplaceAllStringFunc(line, func(s string) string { return strings.Repeat("#", len(s)) })
	}
	for _, c := range "-+?" { // usage letters; rulers have no place for them either
		line = strings.ReplaceAll(line, string(c), ".")
	}
	return line
}

func shapes(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		out[shape(line)] = line
	}
	return out
}

// TestLayouts: what is written has no line of a shape that the kernel's files
// have not.
func TestLayouts(t *testing.T) {
	dir := filepath.Join(oracle(t), "modules", "m01_abba_mutex.fix1")
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	_, res := replayFile(t, Options{LockStat: true}, filepath.Join(dir, "trace.txt.zst"))
	for name, write := range map[string]func(io.Writer) error{
		"lockdep.zst": res.WriteLockdep, "lockdep_chains.zst": res.WriteChains, "lock_stat.zst": res.WriteLockStat,
	} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := io.ReadAll(z)
		z.Close()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		var ours bytes.Buffer
		if err := write(&ours); err != nil {
			t.Fatal(err)
		}
		known := shapes(string(theirs))
		got := shapes(ours.String())
		if len(got) < 3 {
			t.Errorf("%s: only %d kinds of lines", name, len(got))
		}
		for s, line := range got {
			if _, ok := known[s]; !ok {
				t.Errorf("%s: the kernel has no line like\n%s\nof the shape %q", name, line, s)
			}
		}
	}
}

// TestStatsNames: the counts that the kernel has, too, stand in its layout.
func TestStatsNames(t *testing.T) {
	dir := filepath.Join(oracle(t), "modules", "m01_abba_mutex.fix1")
	theirs, err := os.ReadFile(filepath.Join(dir, "lockdep_stats"))
	if err != nil {
		t.Skip(err)
	}
	_, res := replayFile(t, Options{}, filepath.Join(dir, "trace.txt.zst"))
	var b bytes.Buffer
	if err := res.WriteStats(&b); err != nil {
		t.Fatal(err)
	}
	ours, _, _ := strings.Cut(b.String(), "\n\n")
	kernel := map[string]int{} // width of the line up to the count's end
	end := func(line string) int {
		line, _, _ = strings.Cut(line, " [max")
		return len(line)
	}
	for line := range strings.Lines(string(theirs)) {
		name, _, _ := strings.Cut(line, ":")
		kernel[name] = end(strings.TrimRight(line, "\n"))
	}
	for line := range strings.Lines(ours) {
		name, _, _ := strings.Cut(line, ":")
		if w, ok := kernel[name]; !ok || w != end(strings.TrimRight(line, "\n")) {
			t.Errorf("the kernel has no line of this layout: %q", line)
		}
	}
}
