package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const ownFlags = `
lockdep's own flags; all others are go's and pass through as they stand:
  -findings=FILE  write the findings as JSON lines (empty where nothing was found)
  -sarif=FILE     write the findings as SARIF 2.1
  -fail=LEVEL     possible, likely (default), proved, none: what fails the run
  -ignore=FILE    suppressions, each with a reason; one that matches nothing is an error
  -graph=DIR      collect the lock graphs of this and other runs in DIR
                  (default .lockdep in the module, for this run alone)
  -confirm        afterwards, steer the tests into each finding, as "lockdep
                  confirm" does: what happens is proved
  -record         record what the goroutines do, and look for schedules of the
                  recorded run that end in a finding: it is "predictable" then
  -order=FILE     fail if a dependency contradicts a lock order document

Exit status: go's own where nothing was found, 66 where a finding failed the
run, 2 where lockdep could not do its work.`

func testCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "test [go test flags] [packages] [lockdep flags]",
		Short:              "Run go test with the lock validator on",
		Long:               "Run go test with the lock validator on: the results are those of go test, but\na test during which a lock order is found that can deadlock fails.\n" + ownFlags,
		Example:            "  lockdep test ./...\n  lockdep test -race -run TestServer -findings=f.jsonl ./server\n  lockdep test -graph=/var/tmp/locks ./...",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, g, err := split(args, false)
			if err != nil {
				return err
			}
			if o.help {
				return cmd.Help()
			}
			ctx := cmd.Context()
			s, err := prepare(ctx, o, g, true)
			if err != nil {
				return err
			}
			v, err := s.judgement() // before graphDir, which forgets the last run
			if err != nil {
				return err
			}
			built := g.has["c"] && o.graph == "" // nothing runs, so the last run stays the last one
			if !built {
				if err := s.graphDir(); err != nil {
					return err
				}
				s.remember()
			}
			s.options("fail=" + orDefault(o.fail, "likely"))
			goCmd := []string{"test"}
			if !g.has["count"] && !g.has["c"] {
				// A cached result teaches nothing: its process does not run.
				goCmd = append(goCmd, "-count=1")
			}
			// -C must stay the first flag.
			if g.dir != "" {
				goCmd = []string{"test", "-C", g.dir}
				g.args = without(g.args, "C")
				if !g.has["count"] && !g.has["c"] {
					goCmd = append(goCmd, "-count=1")
				}
			}
			code, err := s.run(ctx, "", s.root.GoCmd, append(goCmd, g.args...)...)
			if err != nil {
				return fmt.Errorf("running go test: %w", err)
			}
			if built {
				if code != 0 {
					return status(code)
				}
				return nil
			}
			err = v.finish(code, true)
			if o.confirm {
				return s.confirm(ctx, v.fail, err)
			}
			return err
		},
	}
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// without takes a flag and its value out of a command line.
func without(args []string, name string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-"+name || a == "--"+name:
			i++
		case len(a) > len(name)+2 && (a[:len(name)+2] == "-"+name+"="):
		default:
			out = append(out, a)
		}
	}
	return out
}
