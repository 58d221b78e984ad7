package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/internal/goroot"
)

// version is lockdep's own.
const version = "v0.1.0"

func gorootCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "goroot",
		Short:   "Print the path of the instrumented GOROOT for this module",
		Long:    "Print the path of the instrumented copy of the toolchain that the module in the\ncurrent directory selects; it is made if it is not there.",
		Example: "  GOROOT=$(lockdep goroot) GOTOOLCHAIN=local go test ./...\n  lockdep goroot clean",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := newProgress()
			root, err := p.ensure(cmd.Context(), "")
			p.done()
			if err != nil {
				return err
			}
			fmt.Println(root.Path)
			return nil
		},
	}
	c.AddCommand(&cobra.Command{
		Use:     "clean",
		Short:   "Remove all instrumented copies and tables",
		Example: "  lockdep goroot clean",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			done, err := goroot.Clean("")
			if err != nil {
				return err
			}
			tables := 0
			for _, d := range []string{"names", "tables"} {
				dir := filepath.Join(cacheDir(), d)
				n, size := goroot.TreeSize(dir)
				if err := os.RemoveAll(dir); err != nil {
					return fmt.Errorf("removing the names cache: %w", err)
				}
				tables += n
				done.Bytes += size
			}
			fmt.Printf("removed %s and %s, %s\n", count(done.Copies, "copy of Go", "copies of Go"), count(tables, "file of names", "files of names"), bytesText(done.Bytes))
			return nil
		},
	})
	return c
}

// bytesText writes a number of bytes as people read it.
func bytesText(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

func envCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "env [go build flags] [packages]",
		Short:              "Print the environment in which any go command validates locks",
		Long:               "Print shell commands that set GOROOT, GOTOOLCHAIN, PATH and LOCKDEPNAMES, so that\nmake, an IDE or a release tool builds with the lock validator. The packages\n(default ./...) are those whose locks get names.",
		Example:            "  eval \"$(lockdep env ./...)\" && make test",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, g, err := split(args, false)
			if err != nil {
				return err
			}
			if o.help {
				return cmd.Help()
			}
			if len(g.packages) == 0 {
				g.packages = []string{"./..."}
			}
			s, err := prepare(cmd.Context(), o, g, true)
			if err != nil {
				return err
			}
			last := map[string]string{}
			for _, e := range s.env {
				k, v, _ := strings.Cut(e, "=")
				last[k] = v
			}
			for _, k := range []string{"GOROOT", "GOTOOLCHAIN", "PATH", "LOCKDEPNAMES"} {
				if last[k] != "" {
					fmt.Printf("export %s='%s'\n", k, strings.ReplaceAll(last[k], "'", `'\''`))
				}
			}
			return nil
		},
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print lockdep's version",
		Example: "  lockdep version",
		Args:    cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Print(versionText())
		},
	}
}

func versionText() string { return fmt.Sprintf("lockdep %s, for Go %s\n", version, goroot.Releases()) }
