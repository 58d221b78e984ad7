// Command compare measures the cases of package bench on every implementation
// and prints a table, in Markdown, and how lockdep stands against its limits.
//
// Rounds alternate between implementations, each measurement in a process of
// its own, so that a ratio is of two measurements made within seconds.
// Exceeded time limits are printed and do not change the exit status, since
// they depend on the machine; an allocation where there must be none does.
//
// Exit status: 0, or 1 where lockdep allocated, or 2 where nothing could be
// measured.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/golockdep/lockdep/internal/bench"
)

const usage = `usage: go run ./compare [flags]

Without -goroot or -lockdep, plain sync and the peers are measured.

  go run ./compare -benchtime=20x -short -count=1       does everything build and run?
  go run ./compare -lockdep=lockdep -raw=bench.txt      all, and keep the measurements
  go run ./compare -impl=sync,lockdep -case='^[A-E]_' -goroot=DIR
  go run ./compare -from=bench.txt                      the tables of kept measurements

`

func main() {
	status, err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
	}
	os.Exit(status)
}

func run(args []string, stdout, stderr io.Writer) (status int, err error) {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	var (
		b       builder
		m       = measurer{progress: stderr}
		impls   = flags.String("impl", "", "measure these implementations only, a comma-separated `list` of "+strings.Join(implNames(implementations), ", "))
		caseRE  = flags.String("case", "", "measure the cases that match `regexp` only")
		rawFile = flags.String("raw", "", "write the measurements to `file`, for benchstat -col=impl and for -from")
		from    = flags.String("from", "", "measure nothing, print the tables of `file`")
	)
	flags.StringVar(&b.goroot, "goroot", "", "build lockdep's binary with the instrumented GOROOT `dir`")
	flags.StringVar(&b.lockdep, "lockdep", "", "build lockdep's binary by running `command` test -c")
	flags.IntVar(&m.rounds, "count", 5, "number of rounds")
	flags.StringVar(&m.benchtime, "benchtime", "300ms", "`time` of a measurement, as for go test")
	flags.IntVar(&m.batches, "batches", 1, "number of batches of a measurement of a batch case")
	flags.BoolVar(&m.short, "short", false, "small batches, to see that it runs")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0, err
	} else if err != nil {
		return 2, nil // flags has said it
	}
	if flags.NArg() > 0 {
		return 2, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	var raw []byte
	if *from != "" {
		if raw, err = os.ReadFile(*from); err != nil {
			return 2, err
		}
	} else {
		re, err := regexp.Compile(*caseRE)
		if err != nil {
			return 2, fmt.Errorf("flag -case: %w", err)
		}
		for _, c := range bench.Cases {
			if re.MatchString(c.Name) {
				m.cases = append(m.cases, c)
			}
		}
		if len(m.cases) == 0 {
			return 2, fmt.Errorf("flag -case: no case matches %q", *caseRE)
		}
		if b.goroot != "" {
			if b.goroot, err = filepath.Abs(b.goroot); err != nil {
				return 2, err
			}
		}
		if m.impls, err = b.choose(*impls); err != nil {
			return 2, err
		}
		if raw, err = measure(&b, &m, *rawFile); err != nil {
			return 2, err
		}
	}

	r, err := parse(bytes.NewReader(raw))
	if err != nil {
		return 2, fmt.Errorf("reading the measurements: %w", err)
	}
	if err := r.instrumented(); err != nil {
		return 2, err
	}
	r.writeTimes(stdout)
	r.writeMemory(stdout)
	if allocated := r.writeLimits(stdout); allocated {
		return 1, nil
	}
	return 0, nil
}

// measure builds the binaries in a directory of its own, and runs them there.
// It writes what it returns to rawFile too, if that is not empty, as it comes:
// measurements made before an error are not lost.
func measure(b *builder, m *measurer, rawFile string) (raw []byte, err error) {
	var buf bytes.Buffer
	w := io.Writer(&buf)
	if rawFile != "" {
		f, createErr := os.Create(rawFile)
		if createErr != nil {
			return nil, createErr
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = io.MultiWriter(&buf, f)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "lockdep-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	b.dir, m.dir = dir, dir
	for _, i := range m.impls {
		fmt.Fprintf(m.progress, "building %s\n", i.name)
		if err := b.build(ctx, i); err != nil {
			return nil, err
		}
	}
	err = m.run(ctx, w)
	return buf.Bytes(), err
}
