package goroot

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAlign64 looks at every call of a 64-bit atomic operation in what is laid
// into the standard library, and in what the engine's types hold. On 386, arm and
// mips a word of 64 bits is aligned by 4 only, and such an operation panics unless
// its word lies at a multiple of 8. Go promises that for the first word of what is
// allocated, and Host.Alloc for memory of its own. So the word must lie at a
// multiple of 8 in its struct, that struct likewise in whatever holds it by value,
// and the size of a struct of which there are arrays must be one.
//
// The words are found from the calls, so a new field is found as well.
func TestAlign64(t *testing.T) {
	files, err := (&builder{tc: localToolchain(t), content: shipped}).files()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"386", "arm", "mips", "mipsle"} {
		if testing.Short() && arch != "386" {
			continue
		}
		for _, tag := range []string{"", "lockdeprecord"} {
			t.Run(arch+tag, func(t *testing.T) {
				l := newLayout(files, filepath.Join(localToolchain(t).root, "src"), arch, tag)
				words := 0
				for _, dir := range []string{"internal/lockdep/engine", "internal/lockdep", "runtime", "internal/sync", "sync"} {
					words += l.atomics(t, dir)
				}
				if words < 20 {
					t.Errorf("%d atomic operations of 64 bits found: the test looks at the wrong place", words)
				}
				l.holders(t)
				l.goroutine(t)
			})
		}
	}
}

