package names

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// env keeps the tests' modules apart from the settings of who runs them.
func env(more ...string) []string {
	return append(append(os.Environ(), "GOWORK=off", "GOFLAGS="), more...)
}

func build(t *testing.T, o Options) (string, Stats) {
	t.Helper()
	if o.Env == nil {
		o.Env = env()
	}
	if o.Patterns == nil {
		o.Patterns = []string{"./..."}
	}
	blob, stats, err := Table(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return string(blob), stats
}

// TestGolden compares the tables of the modules in testdata, less the standard
// library, each line with its source beside it.
func TestGolden(t *testing.T) {
	for _, module := range []string{"classes", "annotated", "vendored", "cgo", "broken"} {
		t.Run(module, func(t *testing.T) {
			if module == "cgo" {
				if _, err := exec.LookPath("cc"); err != nil {
					t.Skip("no C compiler")
				}
			}
			dir := filepath.Join("testdata", module)
			blob, _ := build(t, Options{Dir: dir, Tests: true, Env: env("CGO_ENABLED=1")})
			got := annotated(t, dir, blob)
			golden := dir + ".golden"
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("table differs from %s (-rewrite to refresh); got:\n%s", golden, got)
			}
		})
	}
}

// annotated returns the sections of blob which are of the module in dir and its
// vendor directory, with the lines of source.
func annotated(t *testing.T, dir, blob string) string {
	var b strings.Builder
	var src []string
	keep, pkg := false, ""
	for line := range strings.Lines(blob) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "p":
			pkg = strings.TrimPrefix(rest, "main ")
			keep = strings.HasPrefix(pkg, "example.com/")
		case "f":
			src = nil
			path := strings.ReplaceAll(strings.TrimSuffix(pkg, "_test"), "%2e", ".")
			rel := strings.TrimPrefix(path, "example.com/"+filepath.Base(dir))
			for _, try := range []string{filepath.Join(dir, rel, rest), filepath.Join(dir, "vendor", path, rest)} {
				if data, err := os.ReadFile(try); err == nil {
					src = strings.Split(string(data), "\n")
				}
			}
		default:
			if n, err := strconv.Atoi(word); err == nil && n <= len(src) {
				line = fmt.Sprintf("%-60s // %s", line, strings.TrimSpace(src[n-1]))
			}
		}
		if keep {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func TestStandardLibrary(t *testing.T) {
	blob, _ := build(t, Options{Patterns: []string{"sync", "net/http", "os"}})
	for _, want := range []string{
		"p net/http\n",
		" L net/http.Server.mu\n",
		" O sync.OnceFunc novalidate\n",
		" W sync.rlocker\n",
		" C net/http.http2pipe.c\n",
		" L os.Process.sigMu\n",
	} {
		if !strings.Contains(blob, want) {
			t.Errorf("no %q in the table", want)
		}
	}
	if strings.Contains(blob, "command-line") || !strings.HasPrefix(blob, "lockdep-names 1\n") {
		t.Error("the table is not well-formed")
	}
}

// TestCache checks that the cache changes nothing, that only what changed is
// looked at again, and that a damaged cache directory does no harm.
func TestCache(t *testing.T) {
	dir, cacheDir := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/c\n\ngo 1.26\n")
	write("a/a.go", "package a\n\nimport \"sync\"\n\ntype T struct{ Mu sync.Mutex }\n")
	write("b/b.go", "package b\n\nimport \"example.com/c/a\"\n\nfunc F(t *a.T) { t.Mu.Lock() }\n")
	o := Options{Dir: dir, CacheDir: cacheDir}
	cold, s1 := build(t, o)
	warm, s2 := build(t, o)
	if cold != warm {
		t.Errorf("the cache changes the table:\n%s\nand\n%s", cold, warm)
	}
	if s1.Cached != 0 || s2.Cached != s2.Packages {
		t.Errorf("cold: %+v, warm: %+v", s1, s2)
	}
	// The name of a lock of b depends on a.
	write("a/a.go", "package a\n\nimport \"sync\"\n\ntype U struct{ Mu sync.Mutex }\n\ntype T struct{ U }\n")
	blob, s3 := build(t, o)
	if !strings.Contains(blob, "5 L example.com/c/a.U.Mu\n") {
		t.Errorf("b is not looked at again when a changes:\n%s", blob)
	}
	if s3.Cached != s3.Packages-2 {
		t.Errorf("changed: %+v", s3)
	}
	write("notdir", "")
	if blob2, _ := build(t, Options{Dir: dir, CacheDir: filepath.Join(dir, "notdir")}); blob2 != blob {
		t.Error("without a cache the table is another")
	}
}

func TestListError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("modul x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, err := Table(t.Context(), Options{Dir: dir, Env: env(), Patterns: []string{"."}})
	if err == nil || !strings.Contains(err.Error(), "unknown directive: modul") {
		t.Errorf("got %v, want the go command's own error", err)
	}
}

func TestOtherModes(t *testing.T) {
	o := Options{Dir: filepath.Join("testdata", "classes"), BuildFlags: []string{"-trimpath"}}
	plain, _ := build(t, Options{Dir: o.Dir})
	if trimmed, _ := build(t, o); trimmed != plain {
		t.Error("-trimpath changes the table")
	}
	// The architecture's own sizes: a constant expression must not overflow.
	if blob, _ := build(t, Options{Dir: o.Dir, Env: env("GOARCH=386", "CGO_ENABLED=0")}); !bytes.Contains([]byte(blob), []byte("fields.T.mu")) {
		t.Error("no table for another architecture")
	}
}

func TestMutexWord(t *testing.T) {
	for name, want := range map[string]bool{
		"Mutex": true, "RWMutex": true, "mutex": true, "tmutex": true, "MutexDebug": true, "stripe_lock": true,
		"SpinLock": true, "rwLock": true, "mu": true, "Locker": true, "RWLock": true,
		"Block": false, "Clock": false, "Emulator": false, "LockManager": false, "Multiplexer": false, "Server": false,
	} {
		if got := mutexWord(name); got != want {
			t.Errorf("mutexWord(%q) = %v", name, got)
		}
	}
}
