package scenario

import (
	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/engine/kernel"
)

// goFinding is the finding as lockdep reports it of a Go program: tasks are goroutines, places are lines of the scenario.
// It is nil for what Go has not: interrupts, wait types, nest locks.
func (r *run) goFinding(f *kernel.Finding) *engine.Finding {
	out := &engine.Finding{Level: engine.Likely, Count: 1}
	switch f.Kind {
	case kernel.Circular:
		out.Kind = engine.KindCircular
		out.Sides = append(out.Sides, r.side(f.Prev.Class, f.Prev.Site, f.Prev.Mode, f.Lock.Class, f.Site, f.Lock.Mode))
		for i := 1; i < len(f.Path); i++ {
			from, to := f.Path[i-1], f.Path[i]
			wants, holds := kernel.Mode(0), kernel.Mode(0)
			if to.Edge.Kinds&(kernel.KindSN|kernel.KindEN) == 0 {
				wants = kernel.Recursive
			}
			if to.Edge.Kinds&(kernel.KindER|kernel.KindEN) == 0 {
				holds = kernel.Shared
			}
			out.Sides = append(out.Sides, r.side(from.Class, to.Edge.FromSite, holds, to.Class, to.Edge.Site, wants))
		}
	case kernel.RecursiveLock:
		out.Kind = engine.KindRecursive
		out.Sides = []engine.Side{r.side(f.Prev.Class, f.Prev.Site, f.Prev.Mode, f.Lock.Class, f.Site, f.Lock.Mode)}
	case kernel.HeldAtExit:
		out.Kind = engine.KindExitHeld
		h := f.Held[len(f.Held)-1]
		s := r.side(h.Class, h.Site, h.Mode, kernel.ClassInfo{}, f.Site, 0)
		s.Wants = engine.Lock{}
		out.Sides = []engine.Side{s}
	default:
		return nil
	}
	return out
}

func (r *run) side(held kernel.ClassInfo, heldAt kernel.Site, how kernel.Mode, wanted kernel.ClassInfo, at kernel.Site, want kernel.Mode) engine.Side {
	h, w := r.stacks[heldAt], r.stacks[at]
	lock := func(c kernel.ClassInfo, s stack, m kernel.Mode) engine.Lock {
		l := engine.Lock{Class: className(c), Mode: "W"}
		if m&(kernel.Shared|kernel.Recursive) != 0 {
			l.Mode = "R"
		}
		if len(s.lines) > 0 {
			l.At = s.lines[0]
		}
		return l
	}
	s := engine.Side{Holds: lock(held, h, how), Wants: lock(wanted, w, want), Stack: w.lines, Goroutine: w.task, Test: w.name}
	s.Held = []engine.Lock{s.Holds}
	return s
}