// TestAlign64Finds holds the test above: it has to say what is wrong with these.
func TestAlign64Finds(t *testing.T) {
	const head = "package engine\nimport \"sync/atomic\"\n"
	for _, test := range []struct{ name, text, want string }{
		{"stride", "type r struct { pc uint64; n uint32 }\nvar all []r\nfunc f(i int) { atomic.LoadUint64(&all[i].pc) }", "size 12"},
		{"offset", "type r struct { n uint32; pc uint64 }\nfunc f(x *r) { atomic.AddUint64(&x.pc, 1) }", "offset 4"},
		{"array in a struct", "type r struct { n uint32; pcs [2]int64 }\nfunc f(x *r) { atomic.AddInt64(&x.pcs[1], 1) }", "offset 4"},
		{"by a pointer", "type in struct { pc uint64 }\ntype r struct { n uint32; in in }\nfunc f(x *in) { p := &x.pc; atomic.StoreUint64(p, 1) }", "offset 4"},
		{"held", "type in struct { pc uint64 }\ntype mid struct { a [3]in }\ntype r struct { n uint32; mid mid }\nfunc f(x *in) { atomic.StoreUint64(&x.pc, 1) }", "offset 4"},
		{"a pointer from elsewhere", "func f(p *uint64) { atomic.StoreUint64(p, 1) }", "cannot tell"},
		{"good", "type r struct { pc uint64; n uint32; _ uint32 }\nvar all []r\nfunc f(i int) { atomic.LoadUint64(&all[i].pc) }", ""},
		{"good by its type", "type r struct { n uint32; pc atomic.Uint64 }\nfunc f(x *r) { x.pc.Load() }", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string][]byte{"src/internal/lockdep/engine/x.go": []byte(head + test.text)}
			l := newLayout(files, filepath.Join(localToolchain(t).root, "src"), "386", "")
			said := &saying{}
			l.atomics(said, "internal/lockdep/engine")
			l.holders(said)
			got := strings.Join(said.all, "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}

// saying keeps what a check says.
type saying struct{ all []string }

func (s *saying) Errorf(format string, args ...any) {
	s.all = append(s.all, fmt.Sprintf(format, args...))
}

type sayer interface{ Errorf(string, ...any) }

// A layout is type-checked packages of the copy, with the sizes of a platform.
type layout struct {
	files map[string][]byte // by path below GOROOT
	src   string
	ctx   build.Context
	sizes types.Sizes
	fset  *token.FileSet
	pkgs  map[string]*types.Package
	info  map[string]*types.Info
	ast   map[string][]*ast.File
	words map[*types.Var]token.Pos // fields that are used atomically, and where
	lists map[types.Type]bool      // elements of arrays and slices
}

func newLayout(files map[string][]byte, src, arch, tag string) *layout {
	l := &layout{
		files: files, src: src, sizes: types.SizesFor("gc", arch), fset: token.NewFileSet(),
		pkgs: map[string]*types.Package{"unsafe": types.Unsafe}, info: map[string]*types.Info{}, ast: map[string][]*ast.File{},
		words: map[*types.Var]token.Pos{}, lists: map[types.Type]bool{},
	}
	l.ctx = build.Default
	l.ctx.GOOS, l.ctx.GOARCH, l.ctx.CgoEnabled = "linux", arch, false
	l.ctx.BuildTags = []string{tag}
	l.ctx.OpenFile = func(name string) (io.ReadCloser, error) {
		text, err := l.read(name)
		return io.NopCloser(strings.NewReader(string(text))), err
	}
	return l
}

func (l *layout) read(name string) ([]byte, error) {
	if text, ok := l.files["src/"+filepath.ToSlash(strings.TrimPrefix(name, l.src+string(filepath.Separator)))]; ok {
		return text, nil
	}
	return os.ReadFile(name)
}

// ours are the packages whose code is looked at; of others the types are enough.
func ours(dir string) bool {
	return strings.HasPrefix(dir, "internal/lockdep") || dir == "runtime" || dir == "sync" || dir == "internal/sync"
}

// Import type-checks a package of the copy, as far as that goes: cgo and what is
// missing is passed over.
func (l *layout) Import(dir string) (*types.Package, error) {
	if p := l.pkgs[dir]; p != nil {
		return p, nil
	}
	full := filepath.Join(l.src, dir)
	if _, err := os.Stat(full); err != nil && !strings.HasPrefix(dir, "internal/lockdep") {
		full, dir = filepath.Join(l.src, "vendor", dir), "vendor/"+dir
	}
	names := map[string]bool{}
	entries, _ := os.ReadDir(full)
	for _, e := range entries {
		names[e.Name()] = true
	}
	for name := range l.files {
		if path.Dir(name) == "src/"+dir {
			names[path.Base(name)] = true
		}
	}
	var parsed []*ast.File
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if ok, err := l.ctx.MatchFile(full, name); err != nil || !ok || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := l.read(filepath.Join(full, name))
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(l.fset, dir+"/"+name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	if len(parsed) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
		Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	conf := types.Config{Importer: l, Sizes: l.sizes, IgnoreFuncBodies: !ours(dir), FakeImportC: true, Error: func(error) {}, GoVersion: ""}
	p, _ := conf.Check(dir, l.fset, parsed, info)
	l.pkgs[dir], l.info[dir], l.ast[dir] = p, info, parsed
	return p, nil
}

// atomics finds the words of a package's 64-bit atomic operations and returns
// how many operations there are. Of the runtime's own files nothing is asked.
func (l *layout) atomics(t sayer, dir string) (n int) {
	if _, err := l.Import(dir); err != nil {
		t.Errorf("%v", err)
		return 0
	}
	info := l.info[dir]
	for _, tv := range info.Types {
		switch x := tv.Type.(type) {
		case *types.Slice:
			l.lists[x.Elem()] = true
		case *types.Array:
			l.lists[x.Elem()] = true
		}
	}
	for _, f := range l.ast[dir] {
		name := l.fset.Position(f.Pos()).Filename
		if _, added := l.files["src/"+name]; !added || !strings.Contains(name, "lockdep") {
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			ast.Inspect(fn, func(x ast.Node) bool {
				call, ok := x.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 || !atomic64(info, call) {
					return true
				}
				n++
				l.word(t, info, fn, call.Args[0])
				return true
			})
		}
	}
	return n
}

// atomic64 reports whether a call is a 64-bit operation of an atomic package.
func atomic64(info *types.Info, call *ast.CallExpr) bool {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Pkg().Path() != "sync/atomic" && fn.Pkg().Path() != "internal/runtime/atomic" || fn.Signature().Recv() != nil {
		return false
	}
	p, ok := fn.Signature().Params().At(0).Type().(*types.Pointer)
	if !ok {
		return false
	}
	b, ok := p.Elem().Underlying().(*types.Basic)
	return ok && (b.Kind() == types.Uint64 || b.Kind() == types.Int64)
}

// fromTables are functions that return a pointer to an element of a table of
// 64-bit words.
var fromTables = []string{"tagOf"}

// word notes the fields on the way to the word that x points to.
func (l *layout) word(t sayer, info *types.Info, fn *ast.FuncDecl, x ast.Expr) {
	at := l.fset.Position(x.Pos())
	x = ast.Unparen(x)
	if id, ok := x.(*ast.Ident); ok { // p := &x.word
		defs := 0
		ast.Inspect(fn, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for i, lhs := range a.Lhs {
				left, ok := lhs.(*ast.Ident)
				if !ok || info.ObjectOf(left) != info.ObjectOf(id) {
					continue
				}
				defs++
				r := a.Rhs[min(i, len(a.Rhs)-1)]
				if call, ok := r.(*ast.CallExpr); ok {
					if sel, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(fromTables, sel.Sel.Name) {
						continue
					}
				}
				l.word(t, info, fn, r)
			}
			return true
		})
		if defs == 0 {
			t.Errorf("%v: the test cannot tell what %s points to", at, id.Name)
		}
		return
	}
	and, ok := x.(*ast.UnaryExpr)
	if !ok || and.Op != token.AND {
		t.Errorf("%v: the test cannot tell what this points to", at)
		return
	}
	x = ast.Unparen(and.X)
	for {
		switch e := x.(type) {
		case *ast.IndexExpr: // an element: its own size is a multiple, as it is a word or a struct that is looked at
			if _, array := info.TypeOf(e.X).Underlying().(*types.Array); !array {
				return
			}
			x = ast.Unparen(e.X)
			continue
		case *ast.SelectorExpr:
			sel := info.Selections[e]
			if sel == nil {
				return // a variable of another package
			}
			typ := sel.Recv()
			for _, i := range sel.Index() {
				if p, ok := typ.Underlying().(*types.Pointer); ok {
					typ = p.Elem()
				}
				f := typ.Underlying().(*types.Struct).Field(i)
				if _, seen := l.words[f]; !seen {
					l.words[f] = e.Pos()
				}
				typ = f.Type()
			}
			if _, ptr := sel.Recv().Underlying().(*types.Pointer); ptr {
				return
			}
			x = ast.Unparen(e.X)
			continue
		}
		return // a variable: it is allocated by itself
	}
}

// holders checks every struct type that has such a word, or holds one that has.
func (l *layout) holders(t sayer) {
	done := map[types.Type]bool{}
	for _, dir := range slices.Sorted(maps.Keys(l.info)) {
		if !ours(dir) {
			continue
		}
		for _, obj := range l.info[dir].Defs {
			if tn, ok := obj.(*types.TypeName); ok && !tn.IsAlias() {
				if named, ok := tn.Type().(*types.Named); ok && named.TypeParams().Len() == 0 {
					l.holds(t, named, tn.Name(), done)
				}
			}
		}
		for _, tv := range l.info[dir].Types {
			if st, ok := tv.Type.(*types.Struct); ok {
				l.holds(t, st, "a struct without a name", done)
			}
		}
	}
}

// holds reports whether typ has a word that is used atomically, and checks where
// it lies.
func (l *layout) holds(t sayer, typ types.Type, name string, done map[types.Type]bool) bool {
	switch x := typ.Underlying().(type) {
	case *types.Array:
		return l.holds(t, x.Elem(), name, done)
	case *types.Struct:
		if has, ok := done[typ]; ok {
			return has
		}
		var fields []*types.Var
		var which []int
		for f := range x.Fields() {
			_, word := l.words[f]
			if inner := l.holds(t, f.Type(), name+"."+f.Name(), done); word || inner {
				which = append(which, len(fields))
			}
			fields = append(fields, f)
		}
		has := len(which) > 0
		for _, i := range which {
			f, pos := fields[i], l.words[fields[i]]
			if off := l.sizes.Offsetsof(fields)[i]; off%8 != 0 {
				t.Errorf("%s.%s: offset %d is no multiple of 8; it is used atomically with 64 bits (%v)", name, f.Name(), off, l.fset.Position(pos))
			}
		}
		if has && l.lists[typ] {
			if size := l.sizes.Sizeof(typ); size%8 != 0 {
				t.Errorf("%s: size %d is no multiple of 8; there are arrays of it, and it has a word that is used atomically with 64 bits", name, size)
			}
		}
		done[typ] = has
		return has
	}
	return false
}

// goroutine checks our fields in the runtime's g: they are used without atomic
// operations of 64 bits, or they lie where these may be used. They come last, so
// the runtime's own fields lie where they did.
func (l *layout) goroutine(t sayer) {
	g := l.pkgs["runtime"].Scope().Lookup("g").Type().Underlying().(*types.Struct)
	last := ""
	for f := range g.Fields() {
		if last != "" && !strings.HasPrefix(f.Name(), "lockdep") {
			t.Errorf("g.%s lies behind %s", f.Name(), last)
		}
		if strings.HasPrefix(f.Name(), "lockdep") {
			last = f.Name()
		}
	}
	if last == "" {
		t.Errorf("g has no field of ours")
	}
	same(t, l, "lockdepEvent", "Event")
	bits := l.pkgs["runtime"].Scope().Lookup("lockdepEventBits").(*types.Const)
	if n, _ := constant.Int64Val(bits.Val()); n == 0 {
		t.Errorf("lockdepEventBits is 0")
	}
}

// same checks that a type of the runtime has the form of one of the engine's.
func same(t sayer, l *layout, of, is string) {
	a := l.pkgs["runtime"].Scope().Lookup(of).Type().Underlying().(*types.Struct)
	b := l.pkgs["internal/lockdep/engine"].Scope().Lookup(is).Type().Underlying().(*types.Struct)
	form := func(s *types.Struct) (out []string) {
		var fields []*types.Var
		for f := range s.Fields() {
			fields = append(fields, f)
		}
		for i, off := range l.sizes.Offsetsof(fields) {
			out = append(out, fmt.Sprintf("%s at %d, %d bytes", strings.ToLower(fields[i].Name()), off, l.sizes.Sizeof(fields[i].Type())))
		}
		return out
	}
	if x, y := form(a), form(b); !slices.Equal(x, y) {
		t.Errorf("runtime.%s is %q, engine.%s is %q", of, x, is, y)
	}
}
