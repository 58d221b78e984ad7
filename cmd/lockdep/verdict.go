package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
	"github.com/golockdep/lockdep/report"
)

// A judgement is what a run needs to give its verdict; making it before the run
// finds mistakes in its files early.
type judgement struct {
	s      *session
	fail   engine.Level
	ignore *report.Ignore
	order  *lockgraph.Order
	begun  int64 // before the processes of this run, in nanoseconds since 1970

	// Somebody else prints what the processes say, and may not: a program of -exec.
	hidden bool
}

func (s *session) judgement() (*judgement, error) {
	j := &judgement{s: s, begun: time.Now().UnixNano()}
	if s.go_ != nil {
		j.hidden = s.go_.has["exec"]
	}
	j.fail, _ = failLevel(s.own.fail)
	if s.own.ignore != "" {
		text, err := os.ReadFile(s.own.ignore)
		if err != nil {
			return nil, fmt.Errorf("reading suppressions: %w; give a file with -ignore=FILE, or leave the flag out", err)
		}
		if j.ignore, err = report.ParseIgnore(s.own.ignore, bytes.NewReader(text)); err != nil {
			return nil, err
		}
		// The live processes get the lines themselves: they open no files.
		s.env = append(s.env, "LOCKDEPIGNORE="+string(text))
	}
	if s.own.order != "" {
		var err error
		if j.order, err = lockgraph.ReadOrder(s.own.order); err != nil {
			return nil, err
		}
	}
	for _, out := range []struct{ flag, name string }{{"findings", s.own.findings}, {"sarif", s.own.sarif}} {
		// A path that cannot be written is known before the run.
		if err := probe(out.name); err != nil {
			return nil, fmt.Errorf("writing findings: %w; give a file that can be written with -%s=FILE", err, out.flag)
		}
	}
	return j, nil
}

// probe reports why name could not be written, and changes nothing.
func probe(name string) error {
	if name == "" || name == "-" {
		return nil
	}
	switch st, err := os.Stat(name); {
	case err == nil && st.IsDir():
		return fmt.Errorf("%s is a directory", name)
	case err == nil && !st.Mode().IsRegular():
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".lockdep-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// finish judges the union of what the run's processes learned, prints it and
// returns the run's exit status as an error.
func (j *judgement) finish(code int, tests bool) error {
	files, warnings, err := lockgraph.ReadAll(j.s.graph)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "lockdep: a process was killed while it wrote its graph:", w)
	}
	g := lockgraph.Union(files...)
	if code != 0 && g.Processes == 0 {
		return status(code) // nothing was built, and go said why
	}
	if code == 0 && j.s.unnamed != nil {
		fmt.Fprintf(os.Stderr, "lockdep: lock classes are named by their sites alone: %v\n", j.s.unnamed)
	}
	failed, err := j.verdict(os.Stderr, g, tests)
	var unused *unusedError
	if code != 0 && errors.As(err, &unused) {
		fmt.Fprintln(os.Stderr, "lockdep:", err) // a test that failed may not have come to it
		err = nil
	}
	if err != nil {
		return err
	}
	if err := failed.status(); err != nil {
		return err
	}
	if code != 0 {
		return status(code)
	}
	return nil
}

// verdict prints and writes the findings of a graph; those that fail the run are
// the blame. tests: what a test said in its log is not printed a second time.
func (j *judgement) verdict(to io.Writer, g *lockgraph.Graph, tests bool) (failed blame, err error) {
	w := &errWriter{w: to}
	v := g.Judge()
	var findings []engine.Finding
	schedules := map[string][]byte{} // by ID
	ignored := 0
	predicted, err := j.predict(w)
	if err != nil {
		return failed, err
	}
	for _, f := range g.Findings(v, engine.Possible) {
		if d := predicted[pairsOf(&f)]; d != nil && f.Level < engine.Proved {
			f.Level = engine.Likely
			f.Why |= engine.WhyPredictable
			schedules[f.ID] = d.AppendText(nil)
		}
		if j.ignore != nil && j.ignore.Match(&f) {
			ignored++
			continue
		}
		findings = append(findings, f)
	}
	if err := j.write(findings); err != nil {
		return failed, err
	}
	color := false
	if f, ok := to.(*os.File); ok {
		color = term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	}
	ident := fmt.Sprintf("lockdep %s  %d processes", version, g.Processes)
	for i := range findings {
		f := &findings[i]
		say := func(w io.Writer) error {
			fmt.Fprintln(w)
			report.Text(w, f, ident, color)
			if s := schedules[f.ID]; s != nil {
				fmt.Fprintf(w, "\n%s", s)
				// Best effort, as with the findings beside the graph.
				_ = os.WriteFile(filepath.Join(j.s.graph, "schedule-"+f.ID+".txt"), s, 0o644)
			}
			return nil
		}
		if tests && schedules[f.ID] == nil && j.said(g, f) {
			say = func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "lockdep: %s: %s %s of %s: the report is in the log of the tests above\n",
					f.ID, f.Level, f.Kind, strings.Join(shortClasses(f), ", "))
				return err
			}
		}
		if f.Level < j.fail {
			say(w)
			continue
		}
		if err := failed.on(w, say); err != nil {
			return failed, err
		}
	}
	if j.order != nil {
		var said bytes.Buffer
		contradicted := j.order.Check(&said, g, v)
		say := func(w io.Writer) error {
			_, err := said.WriteTo(w)
			return err
		}
		if !contradicted {
			say(w)
		} else if err := failed.on(w, say); err != nil {
			return failed, err
		}
	}
	for _, t := range v.FullTables() {
		fmt.Fprintf(w, "lockdep: %s\n", t)
	}
	if g.Unended > 0 {
		fmt.Fprintf(w, "lockdep: %s did not end in order (killed, panicked, or still running): what was learned until then counts; goroutines left waiting were not looked for\n", count(g.Unended, "process", "processes"))
	}
	fmt.Fprintln(w, j.summary(g, v, findings, ignored))
	if w.err != nil {
		return failed, fmt.Errorf("printing the verdict: %w; make room, or print it elsewhere", w.err)
	}
	if j.ignore != nil {
		if unused := j.ignore.Unused(); len(unused) > 0 {
			e := new(unusedError)
			for _, r := range unused {
				e.at = append(e.at, r.Pos())
			}
			return failed, e
		}
	}
	return failed, nil
}

