package lockgraph

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// ClassNames returns the names of the classes, sorted.
func (g *Graph) ClassNames() []string {
	out := make([]string, 0, len(g.Classes))
	for c := range g.Classes {
		out = append(out, c)
	}
	sort.Strings(out)
	return out
}

// An Order is a lock order document: rules "A -> B [-> C]", that A may be held
// while B is taken and not the other way round. Rules combine: A -> B and
// B -> C forbid C -> A too. Names are full class names or their short form;
// "#" begins a comment.
type Order struct {
	File     string
	rules    []orderRule
	comments map[string][]string // lines of comment before a rule, by its text
	head     []string            // comment before the first rule
	tail     []string
}

type orderRule struct {
	line    int
	classes []string
	note    string // comment on the rule's own line
}

// ReadOrder reads a lock order document. Errors name file and line.
func ReadOrder(name string) (*Order, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the lock order: %w", err)
	}
	defer f.Close()
	return ParseOrder(name, f)
}

// ParseOrder is [ReadOrder] on an open document.
func ParseOrder(name string, r io.Reader) (*Order, error) {
	o := &Order{File: name, comments: map[string][]string{}}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	var pending []string
	for n := 1; sc.Scan(); n++ {
		text, note, _ := strings.Cut(sc.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			line := strings.TrimSpace(sc.Text())
			if len(o.rules) == 0 && line == "" && len(pending) > 0 && o.head == nil {
				o.head, pending = pending, nil // a blank line ends the document's heading
			} else if line != "" {
				pending = append(pending, line)
			}
			continue
		}
		rule := orderRule{line: n, note: strings.TrimSpace(note)}
		for _, c := range strings.Split(text, "->") {
			c = strings.TrimSpace(c)
			if c == "" {
				return nil, fmt.Errorf("%s:%d: a class is missing beside \"->\"; write rules as A -> B -> C", name, n)
			}
			rule.classes = append(rule.classes, c)
		}
		if len(rule.classes) < 2 {
			return nil, fmt.Errorf("%s:%d: %q is no rule; write rules as A -> B -> C and begin comments with #", name, n, text)
		}
		if len(pending) > 0 {
			o.comments[strings.Join(rule.classes, " -> ")] = pending
			pending = nil
		}
		o.rules = append(o.rules, rule)
	}
	o.tail = pending
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: reading the lock order: %w", name, err)
	}
	if err := o.acyclic(); err != nil {
		return nil, err
	}
	return o, nil
}

// after returns for each class those that may be taken while it is held, with
// the line of a rule that says so.
func (o *Order) after() map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, r := range o.rules {
		for i := 0; i+1 < len(r.classes); i++ {
			if out[r.classes[i]] == nil {
				out[r.classes[i]] = map[string]int{}
			}
			if _, ok := out[r.classes[i]][r.classes[i+1]]; !ok {
				out[r.classes[i]][r.classes[i+1]] = r.line
			}
		}
	}
	return out
}

// path returns the lines of the rules that lead from a to b, nil if none do.
func path(after map[string]map[string]int, a, b string, seen map[string]bool) []int {
	if seen[a] {
		return nil
	}
	seen[a] = true
	next := make([]string, 0, len(after[a]))
	for c := range after[a] {
		next = append(next, c)
	}
	sort.Strings(next)
	for _, c := range next {
		if c == b {
			return []int{after[a][c]}
		}
		if p := path(after, c, b, seen); p != nil {
			return append([]int{after[a][c]}, p...)
		}
	}
	return nil
}

func (o *Order) acyclic() error {
	after := o.after()
	for _, r := range o.rules {
		for i := 0; i+1 < len(r.classes); i++ {
			if p := path(after, r.classes[i+1], r.classes[i], map[string]bool{}); p != nil {
				return fmt.Errorf("%s:%d: %s -> %s contradicts line %d; a lock order has no cycle", o.File, r.line, r.classes[i], r.classes[i+1], p[0])
			}
		}
	}
	return nil
}

