package goroot

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"

	"github.com/golockdep/lockdep"
	"github.com/golockdep/lockdep/internal/names"
)

// content is what is put into a copy besides the edits. Tests use other
// contents than the shipped one.
type content struct {
	std    fs.FS // below _std: files for GOROOT/src, under the same relative path
	engine fs.FS // below engine: files for src/internal/lockdep/engine
	link   fs.FS // _link/main.go: the wrapper of the linker
	names  fs.FS // package names, of which the copy has a program
}

//go:embed all:_std
var stdFiles embed.FS

//go:embed all:_link
var linkFiles embed.FS

//go:embed all:_names
var namesFiles embed.FS

var shipped = content{std: stdFiles, engine: lockdep.EngineSource, link: linkFiles, names: names.Source}

// liveDir holds the part of the validator that is laid into the standard
// library, relative to GOROOT/src.
const liveDir = "internal/lockdep"

// files returns the text of every file to add, by its path below GOROOT.
func (c content) files() (map[string][]byte, error) {
	files := map[string][]byte{}
	if err := collect(files, c.std, "_std", "src"); err != nil {
		return nil, err
	}
	if err := collect(files, c.engine, "engine", path.Join("src", liveDir, "engine")); err != nil {
		return nil, err
	}
	for name, text := range files {
		if strings.HasPrefix(name, "src/"+liveDir+"/") && strings.HasSuffix(name, ".go") {
			norace, err := addNorace(name, text)
			if err != nil {
				return nil, err
			}
			files[name] = norace
		}
	}
	return files, nil
}

// collect adds the files of tree below from, tests left out, as files below to.
func collect(files map[string][]byte, tree fs.FS, from, to string) error {
	return fs.WalkDir(tree, from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading embedded files: %w", err)
		}
		if d.IsDir() || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return fmt.Errorf("reading embedded files: %w", err)
		}
		files[path.Join(to, strings.TrimPrefix(name, from))] = text
		return nil
	})
}

// addNorace puts a //go:norace line above every function of a file.
//
// The validator runs inside the locks that order everything else, and its own
// state is ordered by means that the race detector does not see. The compiler
// has a fixed list of packages that it leaves alone; ours is not on it. The
// pragma does not reach function literals; a test holds that there are none.
func addNorace(name string, text []byte) ([]byte, error) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading embedded files: %w", err)
	}
	var e edits
	for _, d := range syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			e.insert(fset.Position(fn.Pos()).Offset, "//go:norace\n")
		}
	}
	return e.apply(text), nil
}
