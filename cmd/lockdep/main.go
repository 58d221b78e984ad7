// Command lockdep finds potential deadlocks in Go programs, unchanged.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

// A status is an exit status that was explained already.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := &cobra.Command{
		Use:           "lockdep",
		Short:         "Find potential deadlocks in Go programs, unchanged",
		Long:          "lockdep learns the order in which the classes of locks of a Go program nest\nand reports orders that can deadlock, long before one does.",
		Example:       "  lockdep test ./...\n  lockdep build -o server ./cmd/server && LOCKDEPDIR=/var/tmp/locks ./server",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Version = version
	root.SetVersionTemplate(versionText())
	root.SetHelpCommand(helpCommand(root))
	root.AddCommand(testCommand(), buildCommand(), runCommand(), gorootCommand(), envCommand(), graphCommand(), explainCommand(), confirmCommand(), splatCommand(), traceCommand(), traceDiffCommand(), selftestCommand(), scenarioCommand(), versionCommand(), environmentTopic())
	root.SetArgs(goStyle(os.Args[1:]))
	err := root.ExecuteContext(ctx)
	var s status
	switch {
	case err == nil:
	case errors.As(err, &s):
		os.Exit(int(s))
	default:
		fmt.Fprintln(os.Stderr, "lockdep:", err)
		os.Exit(2)
	}
}

// goStyle lets flags begin with one dash, as those of the go command do, in the
// subcommands that do not pass their flags on.
func goStyle(args []string) []string {
	out := append([]string(nil), args...)
	if len(out) == 0 || out[0] == "test" || out[0] == "build" || out[0] == "run" || out[0] == "env" {
		return out
	}
	for i, a := range out {
		if a == "--" {
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && a[2] != '=' {
			out[i] = "-" + a
		}
	}
	return out
}
