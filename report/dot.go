package report

import (
	"bytes"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// WriteDOT writes the cycle of f in the DOT language of Graphviz: a node a
// class (an instance, where the finding is about one class), an arrow a side
// from what it holds to what it wants. A writer that queues in between is a
// dotted arrow. The error is w's.
func WriteDOT(w io.Writer, f *Finding) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "digraph %s {\n\trankdir=LR;\n\tnode [shape=box];\n", quoteDOT("lockdep "+f.ID))
	fmt.Fprintf(&b, "\tlabel=%s;\n", quoteDOT(f.Kind.Title()+"\nlevel: "+f.Level.String()))
	names := actors(f)
	arrow := func(from, to, name string, s *engine.Side, attrs string) {
		label := name + "\n" + between(s)
		if s.Test != "" {
			label += "\n" + s.Test
		}
		fmt.Fprintf(&b, "\t%s -> %s [label=%s%s];\n", quoteDOT(from), quoteDOT(to), quoteDOT(label), attrs)
	}
	nodes := nodeNames(f)
	for i := range f.Sides {
		s := &f.Sides[i]
		to := nodes[(i+1)%len(nodes)]
		arrow(nodes[i], to, names[i], s, ", color=red")
		if s.Writer != nil {
			label := quoteDOT(funcName(actor(s.Writer)) + ", a writer\n" + base(s.Writer.Wants.At))
			fmt.Fprintf(&b, "\t%s -> %s [label=%s, style=dotted];\n", quoteDOT(to), quoteDOT(to), label)
		}
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// nodeNames names what each side holds, for pictures: the class, and where the
// finding is about several locks of one class, class and instance.
func nodeNames(f *Finding) []string {
	out := make([]string, len(f.Sides))
	single := len(Classes(f)) == 1 && len(f.Sides) > 1
	for i := range f.Sides {
		s := &f.Sides[i]
		out[i] = engine.ShortClass(heldClass(s))
		if single {
			out[i] = fmt.Sprintf("%s (lock %c)", out[i], 'x'+rune(i)%3)
			if len(f.Sides) > 3 {
				out[i] = fmt.Sprintf("%s (lock %d)", engine.ShortClass(heldClass(s)), i+1)
			}
		}
	}
	return out
}

// WriteGraphDOT writes dependencies in the DOT language: an arrow from A to B
// where B was taken while A was held, labelled with the number of samples
// where there are several. Arrows that lie on a cycle of classes are red; not
// each of those is a finding, as gates, readers and instances are not in the
// picture. Locks of one class held together are a dashed loop. The order of
// edges does not matter. The error is w's.
func WriteGraphDOT(w io.Writer, edges []engine.Edge) error {
	var b bytes.Buffer
	b.WriteString("digraph lockdep {\n\trankdir=LR;\n\tnode [shape=box];\n")
	comp := components(edges)
	sorted := append([]engine.Edge(nil), edges...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].From != sorted[j].From {
			return sorted[i].From < sorted[j].From
		}
		return sorted[i].To < sorted[j].To
	})
	classes := make([]string, 0, len(comp))
	for c := range comp {
		classes = append(classes, c)
	}
	sort.Strings(classes)
	for _, c := range classes {
		fmt.Fprintf(&b, "\t%s [label=%s];\n", quoteDOT(c), quoteDOT(engine.ShortClass(c)))
	}
	for _, e := range sorted {
		var attrs []string
		if e.Samples > 1 {
			attrs = append(attrs, fmt.Sprintf("label=\"%d\"", e.Samples))
		}
		switch {
		case e.From == e.To:
			attrs = append(attrs, "style=dashed")
		case comp[e.From] == comp[e.To]:
			attrs = append(attrs, "color=red", "penwidth=2")
		}
		if s := &e.First; s.Wants.At.File != "" {
			attrs = append(attrs, "tooltip="+quoteDOT(funcName(actor(s))+" "+between(s)))
		}
		fmt.Fprintf(&b, "\t%s -> %s", quoteDOT(e.From), quoteDOT(e.To))
		if len(attrs) > 0 {
			fmt.Fprintf(&b, " [%s]", strings.Join(attrs, ", "))
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// components gives each class the number of its strongly connected component
// (Tarjan 1972): an edge lies on a cycle iff both its ends have one number.
func components(edges []engine.Edge) map[string]int {
	next := map[string][]string{}
	for _, e := range edges {
		next[e.From] = append(next[e.From], e.To)
	}
	comp := map[string]int{}
	index, low := map[string]int{}, map[string]int{}
	var stack []string
	var visit func(string)
	visit = func(c string) {
		index[c] = len(index) + 1
		low[c] = index[c]
		stack = append(stack, c)
		for _, to := range next[c] {
			if index[to] == 0 {
				visit(to)
				low[c] = min(low[c], low[to])
			} else if comp[to] == 0 {
				low[c] = min(low[c], index[to])
			}
		}
		if low[c] != index[c] {
			return
		}
		for {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			comp[top] = index[c]
			if top == c {
				return
			}
		}
	}
	for _, e := range edges {
		if index[e.From] == 0 {
			visit(e.From)
		}
	}
	return comp
}

// quoteDOT is s as a quoted ID of DOT.
func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
