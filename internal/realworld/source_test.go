package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A module zip lacks the neighbours by which its go.mod replaces modules; what
// it holds itself, and what is replaced by a module, stays.
func TestDropSiblings(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "inner"), 0o777); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.24\n\nrequire example.org/inner v0.0.0\n\nreplace (\n\texample.org/gone => ../gone\n" +
			"\texample.org/inner => ./inner\n\texample.org/other => example.org/fork v1.0.0\n)\n",
		"m.go":           "package m\n\nimport _ \"example.org/inner\"\n",
		"inner/go.mod":   "module example.org/inner\n",
		"inner/inner.go": "package inner\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := dropSiblings(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod := string(b)
	if strings.Contains(mod, "gone") || !strings.Contains(mod, "./inner") || !strings.Contains(mod, "example.org/fork") {
		t.Errorf("go.mod is now\n%s", mod)
	}
}
