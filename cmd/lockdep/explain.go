package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
	"github.com/golockdep/lockdep/report"
)

func explainCommand() *cobra.Command {
	var graph, dir string
	var dot bool
	c := &cobra.Command{
		Use:     "explain KIND|ID|FILE",
		Short:   "Say in plain words what a finding means, with a picture",
		Long:    "Explain a kind of finding (circular, recursive, recursive-read, same-class,\nexit-held, assert-held, assert-not-held, stuck, wait), one finding of the last run or of an earlier one\nby its ID, or all of a findings file.",
		Example: "  lockdep explain circular\n  lockdep explain 1ecc99\n  lockdep explain findings.jsonl",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			what := args[0]
			if dir != "" {
				if err := os.Chdir(dir); err != nil {
					return fmt.Errorf("flag -C: %w", err)
				}
			}
			if _, err := os.Stat(what); err != nil {
				for _, d := range report.Docs() {
					if d.Kind.String() == what {
						return report.ExplainKind(os.Stdout, what)
					}
				}
			}
			file, id := what, ""
			if st, err := os.Stat(what); err != nil || st.IsDir() {
				id = what
				file = filepath.Join(graphDirOf(graph), findingsFile)
				if err == nil {
					id, file = "", filepath.Join(what, findingsFile)
				}
			}
			var findings []engine.Finding
			var err error
			if id != "" {
				findings, err = findingsOf(filepath.Dir(file))
				if !slices.ContainsFunc(findings, func(f engine.Finding) bool { return f.ID == id }) {
					if old, when := earlier(filepath.Dir(file), id); old != nil {
						fmt.Fprintf(os.Stderr, "lockdep: %s is not in the last run; this is of %s\n", id, when.Format(time.DateTime))
						findings, err = old, nil
					}
				}
				if err != nil {
					return fmt.Errorf("%q is no kind of finding, and %w", what, err)
				}
			} else if findings, err = findingsIn(file); err != nil {
				return err
			}
			edges := dependenciesOf(filepath.Dir(file))
			n := 0
			for i := range findings {
				x := &findings[i]
				if id != "" && x.ID != id {
					continue
				}
				if n > 0 {
					fmt.Println()
				}
				n++
				if dot {
					err = report.WriteDOT(os.Stdout, x)
				} else {
					err = report.Explain(os.Stdout, x, facts(x, edges))
				}
				if text, e := os.ReadFile(filepath.Join(filepath.Dir(file), "schedule-"+x.ID+".txt")); err == nil && e == nil && !dot {
					_, err = fmt.Printf("\n%s", text)
				}
				if err != nil {
					return err
				}
			}
			if n == 0 && id != "" {
				return noFinding(id, filepath.Dir(file), len(findings))
			}
			return nil
		},
	}
	c.Flags().StringVar(&graph, "graph", "", "the graph `DIR` of the run (default .lockdep)")
	c.Flags().StringVarP(&dir, "chdir", "C", "", "change to `DIR` first")
	c.Flags().BoolVar(&dot, "dot", false, "print the picture in the DOT language")
	return c
}

func noFinding(id, dir string, have int) error {
	return fmt.Errorf("no finding %q in %s (it has %d); IDs stand at the end of each report", id, dir, have)
}

func findingsIn(file string) ([]engine.Finding, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	findings, err := report.ReadJSONL(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return findings, nil
}

// findingsOf returns the findings in a graph directory: those of the last
// verdict, or, where there was none, as after a program that was built by
// "lockdep build", those of the graph.
func findingsOf(dir string) ([]engine.Finding, error) {
	findings, err := findingsIn(filepath.Join(dir, findingsFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return findings, err
	}
	files, _, e := lockgraph.ReadAll(dir)
	if e != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no last run: %w; run lockdep test first, or give its graph with -graph=DIR", dir, err)
	}
	g := lockgraph.Union(files...)
	return g.Findings(g.Judge(), engine.Possible), nil
}

// graphDirOf is the directory of the last run: the one given, or .lockdep here
// or in a directory above.
func graphDirOf(given string) string {
	if given != "" {
		return given
	}
	return (&session{dir: "."}).moduleDir(".lockdep")
}

func dependenciesOf(dir string) []engine.Edge {
	files, _, err := lockgraph.ReadAll(dir)
	if err != nil || len(files) == 0 {
		return nil
	}
	return lockgraph.Dependencies(lockgraph.Union(files...).Judge())
}

// facts counts the samples of both orders in the whole graph.
func facts(f *engine.Finding, edges []engine.Edge) report.Facts {
	var out report.Facts
	if len(f.Sides) != 2 {
		return out
	}
	a, b := f.Sides[1].Holds.Class, f.Sides[0].Holds.Class
	for _, e := range edges {
		switch {
		case e.From == a && e.To == b:
			out.Before = e.Samples
		case e.From == b && e.To == a:
			out.After = e.Samples
		}
	}
	return out
}
