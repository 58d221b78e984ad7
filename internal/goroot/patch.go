package goroot

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A target is one file of the original while edits for it are collected.
// All positions are those of the unedited text.
type target struct {
	path      string // below GOROOT/src, with slashes
	goVersion string
	text      []byte
	fset      *token.FileSet
	syntax    *ast.File
	edits     edits
}

// An op finds one anchor in a file and records the edit that belongs there.
// Its error is an *AnchorError without the Go version.
type op func(*target) error

// patchFile applies the ops to text, the file path of the given Go release.
func patchFile(path string, text []byte, goVersion string, ops []op) ([]byte, error) {
	t := &target{path: path, goVersion: goVersion, text: text, fset: token.NewFileSet()}
	var err error
	t.syntax, err = parser.ParseFile(t.fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, &AnchorError{File: path, GoVersion: goVersion, Reason: err.Error()}
	}
	for _, op := range ops {
		if err := op(t); err != nil {
			if a, ok := err.(*AnchorError); ok {
				a.GoVersion = goVersion
			}
			return nil, err
		}
	}
	out := t.edits.apply(text)
	if _, err := parser.ParseFile(token.NewFileSet(), path, out, parser.SkipObjectResolution); err != nil {
		return nil, &AnchorError{File: path, GoVersion: goVersion, Reason: "the edited file does not parse: " + err.Error()}
	}
	return out, nil
}

// patchAll returns the edited text of every file in the table of anchors, by
// its path below GOROOT.
func patchAll(tc *toolchain) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, a := range anchors {
		text, err := os.ReadFile(filepath.Join(tc.root, "src", filepath.FromSlash(a.path)))
		if errors.Is(err, fs.ErrNotExist) && a.path == testOfSize {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the original: %w", err)
		}
		out, err := patchFile(a.path, text, tc.version, a.ops)
		if err != nil {
			return nil, err
		}
		files["src/"+a.path] = out
	}
	return files, nil
}

func (t *target) offset(p token.Pos) int { return t.fset.Position(p).Offset }

// source returns the text of n with every run of white space as one blank.
func (t *target) source(n ast.Node) string {
	return strings.Join(strings.Fields(string(t.text[t.offset(n.Pos()):t.offset(n.End())])), " ")
}

func (t *target) missing(fn, format string, args ...any) error {
	return &AnchorError{File: t.path, Func: fn, Reason: fmt.Sprintf(format, args...)}
}

// function finds a declaration by its name as in stack traces: "tRunner" or
// "(*Mutex).Lock".
func (t *target) function(name string) (*ast.FuncDecl, error) {
	for _, d := range t.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		full := fn.Name.Name
		if fn.Recv != nil {
			recv := t.source(fn.Recv.List[0].Type)
			if strings.HasPrefix(recv, "*") {
				recv = "(" + recv + ")"
			}
			full = recv + "." + full
		}
		if full == name {
			return fn, nil
		}
	}
	return nil, t.missing(name, "function not found")
}

// expand replaces $r in a piece of Go text by the name of fn's receiver.
func expand(fn *ast.FuncDecl, text string) string {
	if fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 {
		return text
	}
	return strings.ReplaceAll(text, "$r", fn.Recv.List[0].Names[0].Name)
}

// within finds the statements and expressions of a function whose text is
// pattern. A pattern that ends in … gives only the beginning.
func (t *target) within(name, pattern string) (*ast.FuncDecl, []ast.Node, error) {
	fn, err := t.function(name)
	if err != nil {
		return nil, nil, err
	}
	want, prefix := strings.CutSuffix(expand(fn, pattern), "…")
	var found []ast.Node
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.BlockStmt:
			return true
		case ast.Stmt, ast.Expr:
		default:
			return true
		}
		text := t.source(n)
		if text == want || prefix && strings.HasPrefix(text, want) {
			found = append(found, n)
			return false // an ExprStmt and its expression have the same text
		}
		return true
	})
	if len(found) == 0 {
		return nil, nil, t.missing(name, "%q not found", strings.TrimSpace(want))
	}
	return fn, found, nil
}

func (t *target) withinOnce(name, pattern string) (*ast.FuncDecl, ast.Node, error) {
	fn, found, err := t.within(name, pattern)
	if err != nil {
		return nil, nil, err
	}
	if len(found) > 1 {
		return nil, nil, t.missing(name, "%q found %d times, expected once", strings.TrimSpace(pattern), len(found))
	}
	return fn, found[0], nil
}

// imports adds imports on the line of the package clause.
func imports(paths ...string) op {
	return func(t *target) error {
		have := map[string]bool{}
		for _, spec := range t.syntax.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err == nil && spec.Name == nil {
				have[path] = true
			}
		}
		for _, path := range paths {
			if !have[path] {
				t.edits.insert(t.offset(t.syntax.Name.End()), "; import "+strconv.Quote(path))
			}
		}
		return nil
	}
}

// since is op for a Go release from first ("go1.26") on.
func since(first string, op op) op {
	return func(t *target) error {
		if version.Compare(t.goVersion, first) < 0 {
			return nil
		}
		return op(t)
	}
}

