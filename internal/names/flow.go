package names

import (
	"go/ast"
	"go/token"
	"go/types"
)

// defs is all that is ever assigned to a local variable, without regard to
// order. New and empty values are left out: they are the variable's own.
type defs struct {
	exprs   []def
	unknown bool // something else is assigned, too
	busy    bool // being looked at
}

type def struct {
	x       ast.Expr
	element bool // an element of x, by range
}

// definitions finds the assignments to all local variables of a function, its
// closures included. Parameters have none, other than those of a closure which
// is called where it stands.
func (s *scan) definitions(root ast.Node) map[*types.Var]*defs {
	flow := make(map[*types.Var]*defs)
	at := func(e ast.Expr) *defs {
		id, ok := ast.Unparen(e).(*ast.Ident)
		if !ok {
			return nil
		}
		v, _ := s.info.ObjectOf(id).(*types.Var)
		if v == nil {
			return nil
		}
		d := flow[v]
		if d == nil {
			d = new(defs)
			flow[v] = d
		}
		return d
	}
	set := func(lhs, rhs ast.Expr, element bool) {
		d := at(lhs)
		switch {
		case d == nil:
		case rhs == nil:
			d.unknown = true
		case element || !s.fresh(rhs):
			d.exprs = append(d.exprs, def{ast.Unparen(rhs), element})
		}
	}
	// assign takes lhs = rhs with as many values on both sides, or one value
	// and an ok, or the results of a call.
	assign := func(lhs, rhs []ast.Expr) {
		for i, l := range lhs {
			switch {
			case len(lhs) == len(rhs):
				set(l, rhs[i], false)
			case i == 0 && !isCall(rhs[0]):
				set(l, rhs[0], false)
			default:
				set(l, nil, false)
			}
		}
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.ASSIGN || n.Tok == token.DEFINE {
				assign(n.Lhs, n.Rhs)
			}
		case *ast.ValueSpec:
			lhs := make([]ast.Expr, len(n.Names))
			for i, id := range n.Names {
				lhs[i] = id
				at(id)
			}
			if len(n.Values) > 0 {
				assign(lhs, n.Values)
			}
		case *ast.RangeStmt:
			if n.Value != nil {
				set(n.Value, n.X, true)
			}
			if n.Key != nil {
				set(n.Key, nil, false)
			}
		case *ast.CallExpr:
			lit, ok := ast.Unparen(n.Fun).(*ast.FuncLit)
			if !ok || n.Ellipsis.IsValid() || lit.Type.Params.NumFields() != len(n.Args) {
				break
			}
			i := 0
			for _, f := range lit.Type.Params.List {
				if _, ok := f.Type.(*ast.Ellipsis); ok {
					break
				}
				for _, id := range f.Names {
					set(id, n.Args[i], false)
					i++
				}
			}
		}
		return true
	})
	return flow
}

func isCall(x ast.Expr) bool {
	_, ok := ast.Unparen(x).(*ast.CallExpr)
	return ok
}

// fresh reports whether x is a new value or none: new(T), make(T), T{}, &T{},
// nil.
func (s *scan) fresh(x ast.Expr) bool {
	switch x := ast.Unparen(x).(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		return x.Op == token.AND && s.fresh(x.X)
	case *ast.Ident:
		return s.info.Types[x].IsNil()
	case *ast.CallExpr:
		id, ok := ast.Unparen(x.Fun).(*ast.Ident)
		if !ok {
			return false
		}
		b, ok := s.info.Uses[id].(*types.Builtin)
		return ok && (b.Name() == "new" || b.Name() == "make")
	}
	return false
}

// methodValueOf returns the method value that is the only thing ever assigned
// to the variable id, or nil.
func (s *scan) methodValueOf(id *ast.Ident) *ast.SelectorExpr {
	v, _ := s.info.Uses[id].(*types.Var)
	d := s.flow[v]
	if v == nil || d == nil || d.unknown || len(d.exprs) != 1 || d.exprs[0].element {
		return nil
	}
	sel, _ := d.exprs[0].x.(*ast.SelectorExpr)
	return sel
}
