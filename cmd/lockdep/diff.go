package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/ktrace/replay"
	"github.com/golockdep/lockdep/lockgraph"
)

func traceDiffCommand() *cobra.Command {
	var asJSON bool
	jobs := runtime.GOMAXPROCS(0)
	c := &cobra.Command{
		Use:   "diff [flags] OLD NEW",
		Short: "The dependencies and classes that NEW has and OLD has not",
		Long: "Compare two recorded kernels, or two graphs: OLD and NEW are each a trace, a graph\nfile, or a directory of graph files. Printed are the classes and the dependencies\n" +
			"that are new, by name, each with the place where it was first made.\n\nThe exit status is 1 where nothing at all could be read, and 2 for a usage error.",
		Example: "  lockdep diff before.dat after.dat\n  lockdep diff -json nightly.ldg trace.dat",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if jobs < 1 {
				return fmt.Errorf("-j %d, want at least 1", jobs)
			}
			// A graph has each lock that was held, the kernel the nearest. Two
			// traces are compared as the kernel sees them.
			var graphs [2]bool
			for i, a := range args {
				var err error
				if graphs[i], err = isGraph(a); err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "lockdep:", err)
					return status(1)
				}
			}
			var orders [2]*order
			for i, a := range args {
				var err error
				if graphs[i] {
					if orders[i], err = graphOrder(a); err != nil {
						fmt.Fprintln(cmd.ErrOrStderr(), "lockdep:", err)
						return status(1)
					}
				} else {
					orders[i], err = traceOrder(cmd.ErrOrStderr(), jobs, a, graphs[1-i])
				}
				if err != nil {
					return err
				}
			}
			return orders[1].writeNew(cmd.OutOrStdout(), orders[0], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	c.Flags().IntVarP(&jobs, "jobs", "j", jobs, "use `N` cores")
	return c
}

// order is what two graphs are compared by: classes and dependencies by name,
// and where the latter were first made.
type order struct {
	classes      map[string]bool
	dependencies map[[2]string]string
}

func newOrder() *order {
	return &order{classes: map[string]bool{}, dependencies: map[[2]string]string{}}
}

// graphOrder reads a graph file or a directory of these.
func graphOrder(name string) (*order, error) {
	g, err := readGraph([]string{name})
	if err != nil {
		return nil, err
	}
	o := newOrder()
	o.addGraph(g)
	return o, nil
}

func (o *order) addGraph(g *lockgraph.Graph) {
	for _, c := range g.ClassNames() {
		o.classes[c] = true
	}
	for _, e := range lockgraph.Dependencies(g.Judge()) {
		at := e.First.Wants.At
		place := at.Func + " " + at.File
		if at.Line > 0 {
			place += fmt.Sprintf(":%d", at.Line)
		}
		o.dependencies[[2]string{e.From, e.To}] = place
	}
}

// traceOrder reads a trace, and sees it as a graph file has it if asGraph.
func traceOrder(errOut io.Writer, jobs int, name string, asGraph bool) (*order, error) {
	res, err := readTraces(errOut, replay.Options{}, jobs, []string{name})
	if err != nil {
		return nil, err
	}
	for _, s := range res.Doubts() {
		fmt.Fprintf(errOut, "lockdep: %s: %s\n", name, s)
	}
	o := newOrder()
	if asGraph {
		o.addGraph(res.Graph())
		return o, nil
	}
	res.Classes(func(c kernel.ClassInfo) { o.classes[replay.ClassName(c)] = true })
	res.Dependencies(func(a, b kernel.ClassInfo, d kernel.Dependency) {
		o.dependencies[[2]string{replay.ClassName(a), replay.ClassName(b)}] = res.Place(d.Site)
	})
	return o, nil
}

// isGraph says whether a name is that of a graph file or a directory of them.
func isGraph(name string) (bool, error) {
	if name == "-" {
		return false, nil
	}
	st, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	if st.IsDir() {
		return true, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	word := engine.Magic[:len(engine.Magic)-1] // the last byte is the version of the format
	head := make([]byte, len(word))
	n, _ := io.ReadFull(f, head) // a file that is shorter is none
	return string(head[:n]) == word, nil
}

// writeNew writes what o has and old has not.
func (o *order) writeNew(out io.Writer, old *order, asJSON bool) error {
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	var classes []string
	for c := range o.classes {
		if !old.classes[c] {
			classes = append(classes, c)
		}
	}
	slices.Sort(classes)
	for _, c := range classes {
		if asJSON {
			if err := enc.Encode(map[string]string{"class": c}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "+ class %s\n", c)
	}
	var edges [][2]string
	for e := range o.dependencies {
		if _, ok := old.dependencies[e]; !ok {
			edges = append(edges, e)
		}
	}
	slices.SortFunc(edges, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, e := range edges {
		if asJSON {
			err := enc.Encode(struct {
				Held   string `json:"held"`
				Wanted string `json:"wanted"`
				At     string `json:"at"`
			}{e[0], e[1], o.dependencies[e]})
			if err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "+ %s -> %s    %s\n", e[0], e[1], o.dependencies[e])
	}
	return w.Flush()
}
