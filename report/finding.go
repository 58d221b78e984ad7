package report

import (
	"sort"

	"github.com/golockdep/lockdep/engine"
)

type (
	// Finding is the model that every form is made from.
	Finding = engine.Finding
	// Kind says what was found.
	Kind = engine.Kind
	// Level says how sure a finding is.
	Level = engine.Level
)

// The kinds of findings, each with a documentation value, see [DocOf].
const (
	KindCircular      = engine.KindCircular
	KindRecursive     = engine.KindRecursive
	KindRecursiveRead = engine.KindRecursiveRead
	KindSameClass     = engine.KindSameClass
	KindExitHeld      = engine.KindExitHeld
	KindAssertHeld    = engine.KindAssertHeld
	KindAssertNotHeld = engine.KindAssertNotHeld
	KindStuck         = engine.KindStuck
	KindEvent         = engine.KindEvent
)

// Classes returns the full names of f's classes in cycle order. A finding
// about locks of one class has one.
func Classes(f *Finding) []string {
	out := make([]string, 0, len(f.Sides))
	same := true
	for i := range f.Sides {
		c := heldClass(&f.Sides[i])
		same = same && c == heldClass(&f.Sides[0])
		if c != "" { // a goroutine that leaks may have to do with no lock
			out = append(out, c)
		}
	}
	if same && len(out) > 1 {
		out = out[:1]
	}
	return out
}

// Sites returns where f's locks were taken, "func file:line", in cycle order:
// of each side what it holds, then what it wants; each site once.
func Sites(f *Finding) []string {
	out := []string{}
	seen := map[string]bool{}
	for i := range f.Sides {
		for _, at := range [...]engine.Frame{f.Sides[i].Holds.At, f.Sides[i].Wants.At} {
			if s := siteText(at); at != (engine.Frame{}) && !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// Tests returns the names of the tests that made f's sides, writers included,
// sorted, each once.
func Tests(f *Finding) []string {
	out := []string{}
	seen := map[string]bool{"": true}
	for i := range f.Sides {
		for s := &f.Sides[i]; s != nil; s = s.Writer {
			if !seen[s.Test] {
				seen[s.Test] = true
				out = append(out, s.Test)
			}
		}
	}
	sort.Strings(out)
	return out
}

// heldClass is the class that a side brings into the cycle.
func heldClass(s *engine.Side) string {
	if s.Holds.Class != "" {
		return s.Holds.Class
	}
	return s.Wants.Class
}

// kindNamed returns the kind of that word; zero: there is none.
func kindNamed(word string) Kind {
	for i := range docs {
		if docs[i].Kind.String() == word {
			return docs[i].Kind
		}
	}
	return 0
}
