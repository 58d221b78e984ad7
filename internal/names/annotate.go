package names

import (
	"go/ast"
	"go/token"
	"go/types"
)

// annotatePath is the package in which a program speaks of its locks.
const annotatePath = "github.com/golockdep/lockdep/annotate"

// annotation returns the name of the function of package annotate that sel
// denotes, "" if it is no such function.
func (s *scan) annotation(sel *ast.SelectorExpr) string {
	fn, _ := s.info.Uses[sel.Sel].(*types.Func)
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != annotatePath || fn.Signature().Recv() != nil {
		return ""
	}
	return fn.Name()
}

// isAnnotateMap reports whether t is annotate.Map, whose Acquire takes a lock.
func isAnnotateMap(t *types.Named) bool {
	obj := t.Obj()
	return obj.Name() == "Map" && obj.Pkg() != nil && obj.Pkg().Path() == annotatePath
}

// annotated looks at a call of a function of package annotate: those that may
// be the first to speak of a lock name it as its own Lock would.
func (s *scan) annotated(sel *ast.SelectorExpr, c *ast.CallExpr, at []token.Pos) {
	switch s.annotation(sel) {
	case "MightLock", "MightRLock", "NoValidate", "AssertHeld", "AssertHeldWrite", "AssertNotHeld":
	default:
		return
	}
	if len(c.Args) != 1 {
		return
	}
	class := s.resolve(ast.Unparen(c.Args[0]))
	if !class.ok() {
		s.unnamed(at[len(at)-1], class.why)
	}
	s.add(kindLock, class, "", at)
}
