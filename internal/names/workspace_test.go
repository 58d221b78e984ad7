package names

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWorkspace names the locks of two modules of a workspace, in files chosen
// by a build tag.
func TestWorkspace(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.work":  "go 1.26\n\nuse (\n\t./a\n\t./b\n)\n",
		"a/go.mod": "module example.com/a\n\ngo 1.26\n",
		"a/a.go":   "package a\n\nimport \"sync\"\n\ntype T struct{ Mu sync.Mutex }\n",
		"b/go.mod": "module example.com/b\n\ngo 1.26\n",
		"b/b.go":   "package b\n",
		"b/tag.go": "//go:build tagged\n\npackage b\n\nimport \"example.com/a\"\n\nfunc f(t *a.T) { t.Mu.Lock() }\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const want = "p example.com/b\nf tag.go\n7 L example.com/a.T.Mu\n"
	o := Options{Dir: dir, Env: env("GOWORK="), Patterns: []string{"./a", "./b"}}
	if blob, _ := build(t, o); strings.Contains(blob, want) {
		t.Error("a file that is not built is in the table")
	}
	o.BuildFlags = []string{"-tags=tagged"}
	if blob, _ := build(t, o); !strings.Contains(blob, want) {
		t.Errorf("no %q in\n%s", want, blob)
	}
}
