package names

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLiterals runs a program in which each function literal tells its symbol, and
// the lock that it takes. The table has the same lock, or none, for the literal; never
// that of the literal beside it.
func TestLiterals(t *testing.T) {
	dir := filepath.Join("testdata", "literals")
	blob, _ := build(t, Options{Dir: dir, Env: env()})
	table := make(map[string]string) // class by line and function
	for line := range strings.Lines(blob[strings.Index(blob, "\np main example.com/literals\n"):]) {
		if f := strings.Fields(line); len(f) >= 3 && f[1] == "L" {
			in, _ := strings.CutPrefix(f[len(f)-1], flagIn)
			if _, seen := table[f[0]+" "+in]; !seen {
				table[f[0]+" "+in] = strings.TrimPrefix(f[2], "example.com/literals.")
			}
		}
	}
	for _, test := range []struct {
		name  string
		flags []string
	}{
		{"optimized", nil},
		{"noinline", []string{"-gcflags=-l"}},
		{"nooptimize", []string{"-gcflags=-N -l"}},
		{"cover", []string{"-cover"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command("go", append(append([]string{"run"}, test.flags...), ".")...)
			cmd.Dir, cmd.Env = dir, env("GOCOVERDIR="+t.TempDir())
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			named := 0
			for line := range strings.Lines(string(out)) {
				f := strings.Fields(line)
				fn := strings.TrimPrefix(f[0], "main.")
				switch got := table[f[1]+" "+fn]; got {
				case f[2]:
					named++
				case "":
				default:
					t.Errorf("%s at line %s takes %s; the table has %s", f[0], f[1], f[2], got)
				}
			}
			if named < 45 {
				t.Errorf("%d literals have a name, want 45 or more", named)
			}
		})
	}
}
