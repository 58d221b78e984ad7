package report

import (
	"fmt"
	"path"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// siteText is "func file:line".
func siteText(f engine.Frame) string { return fmt.Sprintf("%s %s:%d", f.Func, f.File, f.Line) }

// base is "file:line" without directories.
func base(f engine.Frame) string {
	if f.File == "" {
		return "?"
	}
	return fmt.Sprintf("%s:%d", path.Base(strings.ReplaceAll(f.File, `\`, "/")), f.Line)
}

// between is "file:line -> file:line": where a side took what it holds and
// where it wants more.
func between(s *engine.Side) string {
	return base(s.Holds.At) + " -> " + base(s.Wants.At)
}

// funcName is a function for people: "Store.Put" for
// "example.org/shop/store.(*Store).Put", less the numbers of closures.
func funcName(fn string) string {
	fn = fullFuncName(fn)
	for {
		i := strings.LastIndexByte(fn, '.')
		if i < 0 || !closure(fn[i+1:]) {
			return fn
		}
		fn = fn[:i]
	}
}

// fullFuncName is funcName with the numbers of closures.
func fullFuncName(fn string) string {
	fn = engine.ShortFunc(fn)
	if _, rest, ok := strings.Cut(fn, "."); ok {
		fn = rest
	}
	return strings.NewReplacer("(*", "", ")", "", "[...]", "").Replace(fn)
}

// closure: a part of a function's name that the compiler made, such as func1,
// 2, gowrap1 or deferwrap1.
func closure(part string) bool {
	for _, p := range [...]string{"func", "gowrap", "deferwrap"} {
		if rest, ok := strings.CutPrefix(part, p); ok {
			part = rest
			break
		}
	}
	part = strings.Replace(part, "-range", "", 1)
	return part != "" && strings.Trim(part, "0123456789") == ""
}

// actor is the function that stands for a side: the one that holds.
func actor(s *engine.Side) string {
	if s.Holds.At.Func != "" {
		return s.Holds.At.Func
	}
	return s.Wants.At.Func
}

// actors returns a name for each side, different ones where there are any.
func actors(f *Finding) []string {
	out := make([]string, len(f.Sides))
	seen := map[string]string{}
	clash := false
	for i := range f.Sides {
		fn := actor(&f.Sides[i])
		out[i] = funcName(fn)
		if old, ok := seen[out[i]]; ok && old != fn {
			clash = true
		}
		seen[out[i]] = fn
	}
	if clash {
		for i := range f.Sides {
			out[i] = fullFuncName(actor(&f.Sides[i]))
		}
	}
	return out
}

// callee is the function that a side calls on its way from what it holds to
// what it wants; empty: none, or not known.
func callee(s *engine.Side) string {
	for i, f := range s.Stack {
		if f.Func == s.Holds.At.Func {
			if i == 0 {
				return ""
			}
			return funcName(s.Stack[i-1].Func)
		}
	}
	return ""
}

// isRuntime: a frame that says nothing, below main or the go statement.
func isRuntime(f engine.Frame) bool {
	return strings.HasPrefix(f.Func, "runtime.goexit") || strings.HasPrefix(f.Func, "runtime.main")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// and joins words: "a", "a and b", "a, b and c".
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
