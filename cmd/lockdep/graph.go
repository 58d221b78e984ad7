package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
	"github.com/golockdep/lockdep/report"
)

func graphCommand() *cobra.Command {
	c := parent(&cobra.Command{
		Use:     "graph",
		Short:   "Merge, compare, print and judge lock graphs",
		Long:    "Work on the graph files that instrumented processes write. Where a directory is\ngiven, all graph files below it are read.",
		Example: "  lockdep graph verdict .lockdep\n  lockdep graph merge -o night.ldg run1 run2\n  lockdep graph subtract main.ldg .lockdep",
	})
	c.AddCommand(verdictCommand(), mergeCommand(), diffCommand(), subtractCommand(), statsCommand(), dotCommand(), orderCommand())
	return c
}

// readGraph reads files and directories; none is .lockdep.
func readGraph(paths []string) (*lockgraph.Graph, error) {
	if len(paths) == 0 {
		paths = []string{".lockdep"}
	}
	files, warnings, err := lockgraph.ReadAll(paths...)
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "lockdep: used as far as it goes:", w)
	}
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no graph files (*%s) in %v; run lockdep test first, or give their directory", lockgraph.Ext, paths)
	}
	return lockgraph.Union(files...), nil
}

func verdictCommand() *cobra.Command {
	var o own
	c := &cobra.Command{
		Use:     "verdict [flags] [FILE|DIR...]",
		Short:   "Judge the union of graph files",
		Example: "  lockdep graph verdict -f likely night1/ night2/",
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := failLevel(o.fail); err != nil {
				return err
			}
			g, err := readGraph(args)
			if err != nil {
				return err
			}
			s := &session{own: o, dir: "."}
			j, err := s.judgement()
			if err != nil {
				return err
			}
			failed, err := j.verdict(os.Stdout, g, false)
			if err != nil {
				return err
			}
			return failed.status()
		},
	}
	f := c.Flags()
	f.StringVar(&o.findings, "findings", "", "write the findings as JSON lines to `FILE`")
	f.StringVar(&o.sarif, "sarif", "", "write the findings as SARIF 2.1 to `FILE`")
	f.StringVarP(&o.fail, "fail", "f", "likely", "the `LEVEL` from which a finding fails: possible, likely, proved, none")
	f.StringVar(&o.ignore, "ignore", "", "suppressions from `FILE`")
	f.StringVar(&o.order, "order", "", "check against the lock order document `FILE`")
	return c
}

func mergeCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "merge -o FILE FILE|DIR...",
		Short:   "Put graph files together in one",
		Example: "  lockdep graph merge -o all.ldg ci/*/",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := readGraph(args)
			if err != nil {
				return err
			}
			return g.WriteFile(out)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `FILE` to write")
	c.MarkFlagRequired("output")
	return c
}

func subtractCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "subtract [-o FILE] OLD NEW",
		Short:   "What NEW has and OLD has not: the new dependencies of a change",
		Example: "  lockdep graph subtract main.ldg .lockdep",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			old, err := readGraph(args[:1])
			if err != nil {
				return err
			}
			g, err := readGraph(args[1:])
			if err != nil {
				return err
			}
			d := g.Subtract(old)
			if out != "" {
				return d.WriteFile(out)
			}
			w := bufio.NewWriter(os.Stdout)
			known := map[[2]string]bool{}
			for _, e := range lockgraph.Dependencies(old.Judge()) {
				known[[2]string{e.From, e.To}] = true
			}
			for _, e := range lockgraph.Dependencies(d.Judge()) {
				if !known[[2]string{e.From, e.To}] {
					printEdge(w, e, "")
				}
			}
			return w.Flush()
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write them to a graph `FILE` instead of printing")
	return c
}

func printEdge(w io.Writer, e engine.Edge, mark string) {
	f := e.First.Wants.At
	fmt.Fprintf(w, "%s%s -> %s    %s:%d\n", mark, engine.ShortClass(e.From), engine.ShortClass(e.To), f.File, f.Line)
}

func diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "diff OLD NEW",
		Short:   "Dependencies and classes that came (+) and went (-)",
		Example: "  lockdep graph diff yesterday/ today/",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var edges [2]map[[2]string]engine.Edge
			var graphs [2]*lockgraph.Graph
			for i, a := range args {
				g, err := readGraph([]string{a})
				if err != nil {
					return err
				}
				graphs[i] = g
				edges[i] = map[[2]string]engine.Edge{}
				for _, e := range lockgraph.Dependencies(g.Judge()) {
					edges[i][[2]string{e.From, e.To}] = e
				}
			}
			w := bufio.NewWriter(os.Stdout)
			for i, mark := range []string{"- ", "+ "} {
				for _, c := range graphs[i].ClassNames() {
					if _, ok := graphs[1-i].Classes[c]; !ok {
						fmt.Fprintf(w, "%sclass %s\n", mark, engine.ShortClass(c))
					}
				}
			}
			for i, mark := range []string{"- ", "+ "} {
				for _, e := range lockgraph.Dependencies(graphs[i].Judge()) {
					if _, ok := edges[1-i][[2]string{e.From, e.To}]; !ok {
						printEdge(w, e, mark)
					}
				}
			}
			return w.Flush()
		},
	}
}

func statsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "stats [-j] [FILE|DIR...]",
		Short:   "Count classes, dependencies, chains, findings",
		Example: "  lockdep graph stats .lockdep",
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := readGraph(args)
			if err != nil {
				return err
			}
			v := g.Judge()
			st := v.Stats()
			by := map[string]int{}
			for _, f := range g.Findings(v, engine.Suppressed) {
				by[f.Level.String()]++
			}
			out := map[string]any{
				"processes": g.Processes, "unended": g.Unended, "classes": st.Classes, "dependencies": st.Dependencies, "chains": g.Chains,
				"observations": st.Observations, "sites": st.Sites, "stacks": st.Stacks, "back_edges": st.BackEdges,
				"searches": st.Searches, "searches_cut": st.Cut, "findings": by, "full": v.Full(),
			}
			if asJSON {
				return json.NewEncoder(os.Stdout).Encode(out)
			}
			w := bufio.NewWriter(os.Stdout)
			for _, k := range []string{"processes", "classes", "dependencies", "chains", "observations", "sites", "stacks", "back_edges", "searches", "searches_cut"} {
				fmt.Fprintf(w, " %-28s %12v\n", k+":", out[k])
			}
			for _, k := range []string{"proved", "likely", "possible", "suppressed"} {
				fmt.Fprintf(w, " %-28s %12v\n", "findings "+k+":", by[k])
			}
			for _, t := range v.FullTables() {
				fmt.Fprintf(w, " full: %s\n", t)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVarP(&asJSON, "json", "j", false, "as JSON")
	return c
}

func dotCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "dot [FILE|DIR...]",
		Short:   "Print the graph in the DOT language, cycles in red",
		Example: "  lockdep graph dot .lockdep | dot -Tsvg > locks.svg",
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := readGraph(args)
			if err != nil {
				return err
			}
			return report.WriteGraphDOT(os.Stdout, lockgraph.Dependencies(g.Judge()))
		},
	}
}

func orderCommand() *cobra.Command {
	var old string
	c := &cobra.Command{
		Use:   "order [--keep FILE] [FILE|DIR...]",
		Short: "Print the established order of lock classes, to read and to commit",
		Long: "Print the lock order document: lines \"A -> B\" say that A may be held while B is\n" +
			"taken, not the other way round. \"lockdep test -order=FILE\" checks a run against\n" +
			"it. With --keep, the comments of an existing document stay.",
		Example: "  lockdep graph order > lock-order.txt\n  lockdep graph order --keep lock-order.txt > new && mv new lock-order.txt",
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := readGraph(args)
			if err != nil {
				return err
			}
			var keep *lockgraph.Order
			if old != "" {
				if keep, err = lockgraph.ReadOrder(old); err != nil {
					return err
				}
			}
			return g.WriteOrder(os.Stdout, keep)
		},
	}
	c.Flags().StringVar(&old, "keep", "", "keep the comments of `FILE`")
	return c
}
