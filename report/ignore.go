package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/golockdep/lockdep/engine"
)

// A Rule is a suppression and the line of an ignore file where it stands.
type Rule struct {
	engine.Suppression
	File string
	Line int
	used bool
}

// Pos is "file:line".
func (r Rule) Pos() string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

// String is the rule as it stands in an ignore file.
func (r Rule) String() string {
	s := strings.Join(r.Classes, " -> ") + "  # " + r.Reason
	if r.Kind != "" {
		return r.Kind + " " + s
	}
	return s
}

// An Ignore is an ignore file (docs/format/ignore.md). A line of it is
//
//	[KIND] CLASS [-> CLASS]...  # REASON
//
// and takes findings as [engine.Suppression] says: those with just these
// classes. Empty lines and comments are skipped. What a line means is the
// engine's decision, since live programs heed the file too; here it is held to
// classes that can exist, and to a whole file.
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
		rule := Rule{File: name, Line: n}
		var problem string
		if rule.Suppression, problem = parseLine(strings.TrimSuffix(line, "\n")); problem != "" {
			errs = append(errs, fmt.Errorf("%s:%d: %s", name, n, problem))
		} else if len(rule.Classes) > 0 {
			out.rules = append(out.rules, rule)
		}
		if errors.Is(err, io.EOF) {
			return out, errors.Join(errs...)
		}
		if err != nil {
			return out, errors.Join(append(errs, fmt.Errorf("%s:%d: reading suppressions: %w", name, n, err))...)
		}
	}
}

// parseLine is [engine.ParseSuppression] for lines that people write: it also
// refuses what can match nothing.
func parseLine(line string) (s engine.Suppression, problem string) {
	const form = "; write [KIND] CLASS -> CLASS  # REASON"
	if !utf8.ValidString(line) {
		return s, fmt.Sprintf("%q is not UTF-8 text", line)
	}
	if s, problem = engine.ParseSuppression(line); problem != "" {
		return s, problem + form
	}
	for _, c := range s.Classes {
		if kindNamed(c) != 0 {
			return s, fmt.Sprintf("%s is a kind; a class is missing%s", c, form)
		}
		if strings.ContainsFunc(c, unicode.IsSpace) && !siteClass(c) {
			return s, fmt.Sprintf("%q is no class%s, where KIND is one of %s", c, form, kindWords())
		}
	}
	return s, ""
}

// siteClass reports whether c is the name of a class that has only its site
// for a name: "func file.go:12".
func siteClass(c string) bool {
	_, site, ok := strings.Cut(c, " ")
	return ok && !strings.ContainsFunc(site, unicode.IsSpace) && strings.ContainsAny(site, ":*")
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
	found := false
	for i := range g.rules {
		if g.rules[i].Suppression.Match(f) {
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
