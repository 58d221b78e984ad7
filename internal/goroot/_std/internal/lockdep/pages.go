package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
)

// The pages of a live program, in the spirit of the kernel's /proc/lockdep,
// /proc/lockdep_chains, /proc/lockdep_stats and /proc/lock_stat. Each is made
// when it is asked for, by a goroutine of the program, while others go on.

// A page has a text and a JSON form.
type page struct {
	name, title string
	text        func() []byte
	json        func(*jsonText)
}

func pages() []page {
	return []page{
		{"findings", "what was found, as it is reported", findingsText, findingsJSON},
		{"held", "goroutines that hold locks now", heldText, heldJSON},
		{"waits", "who waits for whom; waits.dot is the graph", waitsText, waitsJSON},
		{"classes", "classes, with the classes taken while one was held (/proc/lockdep)", classesText, classesJSON},
		{"dependencies", "dependencies, each with the place where it was seen", dependenciesText, dependenciesJSON},
		{"chains", "sequences of locks that were held at once (/proc/lockdep_chains)", chainsText, chainsJSON},
		{"stats", "sizes of the tables (/proc/lockdep_stats)", statsText, statsJSON},
		{"lock_stat", "contention, waits and hold times by class (/proc/lock_stat)", lockStatText, lockStatJSON},
	}
}

// Page returns the page of that name in a format, "json", "text" or "" (and
// "dot" for the page waits), and its media type, "" if there is none. The name
// "" is the list of pages.
func Page(name, format string) (text []byte, mediaType string) {
	const plain, json = "text/plain; charset=utf-8", "application/json"
	if name == "waits" && format == "dot" {
		return waitsDot(), "text/vnd.graphviz; charset=utf-8"
	}
	if format != "json" && format != "" && format != "text" {
		return nil, ""
	}
	if name == "" {
		if format == "json" {
			j := new(jsonText)
			indexJSON(j)
			return append(j.b, '\n'), json
		}
		return indexHTML(), "text/html; charset=utf-8"
	}
	for _, p := range pages() {
		if p.name != name {
			continue
		}
		if format == "json" {
			j := new(jsonText)
			p.json(j)
			return append(j.b, '\n'), json
		}
		return p.text(), plain
	}
	return nil, ""
}

// Time has acquisitions counted and timed from now on.
func Time() { v.Time() }

func indexHTML() []byte {
	b := []byte("<!DOCTYPE html>\n<html>\n<head><title>/debug/lockdep/</title></head>\n<body>\n<h1>")
	b = append(b, html(ident())...)
	b = append(b, "</h1>\n<table>\n"...)
	for _, p := range pages() {
		b = append(b, "<tr><td><a href=\""+p.name+"\">"+p.name+"</a></td><td><a href=\""+p.name+".json\">json</a></td><td>"+p.title+"</td></tr>\n"...)
	}
	return append(b, "</table>\n</body>\n</html>\n"...)
}

