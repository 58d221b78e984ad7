package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// environmentTopic is "lockdep help environment".
func environmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "The environment variables of lockdep and of the programs that it builds",
		Long: `Programs with the lock validator read GOLOCKDEP: words KEY=VALUE with blanks between,
for example GOLOCKDEP="log_path=/tmp/locks fail=possible".

  log_path=FILE    write reports to FILE.PID and not to standard error
  exitcode=N       the exit status of a program that had a finding and would have
                   ended with 0; default 66, 0 leaves its status alone
  halt_on_error=1  end the program at the first finding that counts
  fail=LEVEL       the findings that count: possible, likely (default), proved or none
  hang=keep        leave a test that can never end hanging, for a debugger;
                   hang=end (default) ends it with its report
  leaks=0          do not look for goroutines that can never go on
  mix=1            mix the run queues, as -race does, so that rare schedules come up
  stat=1           measure waits and holds from the start, as lock_stat does
  http=ADDRESS     serve pages of what the program holds and waits for, for example
                   http=127.0.0.1:6061
  off=1            do not validate

Read by these programs as well:

  LOCKDEPDIR       directory of the graph files; none are written without it
  LOCKDEPNAMES     file of the names of the lock classes, which lockdep sets
  LOCKDEPIGNORE    suppressions: the lines of a file of -ignore; lockdep sets it

Read by lockdep:

  LOCKDEPCACHE     directory of the instrumented copies of Go and of the names;
                   default: lockdep in the user's cache directory
`,
	}
}

// parent makes c a command that only has others below it: without arguments it
// prints its help, and a wrong name is an error.
func parent(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
	return c
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	hint := ""
	if s := cmd.SuggestionsFor(name); len(s) > 0 {
		hint = "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return fmt.Errorf("unknown command %q for %q%s", name, cmd.CommandPath(), hint)
}

// helpCommand is cobra's, but an unknown topic is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		Long:  "Print what a command does and its flags.",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd == nil || len(rest) > 0 {
				at := root
				if cmd != nil {
					at = cmd
				}
				if len(rest) == 0 {
					rest = args
				}
				return unknownCommand(at, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}
