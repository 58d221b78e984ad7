package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/scenario"
)

func selftestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "selftest",
		Short: "Run the kernel's locking self-tests on the engine",
		Long:  "Run the 394 locking self-tests of Linux 6.12 on the engine and print their table\nas the kernel does at boot.\n\nThe exit status is 66 where a verdict is not the kernel's.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			bad := 0
			var why blame
			err := why.on(cmd.OutOrStdout(), func(w io.Writer) (err error) {
				bad, err = scenario.Selftest(w)
				return err
			})
			if err != nil || bad == 0 {
				return err
			}
			return why.status()
		},
	}
}
