package names

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestFrames runs programs that write down the frames of callers of a wrapper's
// Lock as the runtime shows them, and finds every one of them in the table.
func TestFrames(t *testing.T) {
	dir := filepath.Join("testdata", "frames")
	for _, test := range []struct {
		name  string
		flags []string
		args  []string
		sites int // the fewest that must have been seen
	}{
		{"run", nil, []string{"run", "./cmd"}, 18},
		{"run/noinline", []string{"-gcflags=all=-l"}, []string{"run", "./cmd"}, 18},
		{"run/nooptimize", []string{"-gcflags=-N -l"}, []string{"run", "./cmd"}, 18},
		{"run/trimpath", []string{"-trimpath"}, []string{"run", "./cmd"}, 18},
		{"test", nil, []string{"test", "-count=1", "./..."}, 22},
		{"test/cover", []string{"-cover"}, []string{"test", "-count=1", "./..."}, 22},
	} {
		t.Run(test.name, func(t *testing.T) {
			var buildFlags []string
			if test.name != "test/cover" {
				buildFlags = test.flags // -cover is none of go list's
			}
			o := Options{Dir: dir, Env: env(), BuildFlags: buildFlags, Tests: test.args[0] == "test"}
			blob, _ := build(t, o)
			table := lines(blob)

			log := filepath.Join(t.TempDir(), "frames")
			args := append([]string{test.args[0]}, append(test.flags, test.args[1:]...)...)
			cmd := exec.Command("go", args...)
			cmd.Dir, cmd.Env = dir, env("FRAMES="+log)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
			}
			data, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			seen := make(map[string]bool)
			for call := range strings.Lines(string(data)) {
				f := strings.Fields(call)
				at := fmt.Sprintf("%s %s:%s", functionPackage(f[0]), path.Base(filepath.ToSlash(f[1])), f[2])
				if got := table[at+" L"]; got != f[3] {
					t.Errorf("%s at %s: table has %q, want %q", f[0], at, got, f[3])
				}
				seen[at] = true
			}
			if len(seen) < test.sites {
				t.Errorf("saw %d sites, want %d", len(seen), test.sites)
			}
		})
	}
}

// functionPackage is what stands before the first dot after the last slash.
func functionPackage(function string) string {
	function, _, _ = strings.Cut(function, "[")
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	return function[:slash+dot]
}

// lines returns the classes of a table by "package file:line kind".
func lines(blob string) map[string]string {
	m := make(map[string]string)
	var pkg, file string
	for line := range strings.Lines(blob) {
		switch f := strings.Fields(line); f[0] {
		case "p":
			pkg = f[1]
		case "f":
			file = f[1]
		default:
			if len(f) >= 3 {
				m[fmt.Sprintf("%s %s:%s %s", pkg, file, f[0], f[1])] = f[2]
			}
		}
	}
	return m
}

func TestSymbolPath(t *testing.T) {
	for path, want := range map[string]string{
		"gopkg.in/yaml.v3":    "gopkg.in/yaml%2ev3",
		"example.com":         "example%2ecom",
		"sync":                "sync",
		"a.b/c":               "a.b/c",
		"example.com/é":       "example.com/%c3%a9",
		"gopkg.in/x.v1_test":  "gopkg.in/x%2ev1_test",
		"example.com/a b%\"c": "example.com/a%20b%25%22c",
	} {
		if got := symbolPath(path); got != want {
			t.Errorf("symbolPath(%q) = %q, want %q", path, got, want)
		}
	}
}
