package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "realworld:", err)
	}
	os.Exit(status)
}

// run is the whole command. It returns the exit status of the package comment
// and, with status 2, the error that stopped it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, err error) {
	fs := flag.NewFlagSet("realworld", flag.ContinueOnError)
	fs.SetOutput(stderr)
	names := fs.String("modules", "", "comma-separated `names` of modules to run (default all)")
	modeFlag := fs.String("mode", "both", "`both`, plain or lockdep")
	lockdepPath := fs.String("lockdep", "", "`path` of the lockdep command (default: built from this repository)")
	out := fs.String("out", "", "`directory` for details (default: a new temporary one, named at the end)")
	scratch := fs.String("scratch", "", "`directory` for module sources and temporary files, outside any module (default: temporary)")
	rounds := fs.Int("rounds", 1, "`times` to run each mode; the fastest counts, differences are of any round")
	cold := fs.Bool("cold", false, "also time each mode from a build cache that holds std only")
	list := fs.Bool("list", false, "print the modules with their subsets and skips, and stop")
	if err := fs.Parse(args); err != nil {
		return 2, err
	}
	if fs.NArg() > 0 {
		return 2, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	modes, err := parseModes(*modeFlag)
	if err != nil {
		return 2, err
	}
	chosen, err := choose(*names)
	if err != nil {
		return 2, err
	}
	if *rounds < 1 {
		return 2, fmt.Errorf("-rounds=%d: want at least 1", *rounds)
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintln(stdout, m.describe())
		}
		return 0, nil
	}

	if *scratch == "" {
		dir, err := os.MkdirTemp("", "rw")
		if err != nil {
			return 2, err
		}
		defer removeAll(dir)
		*scratch = dir
	}
	if *out == "" {
		dir, err := os.MkdirTemp("", "realworld-out")
		if err != nil {
			return 2, err
		}
		defer fmt.Fprintln(stderr, "details in", dir)
		*out = dir
	}
	r := &runner{modes: modes, rounds: *rounds, cold: *cold, lockdep: *lockdepPath, log: stderr}
	if r.scratch, err = filepath.Abs(*scratch); err != nil {
		return 2, err
	}
	if r.out, err = filepath.Abs(*out); err != nil {
		return 2, err
	}
	if err := r.prepare(ctx); err != nil {
		return 2, err
	}

	table := &strings.Builder{}
	emit := func(s string) {
		fmt.Fprint(stdout, s)
		table.WriteString(s)
	}
	emit(tableHead)
	for _, m := range chosen {
		row, err := r.module(ctx, m)
		if ctx.Err() != nil {
			return 2, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(stderr, "realworld: %s: %v\n", m.name, err)
			status = 2
			continue
		}
		emit(row.markdown())
		if n := row.real(); n > 0 && status == 0 {
			status = 1
		}
	}
	if err := os.WriteFile(filepath.Join(r.out, "table.md"), []byte(table.String()), 0o666); err != nil {
		return 2, err
	}
	return status, nil
}

// parseModes reads the value of -mode.
func parseModes(s string) ([]mode, error) {
	switch s {
	case "both":
		return []mode{plain, lockdep}, nil
	case "plain":
		return []mode{plain}, nil
	case "lockdep":
		return []mode{lockdep}, nil
	}
	return nil, fmt.Errorf("-mode=%s: want both, plain or lockdep", s)
}

// choose returns the modules of a comma-separated list of names, in the order
// of the table; all of them for the empty list.
func choose(names string) ([]*module, error) {
	want := map[string]bool{}
	for _, n := range strings.FieldsFunc(names, func(r rune) bool { return r == ',' }) {
		want[n] = true
	}
	var ms []*module
	for i := range modules {
		m := &modules[i]
		if len(want) == 0 && names == "" || want[m.name] {
			ms = append(ms, m)
			delete(want, m.name)
		}
	}
	for n := range want {
		return nil, fmt.Errorf("-modules: no module %q; -list prints them", n)
	}
	return ms, nil
}

// output runs a command and returns its standard output; the error carries its
// standard error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		return b, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return b, nil
}
