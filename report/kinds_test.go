package report

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/engine"
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
		conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
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

func TestExplainKind(t *testing.T) {
	var b bytes.Buffer
	for k := engine.KindCircular; k <= engine.KindExitHeld; k++ {
		if err := ExplainKind(&b, k.String()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n\n")
	}
	checkGolden(t, "kinds.golden", b.Bytes())

	err := ExplainKind(&b, "circle")
	want := `"circle" is no kind of finding; the kinds are circular, recursive, recursive-read, same-class and exit-held`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
