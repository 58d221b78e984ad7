package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// Facts is what the whole graph says about the two classes of a finding: how
// many recorded places take them in which order, those of the finding
// included. Before counts the order of Sides[1], After that of Sides[0], the
// side that closed the cycle. Both zero: not known.
type Facts struct {
	Before, After int
}

// other reports whether the order of Sides[1] is the rare one.
func (x Facts) other() bool { return x.After > x.Before }

// Explain writes in plain words who holds what and wants what, a picture of
// it, where it was seen, how sure it is, and the usual repair. The error is w's.
func Explain(w io.Writer, f *Finding, facts Facts) error {
	var b bytes.Buffer
	if len(f.Sides) == 0 {
		fmt.Fprintf(&b, "%s\n", f.Kind.Title())
		_, err := w.Write(b.Bytes())
		return err
	}
	for _, s := range story(f) {
		wrap(&b, s)
	}
	b.WriteString("\n")
	picture(&b, f)
	b.WriteString("\n")
	wrap(&b, seen(f))
	level := "Level " + f.Level.String()
	if f.Why != 0 && f.Level > engine.Suppressed {
		level += " and no higher"
	}
	wrap(&b, level+": "+whyText(f)+".")
	if len(f.Gates) > 0 {
		var gates []string
		for _, g := range f.Gates {
			gates = append(gates, engine.ShortClass(g))
		}
		wrap(&b, "All sides hold "+and(gates)+", which lets one of them in at a time.")
	}
	wrap(&b, "The usual repair: "+repair(f, facts))
	wrap(&b, graphSentence(f, facts))
	_, err := w.Write(b.Bytes())
	return err
}

