package names

import (
	"go/ast"
	"go/token"
	"go/types"
)

// class is the name of a lock, or why it has none.
type class struct {
	name  string
	array bool
	why   string
}

func (c class) ok() bool { return c.name != "" }

func noClass(why string) class { return class{why: why} }

// A step goes from a struct to one of its fields.
type step struct {
	in    *types.Named // the struct's type; nil if it is anonymous
	field *types.Var
}

// steps spells out the way from a value of type t, or a pointer to it, by the
// field numbers of a selection.
func (s *scan) steps(t types.Type, index []int) []step {
	var steps []step
	for _, i := range index {
		if p, ok := types.Unalias(t).Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := types.Unalias(t).Underlying().(*types.Struct)
		if !ok {
			return nil
		}
		in, _ := types.Unalias(t).(*types.Named)
		steps = append(steps, step{in, st.Field(i)})
		t = st.Field(i).Type()
	}
	return steps
}

// path names what lies at the end of steps from x, as its users know it: the
// inner field of a wrapper is the wrapper, unless that has no name.
func (s *scan) path(x ast.Expr, steps []step) class {
	n := len(steps)
	for n > 0 && steps[n-1].in != nil && s.wrap.is(steps[n-1].in) {
		n--
	}
	c := s.field(x, steps[:n])
	if !c.ok() && n < len(steps) {
		return s.field(x, steps)
	}
	return c
}

// field names what lies at the end of steps from x.
func (s *scan) field(x ast.Expr, steps []step) class {
	if len(steps) == 0 {
		return s.resolve(x)
	}
	name := ""
	for i := len(steps) - 1; i >= 0; i-- {
		name = "." + steps[i].field.Name() + name
		if in := steps[i].in; in != nil {
			return class{name: s.typeName(in) + name, array: s.inElement(x, steps)}
		}
	}
	c := s.resolve(x)
	if c.ok() {
		c.name += name
	}
	return c
}

// typeName is importpath.Type, or importpath.Func.Type of a local type.
func (s *scan) typeName(t *types.Named) string {
	obj := t.Origin().Obj()
	if obj.Pkg() == nil {
		return obj.Name()
	}
	name := obj.Name()
	if obj.Parent() != obj.Pkg().Scope() && obj.Pkg() == s.pkg {
		for _, f := range s.files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Pos() <= obj.Pos() && obj.Pos() < fn.End() {
					name = s.funcName(fn) + "." + name
				}
			}
		}
	}
	return obj.Pkg().Path() + "." + name
}

// resolve names the lock, or the thing that holds it, which x denotes or
// points to.
func (s *scan) resolve(x ast.Expr) class {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return s.resolve(x.X)
	case *ast.StarExpr:
		return s.resolve(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return s.resolve(x.X)
		}
		return noClass("from a channel")
	case *ast.SliceExpr:
		return s.resolve(x.X)
	case *ast.TypeAssertExpr:
		return noClass("from an interface")
	case *ast.Ident:
		if v, ok := s.info.Uses[x].(*types.Var); ok {
			return s.variable(v)
		}
		if v, ok := s.info.Defs[x].(*types.Var); ok {
			return s.variable(v)
		}
		return noClass("not a variable")
	case *ast.SelectorExpr:
		sel := s.info.Selections[x]
		if sel == nil { // pkg.Var
			if v, ok := s.info.Uses[x.Sel].(*types.Var); ok {
				return s.variable(v)
			}
			return noClass("not a variable")
		}
		if types.IsInterface(sel.Type()) {
			return noClass("a field of interface type")
		}
		if sel.Kind() != types.FieldVal {
			return noClass("a method value")
		}
		return s.path(x.X, s.steps(sel.Recv(), sel.Index()))
	case *ast.IndexExpr:
		c := s.resolve(x.X)
		if c.ok() {
			c.name += "[]"
			c.array = true
		}
		return c
	case *ast.CallExpr:
		return s.result(x)
	}
	return noClass("not a name")
}

// result names what a call gives: a conversion its operand, RLocker its mutex.
func (s *scan) result(c *ast.CallExpr) class {
	if tv := s.info.Types[c.Fun]; tv.IsType() && len(c.Args) == 1 {
		return s.resolve(c.Args[0])
	}
	switch fun := ast.Unparen(c.Fun).(type) {
	case *ast.Ident:
		if b, ok := s.info.Uses[fun].(*types.Builtin); ok && b.Name() == "append" {
			return s.resolve(c.Args[0])
		}
	case *ast.SelectorExpr:
		if s.annotation(fun) == "Nested" {
			return s.resolve(c.Args[0])
		}
		sel := s.info.Selections[fun]
		if sel == nil || sel.Kind() != types.MethodVal || sel.Obj().Name() != "RLocker" {
			break
		}
		if n := deref(sel.Obj().(*types.Func).Signature().Recv().Type()); n != nil &&
			(mutexName(syncType(n)) || s.wrap.is(n)) {
			return s.path(fun.X, s.steps(sel.Recv(), sel.Index()[:len(sel.Index())-1]))
		}
	}
	return noClass("a function's result")
}

