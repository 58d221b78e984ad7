package splat

import (
	"regexp"
	"strings"
)

// A Pair is one dependency of a cycle: Held was, or may be, held while Wanted
// is taken, in Func. IRQ: not by nesting, but because an interrupt that takes
// Wanted may come while Held is held.
type Pair struct {
	Held   string `json:"held"`
	Wanted string `json:"wanted"`
	Func   string `json:"func,omitempty"`
	IRQ    bool   `json:"irq,omitempty"`
	Closes bool   `json:"closes,omitempty"` // the acquisition that made the report
}

// Pairs returns the cycle that r is about, beginning with what is wanted now;
// nil where its kind has none or the source cut it off.
func (r *Report) Pairs() []Pair {
	switch r.Kind {
	case Circular:
		if r.Acquire == nil || r.Holding == nil {
			return nil
		}
		var out []Pair
		at := r.Acquire.Class
		if n := len(r.Chain); n > 1 && r.Chain[n-1].Index == 0 && r.Chain[0].Index == n-1 {
			for i := n - 2; i >= 0; i-- {
				l := &r.Chain[i]
				out = append(out, Pair{Held: at, Wanted: l.Lock.Class, Func: Outer(l.Stack)})
				at = l.Lock.Class
			}
		} else if len(r.Exists) == 3 {
			// Only three of the classes are named where the chain is cut.
			out = append(out, Pair{Held: at, Wanted: r.Exists[1]}, Pair{Held: r.Exists[1], Wanted: r.Holding.Class})
			at = r.Holding.Class
		} else {
			out = append(out, Pair{Held: at, Wanted: r.Holding.Class})
			at = r.Holding.Class
		}
		fn := r.Acquire.where()
		if n := len(r.Chain); n > 0 && r.Chain[n-1].Index == 0 {
			if f := Outer(r.Chain[n-1].Stack); f != "" {
				fn = f
			}
		}
		return append(out, Pair{Held: at, Wanted: r.Acquire.Class, Func: fn, Closes: true})
	case Recursive:
		if r.Acquire == nil {
			return nil
		}
		held := r.Acquire.Class
		if r.Holding != nil {
			held = r.Holding.Class
		}
		return []Pair{{Held: held, Wanted: r.Acquire.Class, Func: r.Acquire.where(), Closes: true}}
	case Inconsistent:
		if r.Acquire == nil {
			return nil
		}
		return []Pair{{Held: r.Acquire.Class, Wanted: r.Acquire.Class, Func: r.Acquire.where(), IRQ: true, Closes: true}}
	case IRQOrder:
		if r.Acquire == nil || r.Holding == nil || r.Safe == nil || r.Unsafe == nil {
			return nil
		}
		path := []string{r.Safe.Lock.Class}
		for _, c := range []string{r.Holding.Class, r.Acquire.Class, r.Unsafe.Lock.Class} {
			if c != path[len(path)-1] {
				path = append(path, c)
			}
		}
		var out []Pair
		for i := 1; i < len(path); i++ {
			p := Pair{Held: path[i-1], Wanted: path[i]}
			if p.Held == r.Holding.Class && p.Wanted == r.Acquire.Class {
				p.Func, p.Closes = r.Acquire.where(), true
			}
			out = append(out, p)
		}
		return append(out, Pair{Held: path[len(path)-1], Wanted: path[0], Func: Outer(r.Safe.Stack), IRQ: true})
	case IRQInversion:
		if r.Acquire == nil || r.Other == nil {
			return nil
		}
		a, b := r.Acquire.Class, r.Other.Class
		if r.Backward {
			a, b = b, a
		}
		return []Pair{{Held: a, Wanted: b}, {Held: b, Wanted: a, Func: r.Acquire.where(), IRQ: true, Closes: true}}
	}
	return nil
}

// Cycle returns the classes of a cycle in order: each was, or may be, held while
// the next is taken, and the last while the first is. It is nil where the kind
// has no cycle.
func (r *Report) Cycle() []string {
	var out []string
	for _, p := range r.Pairs() {
		out = append(out, p.Held)
	}
	return out
}

var versionRE = regexp.MustCompile(`#\d+`)

// Key identifies the bug: reports of one bug have one key. For cycles that is
// the set of class pairs, wherever the cycle was entered and closed, so that one
// cycle met from two sides is one bug, and two that happen to be closed in one
// function are two. The "#n" of a class is counted as classes are registered,
// in another order in every boot; instead of it, the function that takes the
// class is part of the key.
func (r *Report) Key() string {
	var parts []string
	for _, p := range r.Pairs() {
		held, wanted := versionRE.ReplaceAllString(p.Held, ""), versionRE.ReplaceAllString(p.Wanted, "")
		s := held + " -> " + wanted
		if held != p.Held || wanted != p.Wanted || r.Kind == Recursive {
			s += " in " + p.Func
		}
		if p.IRQ {
			s += " by irq"
		}
		parts = append(parts, s)
	}
	if len(parts) > 0 {
		family := "cycle"
		if r.Kind == Inconsistent {
			family = string(r.Kind)
		}
		return family + ": " + strings.Join(rotated(parts), "; ")
	}
	key := string(r.Kind) + ": "
	switch r.Kind {
	case RCU:
		return key + r.Source + " " + r.Message
	case Limit:
		return key + r.titleLine()
	case Assert:
		return key + strings.Join(r.Notes[:min(1, len(r.Notes))], "") + " in " + r.place()
	}
	if r.Kind == NonstaticKey {
		return r.SyzkallerTitle()
	}
	return key + versionRE.ReplaceAllString(strings.Join(r.Classes(), ", "), "") + " in " + r.place()
}

// rotated turns a cycle so that it begins with its smallest rotation.
func rotated(s []string) []string {
	best := s
	for i := range s {
		if c := append(append([]string(nil), s[i:]...), s[:i]...); strings.Join(c, "\x00") < strings.Join(best, "\x00") {
			best = c
		}
	}
	return best
}

// A Group are the reports of one bug.
type Group struct {
	Key     string    `json:"key"`
	Reports []*Report `json:"reports"`
}

// Dedup groups reports by [Report.Key], in the order of their first ones.
func Dedup(reports []*Report) []Group {
	var out []Group
	index := map[string]int{}
	for _, r := range reports {
		k := r.Key()
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, Group{Key: k})
		}
		out[i].Reports = append(out[i].Reports, r)
	}
	return out
}
