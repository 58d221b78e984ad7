package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/report/splat"
	"github.com/golockdep/lockdep/scenario"
)

func scenarioCommand() *cobra.Command {
	var mode, style string
	var json, rewrite bool
	c := &cobra.Command{
		Use:   "scenario [flags] FILE...",
		Short: "Run lock scenarios and print the findings as the kernel does",
		Long: "Run the lock scenarios of the files and print their findings as the kernel does.\nThe language is described in docs/format/scenario.md.\n\n" +
			"The exit status is 66 where the output of a scenario is not the expected one that\nits file holds, or where one without any has a finding; 2 for a fault in a file.",
		Example: "  lockdep scenario scenarios/basics.txt\n  lockdep scenario -rewrite scenarios/basics.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("no file is named")
			case !slices.Contains(scenario.Modes, mode):
				return fmt.Errorf("-mode %s, want one of %s", mode, strings.Join(scenario.Modes, ", "))
			case style != "kernel" && style != "go":
				return fmt.Errorf("-style %s, want kernel or go", style)
			case style == "go" && (json || rewrite):
				return errors.New("-style go goes with none of -json and -rewrite")
			case json && rewrite:
				return errors.New("only one of -json and -rewrite can be given")
			}
			var why blame
			for _, file := range args {
				wrong, err := runScenarios(cmd.OutOrStdout(), file, scenario.Options{Mode: mode}, style == "go", json, rewrite)
				if err != nil {
					return err
				}
				if len(wrong) == 0 {
					continue
				}
				// As JSON, an output that differs is not there; findings may be many.
				err = why.on(cmd.ErrOrStderr(), func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "lockdep:", strings.Join(wrong, "\nlockdep: "))
					return err
				})
				if err != nil {
					return err
				}
			}
			return why.status()
		},
	}
	f := c.Flags()
	f.StringVar(&mode, "mode", "6.12", "whose annotations and words are used: 2.6, 4.14 (with cross-release) or 6.12")
	f.StringVar(&style, "style", "kernel", "how findings are printed: as by the kernel, or go, as of a Go program where Go has such a finding")
	f.BoolVar(&json, "json", false, "print the findings as JSON lines")
	f.BoolVar(&rewrite, "rewrite", false, "write the outputs into the files as the expected ones")
	return c
}

// runScenarios runs a file and says which outputs are not as expected.
func runScenarios(w io.Writer, file string, opts scenario.Options, inGo, json, rewrite bool) (wrong []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	results, err := scenario.Run(file, string(text), opts)
	if err != nil {
		return nil, err
	}
	if rewrite {
		var b bytes.Buffer
		if err := scenario.Rewrite(&b, results); err != nil || bytes.Equal(b.Bytes(), text) {
			return nil, err
		}
		return nil, os.WriteFile(file, b.Bytes(), 0o644)
	}
	var all []*splat.Report
	for _, r := range results {
		all = append(all, r.Reports...)
		if r.Explored != nil {
			all = append(all, r.Explored.Reports...)
		}
		if !json {
			text := r.Kernel()
			if inGo {
				text = r.InGo()
			}
			fmt.Fprintf(w, "%s:%d: scenario %s\n%s", file, r.Line, r.Name, text)
		}
		switch {
		case r.HasGold && r.Golden != r.Kernel():
			wrong = append(wrong, fmt.Sprintf("%s:%d: scenario %s: the output differs from the expected one", file, r.Line, r.Name))
			if !json {
				fmt.Fprintf(w, "%s:%d: the output differs from the expected one:\n%s", file, r.Line, r.Golden)
			}
		case !r.HasGold && (len(r.Reports) > 0 || r.Explored != nil && len(r.Explored.Deadlocks) > 0):
			wrong = append(wrong, fmt.Sprintf("%s:%d: scenario %s has a finding, and no output is expected", file, r.Line, r.Name))
		}
	}
	if json {
		return wrong, splat.WriteJSONL(w, all)
	}
	return wrong, nil
}
