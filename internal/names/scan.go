package names

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// A scan finds the sites of one package.
type scan struct {
	fset    *token.FileSet
	pkg     *types.Package
	info    *types.Info
	files   []*ast.File
	t       *table
	wrap    *wrappers
	unnamed func(pos token.Pos, why string)

	fn    *ast.FuncDecl // the function looked at; nil in a variable's initializer
	name  string        // its name, or the variable's, as part of a class
	lits  []literal     // the function literals that the walk is in
	outer literal       // the function that they are in
	known bool          // their numbers are known: see numbered
	recv  *types.Var    // its receiver, if it is a method that takes a wrapper's lock
	flow  map[*types.Var]*defs
	done  map[ast.Node]bool // selectors which were seen as part of their call

	// The call that is looked at is the statement block.List[stmt]; nil: it is no
	// statement whose turn is known, see place.
	block *ast.BlockStmt
	stmt  int
	loops bool // a copy of its function may lie in a loop
	gotos bool // the function has a goto
}

func newScan(fset *token.FileSet, pkg *types.Package, info *types.Info, files []*ast.File, t *table) *scan {
	return &scan{
		fset: fset, pkg: pkg, info: info, files: files, t: t,
		wrap:    &wrappers{memo: make(map[*types.TypeName]bool)},
		unnamed: func(token.Pos, string) {},
		done:    make(map[ast.Node]bool),
	}
}

func (s *scan) run() {
	for _, f := range s.files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Body == nil {
					continue
				}
				s.fn, s.name = d, s.funcName(d)
				s.flow = s.definitions(d)
				s.recv = s.wrapperReceiver(d)
				s.gotos = hasGoto(d.Body)
				s.known = s.numbered(d)
				s.walk(d, d.Body)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						s.fn, s.name, s.recv = nil, v.Names[0].Name, nil
						s.flow = s.definitions(v)
						s.walk(v, v)
					}
				}
			}
		}
	}
}

// funcName is Func or Type.Method.
func (s *scan) funcName(d *ast.FuncDecl) string {
	if fn, ok := s.info.Defs[d.Name].(*types.Func); ok && fn.Signature().Recv() != nil {
		if n := deref(fn.Signature().Recv().Type()); n != nil {
			return n.Obj().Name() + "." + d.Name.Name
		}
	}
	return d.Name.Name
}

// wrapperReceiver returns d's receiver if d is a wrapper's lock method.
func (s *scan) wrapperReceiver(d *ast.FuncDecl) *types.Var {
	if d.Recv == nil || len(d.Recv.List[0].Names) == 0 || !lockName(d.Name.Name) {
		return nil
	}
	v, _ := s.info.Defs[d.Recv.List[0].Names[0]].(*types.Var)
	if v == nil || !s.wrap.is(deref(v.Type())) {
		return nil
	}
	return v
}

// walk looks at all of root, which lies in the function, or is the variable's
// declaration, outer.
func (s *scan) walk(outer, root ast.Node) {
	fns := []ast.Node{outer}
	s.outer = literal{}
	var stack []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			if _, ok := stack[len(stack)-1].(*ast.FuncLit); ok {
				fns = fns[:len(fns)-1]
				s.leave()
			}
			stack = stack[:len(stack)-1]
			return false
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.FuncLit:
			fns = append(fns, n)
			s.enter()
		case *ast.DeferStmt:
			at := append(exits(fns[len(fns)-1]), n.Call.Lparen)
			s.call(n.Call, at)
		case *ast.CallExpr:
			if !s.done[n] {
				s.place(stack)
				s.call(n, []token.Pos{n.Lparen})
				s.block = nil
			}
		case *ast.SelectorExpr:
			if !s.done[n] {
				s.methodValue(n)
			}
		}
		return true
	})
}

// place notes where the call at the end of stack is a statement of a block. A call
// in a loop that can begin with it is none, see inTurn: for without range, goto.
func (s *scan) place(stack []ast.Node) {
	if s.block = nil; len(stack) < 3 || s.gotos {
		return
	}
	s.loops = len(s.lits) == 0 // who calls the function is not known
	lit := false
around:
	for i, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.ForStmt:
			if !lit {
				return
			}
			s.loops = true
		case *ast.FuncLit:
			if lit {
				break around
			}
			if c, ok := stack[max(i-1, 0)].(*ast.CallExpr); !ok || c.Fun != n {
				s.loops = true // who calls the literal is not known
			}
			lit = true
		}
	}
	x, ok := stack[len(stack)-2].(*ast.ExprStmt)
	block, ok2 := stack[len(stack)-3].(*ast.BlockStmt)
	if ok && ok2 {
		s.block, s.stmt = block, slices.Index(block.List, ast.Stmt(x))
	}
}

func hasGoto(body ast.Node) (has bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if b, ok := n.(*ast.BranchStmt); ok && b.Tok == token.GOTO {
			has = true
		}
		return !has
	})
	return has
}

// exits are the places where a function's deferred calls run.
func exits(fn ast.Node) []token.Pos {
	var body *ast.BlockStmt
	switch fn := fn.(type) {
	case *ast.FuncDecl:
		body = fn.Body
	case *ast.FuncLit:
		body = fn.Body
	default:
		return nil
	}
	at := []token.Pos{body.Rbrace}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			at = append(at, n.Return)
		}
		return true
	})
	return at
}

