package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

const margin = "        "

// picture draws who waits for whom.
func picture(b *bytes.Buffer, f *Finding) {
	nodes, names := nodeNames(f), actors(f)
	label := func(i int) string {
		s := &f.Sides[i]
		text := names[i] + " (" + between(s) + ")"
		if s.Waits != nil {
			text += ", waits: " + s.Waits.For
		}
		if s.Writer != nil {
			text += ", behind " + funcName(actor(s.Writer)) + ", a writer (" + base(s.Writer.Wants.At) + ")"
		}
		return text
	}
	s := &f.Sides[0]
	class := engine.ShortClass(s.Wants.Class)
	switch {
	case f.Kind == KindExitHeld:
		fmt.Fprintf(b, "%s%s (%s)  ---- waits for ---->  %s\n", margin, funcName(s.Wants.At.Func), base(s.Wants.At), class)
		fmt.Fprintf(b, "%s%s  <---- still held by ----  %s (%s), a goroutine that ended\n", margin, class, names[0], base(s.Holds.At))
	case f.Kind == KindStuck:
		what := class
		if what == "" {
			what = s.Wants.Mode
		}
		fmt.Fprintf(b, "%s%s (%s)  ---- waits for ever ---->  %s\n", margin, funcName(s.Wants.At.Func), base(s.Wants.At), what)
		for i := range s.Held {
			fmt.Fprintf(b, "%s   holds %s (%s)\n", margin, engine.ShortClass(s.Held[i].Class), base(s.Held[i].At))
		}
	case f.Kind == KindAssertHeld || f.Kind == KindAssertNotHeld:
		held := "not held"
		if s.Holds.Class != "" {
			held = "held {" + s.Holds.Mode + "} since " + base(s.Holds.At)
		}
		says := "must be held"
		if f.Kind == KindAssertNotHeld {
			says = "must not be held"
		} else if s.Wants.Mode == "W" {
			says += " {W}"
		}
		fmt.Fprintf(b, "%s%s (%s)  %s %s:  %s\n", margin, funcName(s.Wants.At.Func), base(s.Wants.At), class, says, held)
	case f.Kind == KindRecursiveRead && s.Writer != nil:
		rows := [][3]string{
			{names[0] + " " + base(s.Holds.At), "RLock(" + class + ")", "holds it"},
			{funcName(s.Writer.Wants.At.Func) + " " + base(s.Writer.Wants.At), "Lock(" + class + ")", "waits for line 1"},
			{funcName(s.Wants.At.Func) + " " + base(s.Wants.At), "RLock(" + class + ")", "waits for line 2, and line 1 is its own goroutine"},
		}
		w := max(len(rows[0][0]), len(rows[1][0]), len(rows[2][0]))
		for i, r := range rows {
			fmt.Fprintf(b, "%s%d  %-*s  %-*s  %s\n", margin, i+1, w, r[0], len(rows[0][1]), r[1], r[2])
		}
	case len(f.Sides) == 1:
		loop(b, class, label(0))
	case len(f.Sides) == 2:
		square(b, nodes[1], nodes[0], label(1), label(0))
	default:
		for k := range f.Sides {
			i := (k + 1) % len(f.Sides)
			fmt.Fprintf(b, "%s%s\n%s   |  %s\n%s   v\n", margin, nodes[i], margin, label(i), margin)
		}
		fmt.Fprintf(b, "%s%s    (the first again)\n", margin, nodes[1])
	}
}

// loop draws a lock that waits for itself:
//
//	A  -- label --.
//	^             |
//	'-------------'
func loop(b *bytes.Buffer, a, label string) {
	arm := "  ----- " + label + " -----."
	col := len(a) / 2
	end := len(a) + len(arm) - 1
	fmt.Fprintf(b, "%s%s%s\n", margin, a, arm)
	fmt.Fprintf(b, "%s%s^%s|\n", margin, strings.Repeat(" ", col), strings.Repeat(" ", end-col-1))
	fmt.Fprintf(b, "%s%s'%s'\n", margin, strings.Repeat(" ", col), strings.Repeat("-", end-col-1))
}

// square draws two locks, there from a to z and back from z to a:
//
//	a  --- there --->  z
//	^                  |
//	'----- back <------'
func square(b *bytes.Buffer, a, z, there, back string) {
	left := len(a) / 2
	// Columns between the corners of the lower line, which must hold back.
	const arms = len("--------- ") + len(" <-----")
	gap := len(a) - left + len("  ----- ") + len(there) + len(" ---->  ") + len(z)/2 - 1
	extra := max(0, len(back)+arms-gap)
	gap += extra
	fmt.Fprintf(b, "%s%s  ----- %s %s---->  %s\n", margin, a, there, strings.Repeat("-", extra), z)
	fmt.Fprintf(b, "%s%s^%s|\n", margin, strings.Repeat(" ", left), strings.Repeat(" ", gap))
	fill := gap - len(back) - len("-- ") - len(" <-")
	fmt.Fprintf(b, "%s%s'%s %s <%s'\n", margin, strings.Repeat(" ", left),
		strings.Repeat("-", fill/2+2), back, strings.Repeat("-", fill-fill/2+1))
}
