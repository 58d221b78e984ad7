package scenario

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/report/splat"
)

// Result is what a scenario came to.
type Result struct {
	Name     string            // as declared, or ""
	Line     int               // where it begins in its file
	Reports  []*splat.Report   // in the order in which they arose; mostly none or one, since the validator stops at the first
	Go       []*engine.Finding // the same as Go's reports; nil where Go has no such finding
	Policy   string            // of flushes of a workqueue, if the scenario declares one
	Explored *Explored         // of a scenario with explore, else nil
	Golden   string            // the expected output
	HasGold  bool              // an expected output is there
	source   string
}

// Kernel is the output of the scenario: its reports as the kernel prints them, or "silent", and by which policy if it
// declares one.
func (r *Result) Kernel() string { return r.print(false) }

// InGo is Kernel with the findings that Go has, too, in the words of a report about a Go program.
func (r *Result) InGo() string { return r.print(true) }

func (r *Result) print(inGo bool) string {
	var b bytes.Buffer
	if r.Policy != "" {
		fmt.Fprintf(&b, "policy %s:\n", r.Policy)
	}
	switch {
	case r.Explored != nil:
		b.WriteString(r.Explored.String())
	case len(r.Reports) == 0:
		b.WriteString("silent\n")
	}
	for i, rep := range r.Reports {
		if i > 0 {
			b.WriteByte('\n')
		}
		if inGo && r.Go[i] != nil {
			// The kernel's rules know no levels, and there is no graph to look the finding up in.
			for line := range bytes.Lines(r.Go[i].AppendText(nil, "lockdep scenario")) {
				if !bytes.HasPrefix(line, []byte("level: ")) && !bytes.HasPrefix(line, []byte("finding: ")) {
					b.Write(line)
				}
			}
			continue
		}
		if err := rep.Kernel(&b); err != nil {
			panic(err) // a buffer does not fail
		}
	}
	return b.String()
}

// Run runs the scenarios of a file, whose name is for messages. It returns those before a fault, and the fault, an
// *Error.
func Run(file, text string, opts Options) ([]*Result, error) {
	if opts.Mode == "" {
		opts.Mode = "6.12"
	}
	var out []*Result
	for _, p := range split(text) {
		list, err := parse(file, p.source, p.line)
		if err != nil {
			return out, err
		}
		own := opts
		for _, st := range list {
			if st.word == "mode" && len(st.args) > 0 && slices.Contains(Modes, st.args[0].text) {
				own.Mode = st.args[0].text
			}
		}
		r := newRun(file, p.line, own)
		if err := r.all(list, nil); err != nil {
			return out, err
		}
		var x *Explored
		if slices.ContainsFunc(list, func(s *stmt) bool { return s.word == "explore" }) {
			if x, err = explore(file, p.line, list, own); err != nil {
				return out, err
			}
		}
		out = append(out, &Result{Explored: x, Name: r.name, Line: p.line, Reports: r.reports, Go: r.goes, Policy: r.declared, Golden: p.golden, HasGold: p.has, source: p.source})
	}
	return out, nil
}

// Rewrite writes the file again with the outputs of its scenarios as golden ones. The error is w's.
func Rewrite(w io.Writer, results []*Result) error {
	var b strings.Builder
	for _, r := range results {
		b.WriteString(r.source)
		if !strings.HasSuffix(r.source, "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(golden + "\n" + r.Kernel() + golden + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
