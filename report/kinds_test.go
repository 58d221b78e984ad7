package report

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs holds that every kind that the engine has a word for has a whole
// documentation value, and that its example is a program.
func TestDocs(t *testing.T) {
	n := 0
	for k := Kind(1); k.String() != "unknown"; k++ {
		n++
		d, ok := DocOf(k)
		if !ok {
			t.Errorf("no documentation of kind %s", k)
			continue
		}
		if d.Kind != k || d.Title != k.Title() || d.Short == "" || d.Text == "" || d.Repair == "" {
			t.Errorf("documentation of %s has a hole: %+v", k, d)
		}
		for _, s := range []string{d.Short, d.Text, d.Repair} {
			if !strings.HasSuffix(s, ".") || strings.TrimSpace(s) != s {
				t.Errorf("%s: %q is no sentence", k, s)
			}
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, k.String()+".go", d.Example, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		conf := types.Config{Importer: withAnnotate{fset, importer.ForCompiler(fset, "source", nil)}}
		if _, err := conf.Check("main", fset, []*ast.File{f}, nil); err != nil {
			t.Error(err)
		}
	}
	if n == 0 || n != len(Docs()) {
		t.Errorf("%d kinds, %d documentation values", n, len(Docs()))
	}
	if kindNamed("unknown") != 0 || kindNamed("") != 0 {
		t.Error("a kind where there is none")
	}
}

// withAnnotate is an importer that knows package annotate, which is a module of
// its own.
type withAnnotate struct {
	fset *token.FileSet
	std  types.Importer
}

func (w withAnnotate) Import(path string) (*types.Package, error) {
	if path != "github.com/golockdep/lockdep/annotate" {
		return w.std.Import(path)
	}
	names, err := filepath.Glob("../annotate/*.go")
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(w.fset, name, nil, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: w.std, IgnoreFuncBodies: true}
	return conf.Check(path, w.fset, files, nil)
}

func TestExplainKind(t *testing.T) {
	var b bytes.Buffer
	for _, d := range Docs() {
		if err := ExplainKind(&b, d.Kind.String()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n\n")
	}
	checkGolden(t, "kinds.golden", b.Bytes())

	err := ExplainKind(&b, "circle")
	want := `"circle" is no kind of finding; the kinds are circular, recursive, recursive-read, same-class, exit-held, assert-held, assert-not-held, stuck and wait`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
