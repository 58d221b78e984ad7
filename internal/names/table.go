package names

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"sort"
	"strings"
)

// kind is the letter by which the table knows what a site does.
type kind byte

const (
	kindLock      kind = 'L' // Lock, RLock, TryLock, TryRLock; calls of wrappers
	kindOnce      kind = 'O' // Once.Do
	kindCond      kind = 'C' // Cond.Wait
	kindWaitGroup kind = 'G' // WaitGroup.Wait
	kindWrapper   kind = 'W' // inside a wrapper's own method: the caller's line names the lock
)

const (
	flagArray      = "array"      // the lock lies in an element of an array, slice or map
	flagNoValidate = "novalidate" // nothing is to be learnt from it
	flagIn         = "in="        // before a function: only the calls in it
	flagVia        = "via="       // before a method: only the calls of it
	flagCopies     = "copies"     // the turn of the calls is also that in inlined copies

	// several stands in place of a class: the line has several locks, and the line
	// alone does not say which one is meant.
	several = "?"
)

// A table is one package's part of the names table, as it is gathered.
type table struct {
	files map[string]map[lineKind]*entry // by base name
}

// lineKind is a line of source and what is looked up there: a wrapper's own lock
// call stands with the other lock calls.
type lineKind struct {
	line int
	kind kind
}

// entry is what is known of the calls of one kind on one line.
type entry struct{ calls []call }

// A call is one site.
type call struct {
	kind  kind
	class string // "": it cannot be told
	flags []string
	in    string    // the function in which it runs, see inFunc, with ".func" in any literal of it
	lit   string    // the literal in which it runs, "": none, or its number is not known
	via   string    // the symbol of the method that is called, "": not known
	pos   token.Pos // tells calls apart

	// Of a call that is a statement: the block and the statement's place in it.
	block *ast.BlockStmt
	stmt  int
	loops bool // a copy of the function may lie in a loop of another one
}

func newTable() *table { return &table{files: make(map[string]map[lineKind]*entry)} }

