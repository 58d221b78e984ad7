package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/golockdep/lockdep/internal/bench"
)

// A measurer runs the binaries.
type measurer struct {
	dir       string // of the binaries; they run in it
	impls     []implementation
	cases     []bench.Case
	rounds    int
	benchtime string
	batches   int
	short     bool
	progress  io.Writer
}

// slow is the time from which on a measurement is made in the first round
// only. A global lock that 100,000 goroutines queue for takes minutes.
const slow = 30 * time.Second

// run writes the output of all rounds in Go's benchmark format, each
// measurement headed by the configuration keys impl and round. The order of
// implementations turns by one with each measurement, so that none always
// runs on the heels of the same other.
func (m *measurer) run(ctx context.Context, w io.Writer) error {
	tooSlow := map[key]bool{}
	for round := range m.rounds {
		for n, c := range m.cases {
			fmt.Fprintf(m.progress, "round %d of %d, %s\n", round+1, m.rounds, c.Name)
			for k := range m.impls {
				i := m.impls[(k+n+round)%len(m.impls)]
				if tooSlow[key{c.Name, i.name}] {
					continue
				}
				fmt.Fprintf(w, "impl: %s\nround: %d\n", i.name, round+1)
				start := time.Now()
				if err := m.one(ctx, w, i, c); err != nil {
					return err
				}
				if d := time.Since(start); d > slow {
					tooSlow[key{c.Name, i.name}] = true
					fmt.Fprintf(m.progress, "%s on %s took %v: once is enough\n", c.Name, i.name, d.Round(time.Second))
				}
			}
		}
	}
	return nil
}

// one makes one measurement.
func (m *measurer) one(ctx context.Context, w io.Writer, i implementation, c bench.Case) error {
	benchtime := m.benchtime
	if c.Batch {
		benchtime = strconv.Itoa(m.batches) + "x"
	}
	args := []string{"-test.run=^$", "-test.bench=^BenchmarkLock$/^" + c.Name + "$", "-test.benchtime=" + benchtime}
	if m.short {
		args = append(args, "-test.short")
	}
	cmd := exec.CommandContext(ctx, binary(m.dir, i), args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "LOCKDEPDIR="+m.dir) // graph files are of no interest
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	// A finding of a validator is an error too: the cases have none to give.
	if err != nil || stderr.Len() > 0 {
		if err == nil {
			err = fmt.Errorf("unexpected output on standard error")
		}
		return fmt.Errorf("%s on %s: %w\n%s%s", c.Name, i.name, err, stdout.Bytes(), stderr.Bytes())
	}
	_, err = w.Write(stdout.Bytes())
	return err
}