// variable names a variable. A local one that points to a lock is looked
// through, if all that is ever assigned to it is the same lock.
func (s *scan) variable(v *types.Var) class {
	if v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
		return class{name: v.Pkg().Path() + "." + v.Name()}
	}
	local := class{name: s.pkg.Path() + "." + s.name + "." + v.Name()}
	switch v.Type().Underlying().(type) {
	case *types.Pointer, *types.Interface, *types.Slice, *types.Map:
	default:
		return local
	}
	d := s.flow[v]
	switch {
	case d == nil:
		return noClass("a parameter, or a variable without a value")
	case d.unknown:
		return noClass("a variable set by a type switch or a function's results")
	case d.busy:
		return class{} // refers to itself: adds nothing
	}
	d.busy = true
	defer func() { d.busy = false }()
	var all class
	for _, def := range d.exprs {
		c := s.resolve(def.x)
		if !c.ok() && c.why == "" {
			continue
		}
		if c.ok() && def.element {
			c.name += "[]"
			c.array = true
		}
		switch {
		case !c.ok():
			return c
		case all.ok() && all.name != c.name:
			return noClass("a variable for several locks")
		}
		all = c
	}
	if all.ok() {
		return all
	}
	return local
}

// inElement reports whether the lock at the end of steps from x lies in an
// element of an array, slice or map, rather than behind another pointer.
func (s *scan) inElement(x ast.Expr, steps []step) bool {
	for _, st := range steps[:max(len(steps)-1, 0)] {
		if _, ok := st.field.Type().Underlying().(*types.Pointer); ok {
			return false
		}
	}
	switch x := x.(type) {
	case *ast.ParenExpr:
		return s.inElement(x.X, nil)
	case *ast.StarExpr:
		return s.inElement(x.X, nil)
	case *ast.UnaryExpr:
		return x.Op == token.AND && s.inElement(x.X, nil)
	case *ast.IndexExpr:
		t := s.info.TypeOf(x)
		if two, ok := t.(*types.Tuple); ok { // v, ok := m[k]
			t = two.At(0).Type()
		}
		_, pointer := t.Underlying().(*types.Pointer)
		return !pointer
	case *ast.SelectorExpr:
		sel := s.info.Selections[x]
		if sel == nil || sel.Kind() != types.FieldVal {
			return false
		}
		if _, ok := sel.Type().Underlying().(*types.Pointer); ok {
			return false
		}
		return s.inElement(x.X, s.steps(sel.Recv(), sel.Index()))
	case *ast.Ident:
		v, _ := s.info.Uses[x].(*types.Var)
		d := s.flow[v]
		if v == nil || d == nil || d.unknown || d.busy || len(d.exprs) != 1 {
			return false
		}
		d.busy = true
		defer func() { d.busy = false }()
		return !d.exprs[0].element && s.inElement(d.exprs[0].x, nil)
	}
	return false
}

// inner names a lock inside a wrapper by the wrapper's own field, or by the
// wrapper if it is defined as a mutex.
func (s *scan) inner(x ast.Expr, steps []step) class {
	if c := s.field(x, steps); len(steps) > 0 && c.ok() {
		return c
	}
	for range 100 {
		if next, ok := s.through(x); ok {
			x = next
			continue
		}
		sel, ok := x.(*ast.SelectorExpr)
		if !ok {
			break
		}
		if m := s.info.Selections[sel]; m != nil && m.Kind() == types.FieldVal {
			if c := s.field(sel.X, s.steps(m.Recv(), m.Index())); c.ok() {
				return c
			}
		}
		break
	}
	return class{name: s.typeName(deref(s.recv.Type()))}
}

// root is the variable from which the lock x is reached.
func (s *scan) root(x ast.Expr) *types.Var {
	for range 100 { // a := b; b = a
		if next, ok := s.through(x); ok {
			x = next
			continue
		}
		switch e := x.(type) {
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.Ident:
			v, _ := s.info.Uses[e].(*types.Var)
			return v
		default:
			return nil
		}
	}
	return nil
}

// through looks through what does not change which lock x is.
func (s *scan) through(x ast.Expr) (ast.Expr, bool) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return x.X, true
	case *ast.StarExpr:
		return x.X, true
	case *ast.UnaryExpr:
		return x.X, x.Op == token.AND
	case *ast.CallExpr:
		if s.info.Types[x.Fun].IsType() && len(x.Args) == 1 {
			return x.Args[0], true
		}
		if fun, ok := ast.Unparen(x.Fun).(*ast.SelectorExpr); ok && s.annotation(fun) == "Nested" {
			return x.Args[0], true
		}
	case *ast.Ident:
		v, _ := s.info.Uses[x].(*types.Var)
		if d := s.flow[v]; v != nil && d != nil && !d.unknown && len(d.exprs) == 1 && !d.exprs[0].element {
			return d.exprs[0].x, true
		}
	}
	return x, false
}