// html replaces what has a meaning in HTML.
func html(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<':
			b = append(b, "&lt;"...)
		case '&':
			b = append(b, "&amp;"...)
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func indexJSON(j *jsonText) {
	j.open('{')
	j.keyString("lockdep", Version)
	j.keyString("go", runtime.Version())
	j.keyString("binary", binary())
	j.keyNumber("pid", uint64(runtime.LockdepPid()))
	j.key("pages")
	j.open('[')
	for _, p := range pages() {
		j.string(p.name)
	}
	j.close(']')
	j.close('}')
}

// findings returns those that are reported: not the suppressed ones, and not
// those that LOCKDEPIGNORE names.
func findings() (list []engine.Finding) {
	for id := engine.FindingID(1); ; id++ {
		f, ok := v.Finding(id)
		if !ok {
			return list
		}
		if f.Level != engine.Suppressed && !isIgnored(&f) {
			list = append(list, f)
		}
	}
}

func findingsText() (b []byte) {
	list := findings()
	for i := range list {
		b = list[i].AppendText(b, ident())
		b = append(b, '\n')
	}
	b = append(b, itoa(uint64(len(list)))...)
	if len(list) == 1 {
		return append(b, " finding\n"...)
	}
	return append(b, " findings\n"...)
}

func findingsJSON(j *jsonText) {
	list := findings()
	j.open('[')
	for i := range list {
		j.finding(&list[i])
	}
	j.close(']')
}

func classesText() []byte {
	b := []byte("all lock classes:\n")
	for c := engine.ClassID(1); ; c++ {
		k, ok := v.Class(c)
		if !ok {
			return b
		}
		b = append(b, '[')
		b = right(b, itoa(uint64(c)), 5)
		b = append(b, "] FD:"...)
		b = right(b, itoa(uint64(k.Forward)), 5)
		b = append(b, " BD:"...)
		b = right(b, itoa(uint64(k.Backward)), 5)
		b = append(b, ": "...)
		b = append(b, k.Name...)
		for i, w := range k.Flags {
			if i == 0 {
				b = append(b, "  ("...)
			} else {
				b = append(b, ", "...)
			}
			b = append(b, w...)
			if i == len(k.Flags)-1 {
				b = append(b, ')')
			}
		}
		b = append(b, '\n')
		for _, to := range k.Before {
			b = append(b, " -> ["...)
			b = right(b, itoa(uint64(to)), 5)
			b = append(b, "] "...)
			b = append(b, v.ClassName(to)...)
			b = append(b, '\n')
		}
		b = append(b, '\n')
	}
}

func classesJSON(j *jsonText) {
	j.open('[')
	for c := engine.ClassID(1); ; c++ {
		k, ok := v.Class(c)
		if !ok {
			break
		}
		j.open('{')
		j.keyNumber("id", uint64(c))
		j.keyString("class", k.Name)
		j.strings("flags", k.Flags)
		j.keyNumber("forward", uint64(k.Forward))
		j.keyNumber("backward", uint64(k.Backward))
		j.key("before")
		j.open('[')
		for _, to := range k.Before {
			j.number(uint64(to))
		}
		j.close(']')
		j.close('}')
	}
	j.close(']')
}

func dependenciesText() []byte { return edges(nil).b }

func dependenciesJSON(j *jsonText) {
	j.open('[')
	edges(j)
	j.close(']')
}

// edges writes the dependencies, to j if it is not nil, or as text.
func edges(j *jsonText) *jsonText {
	w := &edgeWriter{j: j, text: new(jsonText)}
	v.Edges(w.edge)
	return w.text
}

type edgeWriter struct{ j, text *jsonText }

func (w *edgeWriter) edge(e engine.Edge) bool {
	if j := w.j; j != nil {
		j.open('{')
		j.keyString("from", e.From)
		j.keyString("to", e.To)
		j.keyNumber("samples", uint64(e.Samples))
		j.key("back")
		j.bool(e.Back)
		j.key("cycle")
		j.bool(e.Hot)
		j.key("first")
		j.side(&e.First)
		j.close('}')
		return true
	}
	b := append(w.text.b, e.From...)
	b = append(b, " -> "...)
	b = append(b, e.To...)
	if e.Hot {
		b = append(b, "  (on a cycle)"...)
	}
	b = append(b, "\n  holding"...)
	b = e.First.Holds.AppendText(b)
	b = append(b, "  takes  "...)
	w.text.b = e.First.Wants.AppendText(b)
	return true
}

func chainsText() []byte {
	b := []byte("all lock chains:\n")
	for _, c := range v.Chains() {
		for _, l := range c {
			b = append(b, '[')
			b = right(b, itoa(uint64(l.ID)), 5)
			b = append(b, "] "...)
			b = append(b, l.Class...)
			b = append(b, '{')
			b = append(b, l.Mode...)
			b = append(b, "}\n"...)
		}
		b = append(b, '\n')
	}
	return b
}

func chainsJSON(j *jsonText) {
	j.open('[')
	for _, c := range v.Chains() {
		j.open('[')
		for _, l := range c {
			j.open('{')
			j.keyString("class", l.Class)
			j.keyString("mode", l.Mode)
			j.close('}')
		}
		j.close(']')
	}
	j.close(']')
}

// A count is a line of the page stats; limit 0: it has none.
type count struct {
	key, words string
	n, limit   uint64
}

func counts() []count {
	s, lim := v.Stats(), v.Tables()
	levels := [4]uint64{}
	for _, f := range findings() {
		levels[f.Level&3]++
	}
	return []count{
		{"classes", "lock-classes", uint64(s.Classes), uint64(lim.Classes)},
		{"dependencies", "direct dependencies", uint64(s.Dependencies), uint64(lim.Edges)},
		{"chains", "dependency chains", uint64(s.Chains), uint64(lim.Chains)},
		{"observations", "observations", uint64(s.Observations), uint64(lim.Observations)},
		{"samples", "samples", uint64(s.Samples), uint64(lim.Samples)},
		{"sites", "call sites", uint64(s.Sites), uint64(lim.Sites)},
		{"stacks", "number of stack traces", uint64(s.Stacks), uint64(lim.Stacks)},
		{"instance_pairs", "instance pairs", uint64(s.InstancePairs), uint64(lim.Pairs)},
		{"tests", "tests", uint64(s.Tests), uint64(lim.Tests)},
		{"tasks", "goroutines followed at once", uint64(s.Tasks), uint64(lim.Tasks)},
		{"back_edges", "dependencies against the order", uint64(s.BackEdges), 0},
		{"searches", "searches for a cycle", s.Searches, 0},
		{"searches_cut", "searches cut short", s.Cut, 0},
		{"findings_proved", "findings, proved", levels[engine.Proved], 0},
		{"findings_likely", "findings, likely", levels[engine.Likely], 0},
		{"findings_possible", "findings, possible", levels[engine.Possible], 0},
	}
}

func statsText() (b []byte) {
	for _, c := range counts() {
		b = append(b, ' ')
		b = left(b, c.words+":", 32)
		b = right(b, itoa(c.n), 11)
		if c.limit != 0 {
			b = append(b, " [max: "+itoa(c.limit)+"]"...)
		}
		b = append(b, '\n')
	}
	for _, f := range v.FullTables() {
		b = append(b, " full: "+f.String()+"\n"...)
	}
	return b
}

func statsJSON(j *jsonText) {
	j.open('{')
	for _, c := range counts() {
		j.keyNumber(c.key, c.n)
		if c.limit != 0 {
			j.keyNumber(c.key+"_max", c.limit)
		}
	}
	j.strings("full", v.Full())
	j.close('}')
}

// left and right append s, filled with blanks to n bytes.
func left(b []byte, s string, n int) []byte {
	b = append(b, s...)
	return blanks(b, n-len(s))
}

func right(b []byte, s string, n int) []byte {
	return append(blanks(b, n-len(s)), s...)
}

func blanks(b []byte, n int) []byte {
	for ; n > 0; n-- {
		b = append(b, ' ')
	}
	return b
}
