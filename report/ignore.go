package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/golockdep/lockdep/engine"
)

// A Rule is a suppression: one line of an ignore file.
type Rule struct {
	File    string
	Line    int
	Kind    Kind     // zero: any kind
	Classes []string // in cycle order, as written: full or short names, * for any part
	Reason  string
	used    bool
}

// Pos is "file:line".
func (r Rule) Pos() string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

// String is the rule as it stands in an ignore file.
func (r Rule) String() string {
	s := strings.Join(r.Classes, " -> ") + "  # " + r.Reason
	if r.Kind != 0 {
		return r.Kind.String() + " " + s
	}
	return s
}

// An Ignore is an ignore file. A line of it is
//
//	[KIND] CLASS -> CLASS ...   # REASON
//
// and takes the findings with just these classes in this cycle, wherever it
// begins: "a -> b" and "b -> a" are one. KIND is one of circular, recursive,
// recursive-read, same-class and exit-held; it must be there where the rule
// has one class, and without it any kind is meant. CLASS is a class's full
// name or its short one, as in reports; a * stands for any part of it, slashes
// and dots included. REASON must be there. Empty lines are skipped, and lines
// that begin with #.
//
// An Ignore remembers what it took, so it is for one goroutine at a time.
type Ignore struct {
	rules []Rule
}

// ParseIgnore reads an ignore file; name is for messages. Its errors name file
// and line and say what to write instead, all wrong lines at once; they come
// with the rules of the right ones.
func ParseIgnore(name string, r io.Reader) (*Ignore, error) {
	out := &Ignore{}
	var errs []error
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadString('\n')
		if text := strings.TrimSpace(line); text != "" && text[0] != '#' {
			rule, perr := parseRule(text)
			if perr == nil {
				rule.File, rule.Line = name, n
				out.rules = append(out.rules, rule)
			} else {
				errs = append(errs, fmt.Errorf("%s:%d: %w", name, n, perr))
			}
		}
		if errors.Is(err, io.EOF) {
			return out, errors.Join(errs...)
		}
		if err != nil {
			return out, errors.Join(append(errs, fmt.Errorf("%s:%d: reading suppressions: %w", name, n, err))...)
		}
	}
}

const form = "CLASS -> CLASS  # REASON"

func parseRule(text string) (Rule, error) {
	var r Rule
	if !utf8.ValidString(text) {
		return r, fmt.Errorf("%q is not UTF-8 text", text)
	}
	what, reason, _ := strings.Cut(text, "#")
	what = strings.TrimSpace(what)
	if r.Reason = strings.TrimSpace(reason); r.Reason == "" {
		return r, fmt.Errorf("a suppression needs a reason; write %s  # and why this may stay", what)
	}
	if word, rest, _ := strings.Cut(what, " "); kindNamed(word) != 0 {
		r.Kind, what = kindNamed(word), strings.TrimSpace(rest)
	}
	for c := range strings.SplitSeq(what, "->") {
		c = strings.TrimSpace(c)
		if c == "" {
			return r, fmt.Errorf("a class is missing; write %s, with KIND in front where there is one class", form)
		}
		if fn, site, ok := strings.Cut(c, " "); ok && (!strings.Contains(site, ".go:") || strings.ContainsAny(site, " \t") || strings.ContainsAny(fn, "\t")) {
			return r, fmt.Errorf("%q is no class; write -> between classes and one of %s in front of them, or nothing", c, kindWords())
		}
		r.Classes = append(r.Classes, c)
	}
	if len(r.Classes) == 1 && r.Kind == 0 {
		return r, fmt.Errorf("one class alone does not say what is meant; write KIND %s  # %s, where KIND is one of %s", r.Classes[0], r.Reason, kindWords())
	}
	return r, nil
}

func kindWords() string {
	var words []string
	for i := range docs {
		words = append(words, docs[i].Kind.String())
	}
	return strings.Join(words, ", ")
}

// Match reports whether a rule takes f. All rules that do count as used.
func (g *Ignore) Match(f *Finding) bool {
	if g == nil {
		return false
	}
	classes := Classes(f)
	found := false
	for i := range g.rules {
		if g.rules[i].match(f.Kind, classes) {
			g.rules[i].used = true
			found = true
		}
	}
	return found
}

// Unused returns the rules that have matched nothing so far, in their order.
// After a run of everything each is an error: its finding is gone, and so
// should the rule.
func (g *Ignore) Unused() []Rule {
	if g == nil {
		return nil
	}
	var out []Rule
	for _, r := range g.rules {
		if !r.used {
			out = append(out, r)
		}
	}
	return out
}

func (r *Rule) match(k Kind, classes []string) bool {
	n := len(classes)
	if n == 0 || n != len(r.Classes) || r.Kind != 0 && r.Kind != k {
		return false
	}
next:
	for start := range n {
		for i, p := range r.Classes {
			c := classes[(start+i)%n]
			if !glob(p, c) && !glob(p, engine.ShortClass(c)) {
				continue next
			}
		}
		return true
	}
	return false
}

// glob reports whether s is pattern, where * stands for any bytes. It goes
// back to the last star only, so it takes len(pattern)*len(s) steps at most.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