// lastField adds fields at the end of a struct type.
func lastField(name, fields string) op {
	return func(t *target) error {
		for _, d := range t.syntax.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.TypeSpec)
				if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.Name == name {
					t.edits.insert(t.offset(s.Fields.Closing), fields+" ")
					return nil
				}
			}
		}
		return t.missing(name, "struct type not found")
	}
}

// fieldAfter adds text behind a field of a struct type that stands alone on
// its line.
func fieldAfter(name, field, text string) op {
	return func(t *target) error {
		for _, d := range t.syntax.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.TypeSpec)
				s, ok := spec.Type.(*ast.StructType)
				if !ok || spec.Name.Name != name {
					continue
				}
				for _, f := range s.Fields.List {
					if len(f.Names) == 1 && f.Names[0].Name == field {
						t.edits.insert(t.offset(f.End()), text)
						return nil
					}
				}
			}
		}
		return t.missing(name, "struct type with a field %s not found", field)
	}
}

// head adds statements at the start of a function.
func head(name, text string) op {
	return func(t *target) error {
		fn, err := t.function(name)
		if err != nil {
			return err
		}
		t.edits.insert(t.offset(fn.Body.Lbrace)+1, " "+expand(fn, text)+";")
		return nil
	}
}

// tail adds statements at the end of a function that has no return statement,
// so that whoever gets out of it has passed them.
func tail(name, text string) op {
	return func(t *target) error {
		fn, err := t.function(name)
		if err != nil {
			return err
		}
		if err := t.noReturn(name, fn); err != nil {
			return err
		}
		t.edits.insert(t.offset(fn.Body.Rbrace), "; "+expand(fn, text)+" ")
		return nil
	}
}

func (t *target) noReturn(name string, fn *ast.FuncDecl) error {
	returns := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			returns = true
		}
		return true
	})
	if returns {
		return t.missing(name, "has a return statement where none was expected")
	}
	return nil
}

// rename gives a function another name.
func rename(name, to string) op {
	return func(t *target) error {
		fn, err := t.function(name)
		if err != nil {
			return err
		}
		t.edits.replace(t.offset(fn.Name.Pos()), t.offset(fn.Name.End()), to)
		return nil
	}
}

// param adds a last parameter to a function.
func param(name, text string) op {
	return func(t *target) error {
		fn, err := t.function(name)
		if err != nil {
			return err
		}
		sep := ""
		if fn.Type.Params.NumFields() > 0 {
			sep = ", "
		}
		t.edits.insert(t.offset(fn.Type.Params.Closing), sep+text)
		return nil
	}
}

// clone adds a second copy of a function at the end of the file, with another
// name and parameter list, as the op edits it.
func clone(name, to, params string, edit op) op {
	return func(t *target) error {
		c := &target{path: t.path, text: t.text, fset: t.fset, syntax: t.syntax}
		if err := edit(c); err != nil {
			return err
		}
		c.text = c.edits.apply(t.text)
		c.fset = token.NewFileSet()
		var err error
		if c.syntax, err = parser.ParseFile(c.fset, t.path, c.text, parser.SkipObjectResolution); err != nil {
			return t.missing(name, "the copy %s does not parse: %v", to, err)
		}
		fn, err := c.function(name)
		if err != nil {
			return err
		}
		body := c.text[c.offset(fn.Body.Lbrace):c.offset(fn.Body.Rbrace)]
		recv := c.text[c.offset(fn.Recv.Pos()):c.offset(fn.Recv.End())]
		t.edits.insert(len(t.text), fmt.Sprintf("\nfunc %s %s(%s) %s}\n", recv, to, params, body))
		return nil
	}
}

// before adds text in front of the one place of a function that reads pattern.
func before(name, pattern, text string) op {
	return func(t *target) error {
		fn, n, err := t.withinOnce(name, pattern)
		if err != nil {
			return err
		}
		t.edits.insert(t.offset(n.Pos()), expand(fn, text))
		return nil
	}
}

// beforeEach is before for one or more places.
func beforeEach(name, pattern, text string) op {
	return func(t *target) error {
		fn, found, err := t.within(name, pattern)
		if err != nil {
			return err
		}
		for _, n := range found {
			t.edits.insert(t.offset(n.Pos()), expand(fn, text))
		}
		return nil
	}
}

// after adds text behind the one place of a function that reads pattern.
func after(name, pattern, text string) op {
	return func(t *target) error {
		fn, n, err := t.withinOnce(name, pattern)
		if err != nil {
			return err
		}
		t.edits.insert(t.offset(n.End()), expand(fn, text))
		return nil
	}
}

// swap replaces every place of a function that reads pattern.
func swap(name, pattern, text string) op {
	return func(t *target) error {
		fn, found, err := t.within(name, pattern)
		if err != nil {
			return err
		}
		for _, n := range found {
			t.edits.replace(t.offset(n.Pos()), t.offset(n.End()), expand(fn, text))
		}
		return nil
	}
}