// Check prints every dependency of the graph that contradicts the document,
// with the lines of the rules, sites and stack, and says which classes were not
// met. It reports whether there was a contradiction, or a class that was not met
// although the tests of its package ran. v is g, judged.
func (o *Order) Check(w io.Writer, g *Graph, v *engine.Validator) bool {
	bad := false
	after := o.after()
	names, _ := v.Classes()
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
		known[engine.ShortClass(n)] = true
	}
	said := map[string]bool{}
	for _, r := range o.rules {
		for _, c := range r.classes {
			if !known[c] && !said[c] {
				said[c] = true
				if g.tested(c) {
					bad = true
					fmt.Fprintf(w, "%s:%d: the lock class %s was not met, though the tests of its package ran; delete it from the rule, correct its name, or run all tests\n", o.File, r.line, c)
				} else {
					fmt.Fprintf(w, "%s:%d: note: the lock class %s was not met, and the tests of its package did not run\n", o.File, r.line, c)
				}
			}
		}
	}
	for _, e := range Dependencies(v) {
		if e.From == e.To {
			continue
		}
		var lines []int
		for _, from := range []string{e.From, engine.ShortClass(e.From)} {
			for _, to := range []string{e.To, engine.ShortClass(e.To)} {
				if lines == nil {
					lines = path(after, to, from, map[string]bool{})
				}
			}
		}
		if lines == nil {
			continue
		}
		bad = true
		s := e.First
		fmt.Fprintf(w, "%s:%d: lock order violated: %s is held while %s is taken\n", o.File, lines[0], engine.ShortClass(e.From), engine.ShortClass(e.To))
		if len(lines) > 1 {
			fmt.Fprintf(w, "  by the rules of lines %s\n", strings.Trim(fmt.Sprint(lines), "[]"))
		}
		fmt.Fprintf(w, "  held since %s:%d\n", s.Holds.At.File, s.Holds.At.Line)
		fmt.Fprintf(w, "  taken at   %s:%d\n", s.Wants.At.File, s.Wants.At.Line)
		for _, f := range s.Stack {
			fmt.Fprintf(w, "       %-38s %s:%d\n", engine.ShortFunc(f.Func), f.File, f.Line)
		}
	}
	return bad
}

// tested reports whether a process of the graph ran the tests of the package
// of that class: its binary is named for the package. Other processes use a
// part of a package, so they say nothing about a lock that they do not take.
func (g *Graph) tested(class string) bool {
	pkg, _, _ := strings.Cut(engine.ShortClass(class), ".")
	for _, p := range g.processes {
		if strings.TrimSuffix(p.Header["binary"], ".exe") == pkg+".test" {
			return true
		}
	}
	return false
}

// WriteOrder prints the established order as a document: first the levels
// (level 0 is taken first), then one line for each class that others are taken
// under, in the order of the levels. Comments of keep stay before their rules.
func (g *Graph) WriteOrder(w io.Writer, keep *Order) error {
	v := g.Judge()
	out := map[string][]string{}
	in := map[string]int{}
	classes := map[string]bool{}
	edges := Dependencies(v)
	for _, e := range edges {
		if e.From == e.To || e.Back || strings.Contains(e.From, " ") || strings.Contains(e.To, " ") {
			continue
		}
		classes[e.From], classes[e.To] = true, true
		out[e.From] = append(out[e.From], e.To)
		in[e.To]++
	}
	short := shortNames(classes)
	level := map[string]int{}
	var queue, order []string
	for c := range classes {
		if in[c] == 0 {
			queue = append(queue, c)
		}
	}
	sort.Strings(queue)
	for len(queue) > 0 {
		c := queue[0]
		queue = queue[1:]
		order = append(order, c)
		for _, d := range out[c] {
			level[d] = max(level[d], level[c]+1)
			if in[d]--; in[d] == 0 {
				queue = append(queue, d)
			}
		}
	}
	b := bufio.NewWriter(w)
	if keep != nil && keep.head != nil {
		for _, l := range keep.head {
			fmt.Fprintln(b, l)
		}
	} else {
		fmt.Fprintf(b, "# Lock order, from %d classes and %d dependencies in %d processes.\n", len(classes), len(edges), g.Processes)
		fmt.Fprintln(b, "# A -> B: A may be held while B is taken, not the other way round.")
	}
	sort.SliceStable(order, func(i, j int) bool {
		if level[order[i]] != level[order[j]] {
			return level[order[i]] < level[order[j]]
		}
		return order[i] < order[j]
	})
	last := -1
	for _, c := range order {
		if len(out[c]) == 0 {
			continue
		}
		if level[c] != last {
			last = level[c]
			fmt.Fprintf(b, "\n# level %d\n", last)
		}
		next := append([]string(nil), out[c]...)
		sort.Strings(next)
		for _, d := range next {
			rule := short[c] + " -> " + short[d]
			if keep != nil {
				for _, l := range keep.comments[rule] {
					if !strings.HasPrefix(l, "# level ") {
						fmt.Fprintln(b, l)
					}
				}
				for _, r := range keep.rules {
					if r.note != "" && strings.Join(r.classes, " -> ") == rule {
						rule += "  # " + r.note
						break
					}
				}
			}
			fmt.Fprintln(b, rule)
		}
	}
	if keep != nil && keep.tail != nil {
		fmt.Fprintln(b)
		for _, l := range keep.tail {
			fmt.Fprintln(b, l)
		}
	}
	return b.Flush()
}

// shortNames gives each class its short name where that is unambiguous.
func shortNames(classes map[string]bool) map[string]string {
	n := map[string]int{}
	for c := range classes {
		n[engine.ShortClass(c)]++
	}
	out := map[string]string{}
	for c := range classes {
		if s := engine.ShortClass(c); n[s] == 1 {
			out[c] = s
		} else {
			out[c] = c
		}
	}
	return out
}