// ExplainKind writes the documentation of a kind, given by its word, with its
// example. An unknown word is an error that names the known ones.
func ExplainKind(w io.Writer, kind string) error {
	d, ok := DocOf(kindNamed(kind))
	if !ok {
		var words []string
		for _, d := range docs {
			words = append(words, d.Kind.String())
		}
		return fmt.Errorf("%q is no kind of finding; the kinds are %s", kind, and(words))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n\n", d.Kind, d.Title)
	wrap(&b, d.Short)
	for p := range strings.SplitSeq(d.Text, "\n\n") {
		b.WriteString("\n")
		wrap(&b, p)
	}
	b.WriteString("\nExample:\n\n")
	for line := range strings.Lines(d.Example) {
		if line != "\n" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	b.WriteString("\n")
	wrap(&b, "The usual repair: "+lowerFirst(d.Repair))
	_, err := w.Write(b.Bytes())
	return err
}

// story says who holds what and wants what: sentences, the last one what
// comes of it.
func story(f *Finding) []string {
	s := &f.Sides[0]
	class := engine.ShortClass(s.Wants.Class)
	who := actors(f)[0]
	wants := funcName(s.Wants.At.Func)
	switch f.Kind {
	case KindExitHeld:
		return []string{
			fmt.Sprintf("%s took %s (%s), and its goroutine ended without letting go.", who, class, base(s.Holds.At)),
			fmt.Sprintf("%s wants it (%s) and waits until somebody else unlocks it, which may be never.", wants, base(s.Wants.At)),
		}
	case KindAssertHeld:
		if s.Holds.Class != "" {
			return []string{fmt.Sprintf("%s says that it holds %s for writing (%s). It holds it for reading (%s).", wants, class, base(s.Wants.At), base(s.Holds.At))}
		}
		return []string{fmt.Sprintf("%s says that %s is held (%s). Its goroutine does not hold it.", wants, class, base(s.Wants.At))}
	case KindStuck:
		var out []string
		if s.Holds.Class != "" {
			out = append(out, fmt.Sprintf("%s holds %s (%s).", who, engine.ShortClass(s.Holds.Class), base(s.Holds.At)))
		}
		if class != "" {
			return append(out, fmt.Sprintf("%s waits for %s (%s), which is never released.", wants, class, base(s.Wants.At)))
		}
		return append(out, fmt.Sprintf("%s waits (%s, %s) for what nothing that still runs can do.", wants, s.Wants.Mode, base(s.Wants.At)))
	case KindEvent:
		return []string{
			fmt.Sprintf("%s holds %s (%s) and waits (%s) for another goroutine.", who, class, base(s.Holds.At), s.Waits.For),
			fmt.Sprintf("The goroutine that ended the wait took %s before (%s, %s). If it wants it only now, each waits for the other for ever.", class, wants, base(s.Wants.At)),
		}
	case KindAssertNotHeld:
		return []string{fmt.Sprintf("%s says that %s is not held (%s). Its goroutine holds it since %s.", wants, class, base(s.Wants.At), base(s.Holds.At))}
	case KindRecursive:
		return []string{
			fmt.Sprintf("%s holds %s (%s) and wants it again in %s (%s).", who, class, base(s.Holds.At), wants, base(s.Wants.At)),
			"The goroutine waits for itself.",
		}
	case KindRecursiveRead:
		out := []string{fmt.Sprintf("%s holds %s for reading (%s) and wants to read it again in %s (%s).", who, class, base(s.Holds.At), wants, base(s.Wants.At))}
		if s.Writer == nil {
			return append(out, "If a writer queues in between, each waits for the other for ever.")
		}
		return append(out,
			fmt.Sprintf("%s wants to write it (%s).", funcName(s.Writer.Wants.At.Func), base(s.Writer.Wants.At)),
			"If the writer comes in between, it waits for the first reader, and the second reader waits for the writer: for ever.")
	}
	var out []string
	nodes, names := nodeNames(f), actors(f)
	queues := false
	for k := range f.Sides { // the older order first, the one that closed the cycle last
		i := (k + 1) % len(f.Sides)
		s := &f.Sides[i]
		if s.Waits != nil {
			out = append(out, fmt.Sprintf("%s holds %s and waits (%s) for a goroutine that takes %s (%s).", names[i], nodes[i], s.Waits.For, nodes[(i+1)%len(nodes)], base(s.Wants.At)))
		} else {
			out = append(out, fmt.Sprintf("%s holds %s and wants %s.", names[i], nodes[i], nodes[(i+1)%len(nodes)]))
		}
		if s.Writer != nil {
			queues = true
			out = append(out, fmt.Sprintf("It reads there, and so does who holds it; but %s wants to write %s, and a reader waits behind a writer that waits.",
				funcName(s.Writer.Wants.At.Func), nodes[(i+1)%len(nodes)]))
		}
	}
	switch {
	case f.Level == engine.Proved:
		return append(out, "They met, and each waits for the other for ever.")
	case len(f.Sides) == 2 && !queues:
		return append(out, "If both run at once, each can wait for the other for ever.")
	}
	return append(out, "If all run at once, each can wait for the next for ever.")
}

// seen says in which tests and processes the sides were seen. Whether they
// overlapped is not recorded, and does not matter.
func seen(f *Finding) string {
	what := "It was seen"
	switch n := len(f.Sides); {
	case n == 2:
		what = "Both orders were seen"
	case n > 2:
		what = fmt.Sprintf("All %d orders were seen", n)
	}
	tests := Tests(f)
	if len(tests) > 0 {
		what += ", in " + and(tests)
	}
	var procs []string
	for i := range f.Sides {
		if p := f.Sides[i].Process; p != "" && !slices.Contains(procs, p) {
			procs = append(procs, p)
		}
	}
	if len(procs) > 1 {
		what += ", in the processes " + and(procs)
	}
	switch {
	case f.Level == engine.Proved:
		return what + "; it happened."
	case len(f.Sides) > 1:
		return what + "; whether they overlapped is not known, and need not be: the program has them."
	}
	return what + "."
}

func repair(f *Finding, facts Facts) string {
	d, _ := DocOf(f.Kind)
	if f.Kind != KindCircular || len(f.Sides) != 2 {
		return lowerFirst(d.Repair)
	}
	i := 0
	if facts.other() {
		i = 1
	}
	s := &f.Sides[i]
	holds, wants := engine.ShortClass(s.Holds.Class), engine.ShortClass(s.Wants.Class)
	before := callee(s)
	if before == "" {
		before = "taking " + wants
	} else {
		before = "calling " + before
	}
	return fmt.Sprintf("take %s before %s in %s, or let go of %s before %s.", wants, holds, actors(f)[i], holds, before)
}

// graphSentence compares the two orders in the whole graph.
func graphSentence(f *Finding, x Facts) string {
	if len(f.Sides) != 2 || len(Classes(f)) != 2 || x.Before <= 0 || x.After <= 0 {
		return ""
	}
	a, b := engine.ShortClass(heldClass(&f.Sides[1])), engine.ShortClass(heldClass(&f.Sides[0]))
	switch {
	case x.Before == 1 && x.After == 1:
		return fmt.Sprintf("In the whole graph %s comes before %s only here, and after it only here.", a, b)
	case x.After == 1:
		return fmt.Sprintf("In the whole graph %s comes before %s in %s and after it only here.", a, b, plural(x.Before-1, "other place", "other places"))
	case x.Before == 1:
		return fmt.Sprintf("In the whole graph %s comes after %s in %s and before it only here.", a, b, plural(x.After-1, "other place", "other places"))
	}
	return fmt.Sprintf("In the whole graph %s comes before %s in %d places and after it in %d.", a, b, x.Before, x.After)
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// wrap writes text in lines of at most 88 bytes, as far as its words let it;
// nothing for no text.
func wrap(b *bytes.Buffer, text string) {
	n := 0
	for _, word := range strings.Fields(text) {
		switch {
		case n == 0:
		case n+1+len(word) > 88:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	if n > 0 {
		b.WriteByte('\n')
	}
}
