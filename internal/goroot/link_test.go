package goroot

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const namesTable = `lockdep-names 1
p example.com/hello
f a.go
7 L example.com/hello.mu "quoted" back\slash 'a|b'
p main example.com/other
f main.go
1 L example.com/other.mu
p example.com/none%2ev1
1 L none
p sync
f map.go
2 L sync.m
`

// wantNames is what concerns the test binary of example.com/hello.
const wantNames = `lockdep-names 1
p example.com/hello
f a.go
7 L example.com/hello.mu "quoted" back\slash 'a|b'
p sync
f map.go
2 L sync.m
`

// namesOf returns the table that a test binary finds linked in.
func namesOf(t *testing.T, root *Root, dir string, env ...string) string {
	t.Helper()
	out := mustRun(t, root, dir, env, root.GoCmd, "test", "-v", "-run=Quiet", ".")
	_, rest, ok := strings.Cut(out, "names {")
	names, _, ok2 := strings.Cut(rest, "}\n")
	if !ok || !ok2 {
		t.Fatalf("no names in\n%s", out)
	}
	return names
}

func TestNames(t *testing.T) {
	root := sharedRoot(t)
	dir := module(t, testedPackage)
	file := filepath.Join(t.TempDir(), "names")
	env := "LOCKDEPNAMES=" + file
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := namesOf(t, root, dir); got != "" {
		t.Errorf("without a table: names are %q", got)
	}
	if got := namesOf(t, root, dir, env); got != "" {
		t.Errorf("with a file that is not there: names are %q", got)
	}
	write(namesTable)
	if got := namesOf(t, root, dir, env); got != wantNames {
		t.Errorf("names are\n%s\nwant\n%s", got, wantNames)
	}

	// A changed table is linked in, also one that needs a response file.
	var big strings.Builder
	big.WriteString("lockdep-names 1\np example.com/hello\nf a.go\n")
	for i := range 10000 {
		fmt.Fprintf(&big, "%d L example.com/hello.T.field%d \\n \"x\"\n", i+1, i)
	}
	write(big.String())
	sum := fnv.New32a()
	io.WriteString(sum, big.String())
	want := fmt.Sprintf("%d bytes, sum %d", big.Len(), sum.Sum32())
	if got := namesOf(t, root, dir, env); got != want {
		t.Errorf("names are %s, want %s", got, want)
	}
}

func TestLinkerVersion(t *testing.T) {
	root := sharedRoot(t)
	tc := localToolchain(t)
	link := filepath.Join(root.Path, tc.toolDir(), "link"+tc.exe())
	dir := t.TempDir()
	file := filepath.Join(dir, "names")
	version := func(env ...string) string {
		return strings.TrimSpace(mustRun(t, root, dir, env, link, "-V=full"))
	}
	none := version("LOCKDEPNAMES=")
	if !strings.HasPrefix(none, "link version "+tc.version) || !strings.HasSuffix(none, " lockdep-names-none") {
		t.Errorf("version without a table is %q", none)
	}
	if err := os.WriteFile(file, []byte(namesTable), 0o666); err != nil {
		t.Fatal(err)
	}
	with := version("LOCKDEPNAMES=" + file)
	if with == none || len(strings.Fields(with)) != len(strings.Fields(none)) {
		t.Errorf("version with a table is %q", with)
	}
}
