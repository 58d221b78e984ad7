package names

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// A loader parses and type-checks packages. What they import comes from the
// compiled packages, so every package is checked alone, and in parallel.
type loader struct {
	o     *Options
	byID  map[string]*pkg
	fset  *token.FileSet
	sizes types.Sizes

	mu        sync.Mutex
	universes map[string]*universe // by ForTest; "" is that of packages proper
}

// A universe is a set of packages that may import each other. A package that is
// compiled anew for a test is another package of the same path, hence the need
// for several.
type universe struct {
	mu sync.Mutex // the importer's map of packages is its own, without a lock
	types.Importer
}

func newLoader(pkgs []*pkg, o *Options) *loader {
	l := &loader{
		o:         o,
		byID:      make(map[string]*pkg, len(pkgs)),
		fset:      token.NewFileSet(),
		universes: make(map[string]*universe),
	}
	for _, p := range pkgs {
		l.byID[p.ImportPath] = p
	}
	arch := runtime.GOARCH
	for _, kv := range o.Env {
		if v, ok := strings.CutPrefix(kv, "GOARCH="); ok && v != "" {
			arch = v
		}
	}
	l.sizes = types.SizesFor("gc", arch)
	return l
}

func (l *loader) universe(p *pkg) *universe {
	test := ""
	for _, id := range p.Imports {
		if strings.HasSuffix(id, " ["+p.ForTest+".test]") {
			test = p.ForTest
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.universes[test]
	if u == nil {
		open := func(path string) (io.ReadCloser, error) {
			p := l.byID[path+" ["+test+".test]"]
			if p == nil {
				p = l.byID[path]
			}
			if p == nil || p.Export == "" {
				return nil, fmt.Errorf("%s is not compiled", path)
			}
			return os.Open(p.Export)
		}
		u = &universe{Importer: importer.ForCompiler(l.fset, "gc", open)}
		l.universes[test] = u
	}
	return u
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// section returns the body of u's section, and caches it.
func (l *loader) section(u *unit, c *cache) string {
	for _, p := range u.variants {
		t, err := l.load(p)
		if err != nil {
			l.o.logf("%s: left out: %v", p.ImportPath, err)
			continue
		}
		body := t.String()
		c.put(p.key(), body)
		return body
	}
	return ""
}

func (l *loader) load(p *pkg) (*table, error) {
	t := newTable()
	files, found, err := l.parse(p)
	if err != nil || !found {
		return t, err
	}
	u := l.universe(p)
	var errs []error
	conf := types.Config{
		Sizes: l.sizes,
		Importer: importerFunc(func(path string) (*types.Package, error) {
			if id, ok := p.ImportMap[path]; ok {
				path = barePath(id)
			}
			if path == "unsafe" {
				return types.Unsafe, nil
			}
			u.mu.Lock()
			defer u.mu.Unlock()
			return u.Import(path)
		}),
		// Soft errors are what clear has caused: things not used.
		Error: func(err error) {
			if e := (types.Error{}); !errors.As(err, &e) || !e.Soft {
				errs = append(errs, err)
			}
		},
	}
	info := &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
	tpkg, _ := conf.Check(p.path(), l.fset, files, info)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	s := newScan(l.fset, tpkg, info, files, t)
	s.unnamed = func(pos token.Pos, why string) {
		at := l.fset.Position(pos)
		l.o.logf("%s: %s:%d: no class: %s", p.ImportPath, filepath.Base(at.Filename), at.Line, why)
	}
	s.run()
	return t, nil
}

// parse reads p's files, and reports whether any may hold a site.
func (l *loader) parse(p *pkg) (files []*ast.File, found bool, err error) {
	srcs := make([][]byte, len(p.CompiledGoFiles))
	for i, name := range p.CompiledGoFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		if srcs[i], err = os.ReadFile(name); err != nil {
			return nil, false, err
		}
		found = found || mayLock(srcs[i])
	}
	if !found {
		return nil, false, nil
	}
	for i, name := range p.CompiledGoFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		f, err := parser.ParseFile(l.fset, name, srcs[i], parser.SkipObjectResolution)
		if err != nil {
			return nil, false, err
		}
		clearBodies(f)
		files = append(files, f)
	}
	return files, true, nil
}

// mayLock reports whether src names a method that can be a site's.
func mayLock(src []byte) bool {
	s := string(src)
	if strings.Contains(s, annotatePath) {
		return true
	}
	for _, word := range []string{"Lock", "Do", "Wait"} {
		for at := 0; ; {
			i := strings.Index(s[at:], word)
			if i < 0 {
				break
			}
			at += i + len(word)
			if word == "Lock" || at < len(s) && !identByte(s[at]) && !identByte(s[at-len(word)-1]) {
				return true
			}
		}
	}
	return false
}

func identByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c >= 0x80
}

// clearBodies takes away the bodies of functions without a site: checking them
// is most of the work, and Go allows functions without a body, other than
// generic ones, main and init.
func clearBodies(f *ast.File) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || fn.Type.TypeParams != nil ||
			fn.Recv == nil && (fn.Name.Name == "init" || fn.Name.Name == "main") {
			continue
		}
		found := false
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && siteName(s.Sel.Name) {
				found = true
			}
			return !found
		})
		if !found {
			fn.Body = nil
		}
	}
}

// siteName reports whether a method or function of that name can be a site's.
func siteName(name string) bool {
	switch name {
	case "Do", "Wait", "Acquire", "TryAcquire", "AssertHeld", "AssertHeldWrite", "AssertNotHeld", "NoValidate":
		return true
	}
	return lockName(name)
}
