package names

import (
	"bufio"
	"fmt"
	"path"
	"sort"
	"strings"
)

// kind is the letter by which the table knows what a site does.
type kind byte

const (
	kindLock      kind = 'L' // Lock, RLock, TryLock, TryRLock; calls of wrappers
	kindOnce      kind = 'O' // Once.Do
	kindCond      kind = 'C' // Cond.Wait
	kindWaitGroup kind = 'G' // WaitGroup.Wait
	kindWrapper   kind = 'W' // inside a wrapper's own method: the caller's line names the lock
)

const (
	flagArray      = "array"      // the lock lies in an element of an array, slice or map
	flagNoValidate = "novalidate" // nothing is to be learnt from it
)

// A table is one package's part of the names table, as it is gathered.
type table struct {
	files map[string]map[lineKind]*entry // by base name
}

type lineKind struct {
	line int
	kind kind
}

// entry is what is known of the locks taken by one kind of site on one line.
type entry struct {
	classes map[string]bool
	order   []string // of the calls in the source, one class each
	flags   map[string]bool
	unknown bool // one of them has no class, so the line has none
}

func newTable() *table { return &table{files: make(map[string]map[lineKind]*entry)} }

func (t *table) entry(file string, line int, k kind) *entry {
	file = path.Base(strings.ReplaceAll(file, `\`, "/"))
	lines := t.files[file]
	if lines == nil {
		lines = make(map[lineKind]*entry)
		t.files[file] = lines
	}
	e := lines[lineKind{line, k}]
	if e == nil {
		e = &entry{classes: make(map[string]bool), flags: make(map[string]bool)}
		lines[lineKind{line, k}] = e
	}
	return e
}

func (e *entry) add(class string, flags ...string) {
	e.classes[class] = true
	e.order = append(e.order, class)
	for _, f := range flags {
		e.flags[f] = true
	}
}

// String returns the body of the package's section: "f" lines with the lines
// of their sites below, all in order.
func (t *table) String() string {
	var b strings.Builder
	for _, file := range sorted(t.files) {
		lines := t.files[file]
		keys := make([]lineKind, 0, len(lines))
		for k, e := range lines {
			if !e.unknown {
				keys = append(keys, k)
			}
		}
		if len(keys) == 0 {
			continue
		}
		sort.Slice(keys, func(i, j int) bool {
			a, b := keys[i], keys[j]
			return a.line < b.line || a.line == b.line && a.kind < b.kind
		})
		fmt.Fprintf(&b, "f %s\n", file)
		for _, k := range keys {
			e := lines[k]
			fmt.Fprintf(&b, "%d %c %s", k.line, k.kind, strings.Join(e.names(), "|"))
			for _, f := range sorted(e.flags) {
				b.WriteString(" " + f)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// names are the classes of the line: one, or one a call, in the order of the
// calls, since a process can tell the calls of a line apart by their order alone.
func (e *entry) names() []string {
	if len(e.classes) == 1 {
		return e.order[:1]
	}
	return e.order
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// assemble joins the sections of units to the whole table, and counts.
func assemble(units []*unit, sections []string, stats Stats) ([]byte, Stats, error) {
	var b strings.Builder
	b.WriteString("lockdep-names 1\n")
	classes := make(map[string]bool)
	stats.Packages = len(units)
	for i, u := range units {
		if sections[i] == "" {
			continue
		}
		fmt.Fprintf(&b, "p %s\n", u.header)
		b.WriteString(sections[i])
		for s := bufio.NewScanner(strings.NewReader(sections[i])); s.Scan(); {
			if f := strings.Fields(s.Text()); len(f) >= 3 {
				stats.Sites++
				for c := range strings.SplitSeq(f[2], "|") {
					classes[c] = true
				}
			}
		}
	}
	stats.Classes = len(classes)
	return []byte(b.String()), stats, nil
}