// call looks at a call that is seen to run at the lines of at. The compiler
// gives a call the position of its left parenthesis.
func (s *scan) call(c *ast.CallExpr, at []token.Pos) {
	s.done[c] = true
	fun := ast.Unparen(c.Fun)
	if id, ok := fun.(*ast.Ident); ok {
		if sel := s.methodValueOf(id); sel != nil {
			if m := s.info.Selections[sel]; m != nil && m.Kind() == types.MethodVal {
				s.site(sel.X, m, at)
			}
		}
		return
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	switch m := s.info.Selections[sel]; {
	case m == nil:
		s.annotated(sel, c, at)
	case m.Kind() == types.MethodVal:
		s.done[sel] = true
		s.site(sel.X, m, at)
	case m.Kind() == types.MethodExpr && len(c.Args) > 0:
		s.site(c.Args[0], m, at)
	}
}

// methodValue looks at mu.Lock that is not called on the spot. Whoever calls it
// later, the frame of the call is where that happens; this line is the best
// there is for a closure made of it.
func (s *scan) methodValue(sel *ast.SelectorExpr) {
	if m := s.info.Selections[sel]; m != nil && m.Kind() == types.MethodVal {
		s.site(sel.X, m, []token.Pos{sel.Sel.Pos()})
	}
}

// site looks at the method m of x, which is called at the lines of at.
func (s *scan) site(x ast.Expr, m *types.Selection, at []token.Pos) {
	fn, _ := m.Obj().(*types.Func)
	k, must := s.kindOf(fn)
	if k == 0 {
		return
	}
	index := m.Index()
	class := s.path(x, s.steps(m.Recv(), index[:len(index)-1]))
	if k == kindLock && s.recv != nil && s.root(x) == s.recv {
		k = kindWrapper
		class = s.inner(x, s.steps(m.Recv(), index[:len(index)-1]))
	}
	if !class.ok() {
		if !must {
			return
		}
		s.unnamed(at[len(at)-1], class.why)
	}
	via := ""
	if t := deref(fn.Signature().Recv().Type()); t != nil && syncType(t) != "" {
		via = "sync.(*" + syncType(t) + ")." + fn.Name()
	}
	s.add(k, class, via, at)
}

// add enters a call with its class, which it may not have, and the method that is
// called, at the lines of at.
func (s *scan) add(k kind, class class, via string, at []token.Pos) {
	c := call{kind: k, class: class.name, in: s.inFunc(), via: via, pos: at[len(at)-1], block: s.block, stmt: s.stmt, loops: s.loops}
	if c.in != "" && len(s.lits) > 0 {
		if s.known {
			c.lit = c.in + s.lits[len(s.lits)-1].name
		}
		c.in += ".func"
	}
	if class.array {
		c.flags = []string{flagArray}
	}
	if class.ok() && k == kindOnce && s.pkg.Path() == "sync" && s.fn != nil && s.fn.Recv == nil {
		// The Once inside OnceFunc, OnceValue and OnceValues: each of
		// their results has its own, and none has a name.
		c.class, c.flags = "sync.OnceFunc", []string{flagNoValidate}
	}
	for _, pos := range at {
		p := s.fset.Position(pos)
		s.t.entry(p.Filename, p.Line, k).add(c)
	}
}

// inFunc is the function in which the call that is looked at runs, as the symbols
// of a binary spell it after the package: F, T.M, (*T).M, F[...]; or the one in whose
// function literal it runs. "": its symbol is not known.
func (s *scan) inFunc() string {
	if s.fn == nil || s.fn.Recv == nil && s.fn.Name.Name == "init" || s.fn.Name.Name == "_" {
		return ""
	}
	fn, ok := s.info.Defs[s.fn.Name].(*types.Func)
	if !ok {
		return ""
	}
	in := s.fn.Name.Name
	if fn.Signature().TypeParams().Len() > 0 {
		in += "[...]"
	}
	if recv := fn.Signature().Recv(); recv != nil {
		n := deref(recv.Type())
		if n == nil {
			return ""
		}
		typ := n.Obj().Name()
		if n.TypeParams().Len() > 0 {
			typ += "[...]"
		}
		if _, ok := types.Unalias(recv.Type()).(*types.Pointer); ok {
			typ = "(*" + typ + ")"
		}
		in = typ + "." + in
	}
	return in
}

// kindOf says what a call of fn is. must means that it certainly is a site;
// otherwise it is one if its lock has a name.
func (s *scan) kindOf(fn *types.Func) (k kind, must bool) {
	if fn == nil || fn.Signature().Recv() == nil {
		return 0, false
	}
	name := fn.Name()
	std := name == "Lock" || name == "RLock" || name == "TryLock" || name == "TryRLock"
	recv := fn.Signature().Recv().Type()
	if types.IsInterface(recv) {
		if std && fn.Signature().Params().Len() == 0 {
			return kindLock, true
		}
		return 0, false
	}
	t := deref(recv)
	if t == nil {
		return 0, false
	}
	switch typ := syncType(t); {
	case isAnnotateMap(t) && (name == "Acquire" || name == "TryAcquire"):
		return kindLock, true
	case mutexName(typ) && std:
		return kindLock, true
	case typ == "Once" && name == "Do":
		return kindOnce, true
	case typ == "Cond" && name == "Wait":
		return kindCond, true
	case typ == "WaitGroup" && name == "Wait":
		return kindWaitGroup, true
	case lockName(name) && s.wrap.is(t):
		return kindLock, std
	}
	return 0, false
}
