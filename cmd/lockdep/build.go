package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build [go build flags] [packages]",
		Short: "Run go build with the lock validator in the program",
		Long: "Build programs that validate their own locks. They need no file beside them:\n" +
			"the class names are in the binary. A finding is printed on standard error and\n" +
			"the exit status becomes 66, as GOLOCKDEP says (words as GORACE's: log_path,\n" +
			"exitcode, halt_on_error; also fail=LEVEL, off=1, and mix=1, which mixes the run\n" +
			"queues as -race does, so that rare schedules come up). With http=ADDR the program\n" +
			"serves what it holds, waits for and has learned under /debug/lockdep/; stat=1\n" +
			"has hold times counted. With LOCKDEPDIR=DIR each process writes its lock graph\n" +
			"to DIR.",
		Example:            "  lockdep build -o server ./cmd/server\n  GOLOCKDEP='log_path=/var/log/locks exitcode=0' LOCKDEPDIR=/var/tmp/locks ./server",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, g, err := split(args, false)
			if err != nil {
				return err
			}
			if o.help {
				return cmd.Help()
			}
			s, err := prepare(cmd.Context(), o, g, false)
			if err != nil {
				return err
			}
			code, err := s.run(cmd.Context(), "", s.root.GoCmd, append([]string{"build"}, g.args...)...)
			if err != nil {
				return fmt.Errorf("running go build: %w", err)
			}
			if code != 0 {
				return status(code)
			}
			return nil
		},
	}
}

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "run [go build flags] [lockdep flags] package [arguments]",
		Short:              "Build a program with the lock validator and run it",
		Long:               "Build a program with the lock validator and run it. The exit status is the\nprogram's own, 66 where a finding failed it.\n" + ownFlags,
		Example:            "  lockdep run ./cmd/server -listen :8080\n  lockdep run -findings=f.jsonl main.go",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, g, err := split(args, true)
			if err != nil {
				return err
			}
			if o.help {
				return cmd.Help()
			}
			ctx := cmd.Context()
			s, err := prepare(ctx, o, g, false)
			if err != nil {
				return err
			}
			tmp, err := os.MkdirTemp("", "lockdep-run-")
			if err != nil {
				return fmt.Errorf("making a directory for the program: %w", err)
			}
			defer os.RemoveAll(tmp)
			v, err := s.judgement() // before graphDir, which forgets the last run
			if err != nil {
				return err
			}
			if err := s.graphDir(); err != nil {
				return err
			}
			bin := filepath.Join(tmp, "program")
			if len(g.packages) > 0 {
				name := filepath.Base(g.packages[0])
				if name != "." && name != ".." {
					bin = filepath.Join(tmp, trimGo(name))
				}
			}
			build := append([]string{"build"}, g.args...)
			build = append(build, "-o", bin)
			code, err := s.run(ctx, "", s.root.GoCmd, append(build, g.packages...)...)
			if err != nil {
				return fmt.Errorf("running go build: %w", err)
			}
			if code != 0 {
				return status(code)
			}
			s.options("fail=" + orDefault(o.fail, "likely"))
			code, err = s.run(ctx, g.dir, bin, g.rest...) // as go run -C
			if err != nil {
				return fmt.Errorf("running the program: %w", err)
			}
			return v.finish(code, false)
		},
	}
}

func trimGo(name string) string {
	if filepath.Ext(name) == ".go" {
		return name[:len(name)-3]
	}
	return name
}