// said reports whether a test of this run has finding f in its log, at this
// level, and the go command has shown that log: see lockgraph.Process.Said.
func (j *judgement) said(g *lockgraph.Graph, f *engine.Finding) bool {
	return !j.hidden && g.Said(f.ID, f.Level, j.begun)
}

// An unusedError names suppressions that match nothing.
type unusedError struct{ at []string }

func (e *unusedError) Error() string {
	return strings.Join(e.at, ", ") + ": suppression matches nothing any more; delete the line"
}

// An errWriter keeps the first error of its writer.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	n, err := e.w.Write(p)
	if e.err == nil {
		e.err = err
	}
	return n, err
}

func (j *judgement) summary(g *lockgraph.Graph, v *engine.Validator, findings []engine.Finding, ignored int) string {
	st := v.Stats()
	var b strings.Builder
	fmt.Fprintf(&b, "lockdep: %s, %s, %s, %s", count(g.Processes, "process", "processes"), count(st.Classes, "class", "classes"),
		count(st.Dependencies, "dependency", "dependencies"), count(len(findings), "finding", "findings"))
	if len(findings) > 0 {
		by := map[engine.Level]int{}
		for _, f := range findings {
			by[f.Level]++
		}
		sep := " ("
		for _, l := range []engine.Level{engine.Proved, engine.Likely, engine.Possible} {
			if by[l] > 0 {
				fmt.Fprintf(&b, "%s%d %s", sep, by[l], l)
				sep = ", "
			}
		}
		b.WriteString(")")
	}
	if ignored > 0 {
		fmt.Fprintf(&b, ", %d ignored", ignored)
	}
	if j.s != nil && j.s.graph != "" {
		dir := j.s.graph
		if wd, err := os.Getwd(); err == nil {
			if r, err := filepath.Rel(wd, dir); err == nil && !strings.HasPrefix(r, "..") {
				dir = r
			}
		}
		if _, err := os.Stat(j.s.graph); err == nil {
			fmt.Fprintf(&b, ", graph in %s%c", dir, filepath.Separator)
		}
	}
	return b.String()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// write writes the findings where the flags say, and beside the graph, where
// "lockdep explain ID" finds them.
func (j *judgement) write(findings []engine.Finding) error {
	if j.s == nil {
		return nil
	}
	if j.s.own.findings != "" {
		if err := writeTo(j.s.own.findings, func(w io.Writer) error { return report.WriteJSONL(w, findings) }); err != nil {
			return err
		}
	}
	if j.s.graph != "" {
		// Best effort: a graph in a read-only place can still be judged.
		_ = writeTo(filepath.Join(j.s.graph, findingsFile), func(w io.Writer) error { return report.WriteJSONL(w, findings) })
	}
	if j.s.own.sarif != "" {
		root, _ := filepath.Abs(j.s.dir)
		return writeTo(j.s.own.sarif, func(w io.Writer) error { return report.WriteSARIF(w, findings, version, root) })
	}
	return nil
}

// findingsFile is the last verdict's findings in a graph directory.
const findingsFile = "findings.jsonl"

// writeTo writes a file whole or not at all; "-" is standard output. What is no
// regular file, a pipe or a device, is written to as it is.
func writeTo(name string, f func(io.Writer) error) error {
	if name == "-" {
		return f(os.Stdout)
	}
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("writing findings: %w", err)
		}
		err = f(file)
		if e := file.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".lockdep-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	err = f(tmp)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		os.Chmod(tmp.Name(), 0o644)
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