func (t *table) entry(file string, line int, k kind) *entry {
	file = path.Base(strings.ReplaceAll(file, `\`, "/"))
	lines := t.files[file]
	if lines == nil {
		lines = make(map[lineKind]*entry)
		t.files[file] = lines
	}
	if k == kindWrapper {
		k = kindLock
	}
	e := lines[lineKind{line, k}]
	if e == nil {
		e = &entry{}
		lines[lineKind{line, k}] = e
	}
	return e
}

func (e *entry) add(c call) {
	for i := range e.calls {
		if e.calls[i].pos == c.pos && e.calls[i].in == c.in {
			return // a deferred call, on the line where it runs
		}
	}
	e.calls = append(e.calls, c)
}

// name returns the line of the table that names the calls, but for the number of
// the line; "": there is none.
func name(calls []call) string {
	flags := make(map[string]bool)
	for _, c := range calls {
		if c.class == "" || c.class != calls[0].class || c.kind != calls[0].kind {
			return ""
		}
		for _, f := range c.flags {
			flags[f] = true
		}
	}
	s := string(rune(calls[0].kind)) + " " + calls[0].class
	for _, f := range sorted(flags) {
		s += " " + f
	}
	return s
}

// lines returns the lines of the table for one line of source. Where its calls
// have several names, or one of several has none, the first says so; the others
// name those that are in a function of their own.
func (e *entry) lines(k kind) (all []string) {
	if s := name(e.calls); s != "" {
		return []string{s}
	}
	if len(e.calls) == 1 {
		return nil
	}
	all = []string{string(rune(k)) + " " + several}
	by := make(map[string][]call)
	for _, c := range e.calls {
		by[c.in] = append(by[c.in], c)
	}
	for _, in := range sorted(by) {
		if s := name(by[in]); in == "" {
			continue
		} else if s != "" {
			all = append(all, s+" "+flagIn+in)
			continue
		}
		if by[in][0].lit == "" {
			all = append(all, ways(in, by[in])...)
			continue
		}
		lits := make(map[string][]call)
		for _, c := range by[in] {
			lits[c.lit] = append(lits[c.lit], c)
		}
		for _, lit := range sorted(lits) {
			if s := name(lits[lit]); s != "" {
				all = append(all, s+" "+flagIn+lit)
			} else {
				all = append(all, ways(lit, lits[lit])...)
			}
		}
	}
	return all
}

// ways returns the lines that name calls in one function, of several names, by the
// method that is called.
func ways(in string, calls []call) (all []string) {
	methods := make(map[string][]call)
	for _, c := range calls {
		methods[c.via] = append(methods[c.via], c)
	}
	for _, via := range sorted(methods) {
		if via == "" {
			continue
		}
		if s := name(methods[via]); s != "" {
			all = append(all, s+" "+flagIn+in+" "+flagVia+via)
		} else if s, copies := inTurn(methods[via]); s != "" {
			s += " " + flagIn + in + " " + flagVia + via
			if copies {
				s += " " + flagCopies
			}
			all = append(all, s)
		}
	}
	return all
}

// inTurn is name for calls of one method in one function. Calls that run one after
// the other, with nothing between them that branches, lie in the code in that order:
// then the name has all classes, joined by "|".
//
// Proof. Within a basic block the compiler keeps calls in their order. It lays each
// block but the entry out behind one of those that lead to it, so by induction behind
// all blocks of some way from the entry; and every way to the second call passes the
// first. The exception are the heads of loops, which are moved to their ends. A head
// has a call if the loop begins with it, or with a condition that is always true: so
// calls in such loops have no turn. The head of a range loop is its test. ∎
//
// A function, a literal above all, can be inlined in a loop of another one. The turn is
// that of the copies, too, if no loop is around a literal that is called on the spot
// (what is copied with the literal's surroundings has another symbol), or if the calls
// stand in a row: then they are one basic block, as a call that returns does not end one.
func inTurn(calls []call) (s string, copies bool) {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b call) int { return int(a.pos - b.pos) })
	first := calls[0]
	classes := make([]string, len(calls))
	for i, c := range calls {
		if c.class == "" || c.kind != first.kind || !slices.Equal(c.flags, first.flags) || c.block == nil || c.block != first.block {
			return "", false
		}
		classes[i] = c.class
	}
	list := first.block.List[first.stmt : calls[len(calls)-1].stmt+1]
	row := len(list) == len(calls)
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			row = row && plain(s.X)
		case *ast.AssignStmt, *ast.IncDecStmt:
		default:
			return "", false
		}
	}
	first.class = strings.Join(classes, "|")
	return name([]call{first}), row || !first.loops
}

// plain reports whether x is a call without arguments, of a method of a variable or
// of its fields: code without a branch.
func plain(x ast.Expr) bool {
	c, ok := x.(*ast.CallExpr)
	if !ok || len(c.Args) > 0 {
		return false
	}
	for x = c.Fun; ; {
		switch e := x.(type) {
		case *ast.Ident:
			return true
		case *ast.ParenExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.UnaryExpr:
			if e.Op != token.AND {
				return false
			}
			x = e.X
		default:
			return false
		}
	}
}

// String returns the body of the package's section: "f" lines with the lines
// of their sites below, all in order.
func (t *table) String() string {
	var b strings.Builder
	for _, file := range sorted(t.files) {
		lines := t.files[file]
		keys := make([]lineKind, 0, len(lines))
		for k, e := range lines {
			if len(e.lines(k.kind)) > 0 {
				keys = append(keys, k)
			}
		}
		if len(keys) == 0 {
			continue
		}
		sort.Slice(keys, func(i, j int) bool {
			a, b := keys[i], keys[j]
			return a.line < b.line || a.line == b.line && a.kind < b.kind
		})
		fmt.Fprintf(&b, "f %s\n", file)
		for _, k := range keys {
			for _, s := range lines[k].lines(k.kind) {
				fmt.Fprintf(&b, "%d %s\n", k.line, s)
			}
		}
	}
	return b.String()
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// assemble joins the sections of units to the whole table, and counts.
func assemble(units []*unit, sections []string, stats Stats) ([]byte, Stats, error) {
	var b strings.Builder
	b.WriteString("lockdep-names 1\n")
	classes := make(map[string]bool)
	stats.Packages = len(units)
	for i, u := range units {
		if sections[i] == "" {
			continue
		}
		fmt.Fprintf(&b, "p %s\n", u.header)
		b.WriteString(sections[i])
		for s := bufio.NewScanner(strings.NewReader(sections[i])); s.Scan(); {
			if f := strings.Fields(s.Text()); len(f) >= 3 {
				stats.Sites++
				for c := range strings.SplitSeq(f[2], "|") {
					if c != several {
						classes[c] = true
					}
				}
			}
		}
	}
	stats.Classes = len(classes)
	return []byte(b.String()), stats, nil
}
