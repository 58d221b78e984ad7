package names

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
)

// A literal is a function literal that the walk is in.
type literal struct {
	name   string // as symbols spell it after the function: ".func2", ".func2.1"
	nested int    // literals in it so far
}

// enter notes that the walk comes into a function literal, leave that it comes out.
//
// The compiler names the literals of a function .func1, .func2, … and those of a
// literal .1, .2, …, in the order in which it writes them to the package's export
// data and reads them back (cmd/compile/internal/ir.closureName, noder.writer,
// Go 1.24 to 1.26). That is the order of the source. Inlining comes later: what it
// copies is called by both functions' names, and changes no other name.
func (s *scan) enter() {
	in := &s.outer
	if len(s.lits) > 0 {
		in = &s.lits[len(s.lits)-1]
	}
	in.nested++
	name := in.name + "."
	if in.name == "" {
		name += "func"
	}
	s.lits = append(s.lits, literal{name: name + strconv.Itoa(in.nested)})
}

func (s *scan) leave() { s.lits = s.lits[:len(s.lits)-1] }

// numbered reports whether the literals of d have the numbers of their order in the
// source. They have not if the compiler leaves one out, or makes one of its own:
//
//  1. what comes after a return, a goto or a panic in a list of statements, the
//     branches of a condition or a switch with constants, and constant expressions are
//     not compiled;
//  2. the body of a range over a function is a literal;
//  3. a function or method value in a generic function can be one that the compiler makes.
//
// It is enough that one of these may be: then no literal of d has a number.
func (s *scan) numbered(d *ast.FuncDecl) bool {
	fn, ok := s.info.Defs[d.Name].(*types.Func)
	if !ok {
		return false
	}
	sig := fn.Signature()
	generic := sig.TypeParams().Len() > 0 || sig.RecvTypeParams().Len() > 0
	called := make(map[ast.Expr]bool)
	certain := true
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			certain = certain && !deadLiteral(n.List)
		case *ast.CaseClause:
			certain = certain && !deadLiteral(n.Body)
		case *ast.CommClause:
			certain = certain && !deadLiteral(n.Body)
		case *ast.IfStmt:
			certain = certain && !(s.static(n.Cond) && (hasLiteral(n) || leaves(n)))
		case *ast.ForStmt:
			certain = certain && !(n.Cond != nil && s.static(n.Cond) && hasLiteral(n))
		case *ast.SwitchStmt:
			certain = certain && !(s.staticSwitch(n) && hasLiteral(n))
		case *ast.RangeStmt:
			switch s.info.TypeOf(n.X).Underlying().(type) {
			case *types.Signature, *types.Interface: // or a type parameter, which may be one
				certain = false
			}
		case *ast.CallExpr:
			fun := ast.Unparen(n.Fun)
			called[fun] = true
			switch x := fun.(type) {
			case *ast.IndexExpr:
				called[ast.Unparen(x.X)] = true
			case *ast.IndexListExpr:
				called[ast.Unparen(x.X)] = true
			}
		case *ast.SelectorExpr:
			m := s.info.Selections[n]
			if generic && m != nil && (m.Kind() == types.MethodExpr || m.Kind() == types.MethodVal && !called[n]) {
				certain = false
			}
			if called[n] {
				called[n.Sel] = true // pkg.F
			}
		case *ast.Ident:
			if fn, ok := s.info.Uses[n].(*types.Func); ok && generic && fn.Signature().TypeParams().Len() > 0 && !called[n] {
				certain = false
			}
		}
		if x, ok := n.(ast.Expr); ok && certain && s.dropped(x) {
			certain = !hasLiteral(x)
		}
		return certain
	})
	return certain
}

// dropped reports whether the compiler has x's value without compiling it.
func (s *scan) dropped(x ast.Expr) bool {
	if s.info.Types[x].Value != nil {
		return true
	}
	c, ok := x.(*ast.CallExpr)
	if !ok || !s.info.Types[c.Fun].IsBuiltin() {
		return false
	}
	_, ok = ast.Unparen(c.Fun).(*ast.SelectorExpr) // unsafe.Sizeof
	return ok
}

// static reports whether a constant is part of the condition, so that all of it may
// be constant.
func (s *scan) static(cond ast.Expr) bool {
	cond = ast.Unparen(cond)
	if v := s.info.Types[cond].Value; v != nil && v.Kind() == constant.Bool {
		return true
	}
	switch x := cond.(type) {
	case *ast.UnaryExpr:
		return x.Op == token.NOT && s.static(x.X)
	case *ast.BinaryExpr:
		return (x.Op == token.LAND || x.Op == token.LOR) && (s.static(x.X) || s.static(x.Y))
	}
	return false
}

// staticSwitch reports whether the switch may be one among constants.
func (s *scan) staticSwitch(n *ast.SwitchStmt) bool {
	if n.Tag != nil && s.info.Types[n.Tag].Value == nil {
		return false
	}
	for _, c := range n.Body.List {
		for _, x := range c.(*ast.CaseClause).List {
			return s.info.Types[x].Value != nil
		}
	}
	return true
}

func hasLiteral(n ast.Node) (has bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		_, ok := n.(*ast.FuncLit)
		has = has || ok
		return !has
	})
	return has
}

// deadLiteral reports whether one of the statements has a literal and may be behind
// one that does not let it run.
func deadLiteral(list []ast.Stmt) bool {
	dead := false
	for _, st := range list {
		if dead && hasLiteral(st) {
			return true
		}
		dead = dead || terminates(st)
	}
	return false
}

// terminates reports whether the compiler may leave out what follows the statement.
func terminates(st ast.Stmt) bool {
	switch st := st.(type) {
	case *ast.LabeledStmt:
		return terminates(st.Stmt)
	case *ast.BlockStmt:
		return len(st.List) > 0 && anyTerminates(st.List)
	case *ast.IfStmt:
		return st.Else != nil && terminates(st.Body) && terminates(st.Else)
	}
	return leavesAt(st)
}

func anyTerminates(list []ast.Stmt) bool {
	for _, st := range list {
		if terminates(st) {
			return true
		}
	}
	return false
}

// leaves reports whether a statement in n is a return, a goto or a panic.
func leaves(n ast.Node) (does bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		does = does || leavesAt(n)
		return !does
	})
	return does
}

func leavesAt(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		return n.Tok == token.GOTO
	case *ast.ExprStmt:
		if c, ok := ast.Unparen(n.X).(*ast.CallExpr); ok {
			id, ok := ast.Unparen(c.Fun).(*ast.Ident)
			return ok && id.Name == "panic"
		}
	}
	return false
}
