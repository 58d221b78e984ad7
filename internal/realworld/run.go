package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A mode is the command that runs the tests.
type mode string

const (
	plain   mode = "plain"
	lockdep mode = "lockdep"
)

// A runner runs modules one after the other.
//
// The scratch directory holds the copy of a module under its name, so that
// both modes have the same paths and share what the build cache can share; it
// is copied afresh before each run, since tests leave files behind.
type runner struct {
	modes   []mode
	rounds  int
	cold    bool
	lockdep string // path of the command
	scratch string
	out     string
	log     io.Writer
}

// A timing is what one run of a suite costs.
type timing struct {
	wall time.Duration
	cpu  time.Duration // user and system, of the command and all it waited for
}

// faster returns the timing with the lower wall time; a zero one is unknown.
func (t timing) faster(u timing) timing {
	if t.wall == 0 || u.wall != 0 && u.wall < t.wall {
		return u
	}
	return t
}

// prepare makes the directories and finds or builds the lockdep command.
func (r *runner) prepare(ctx context.Context) error {
	for _, dir := range []string{r.out, r.scratch, r.tmp()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	if !slices.Contains(r.modes, lockdep) {
		return nil
	}
	if r.lockdep != "" {
		// Tests run in other directories, so a relative path would not do.
		path, err := exec.LookPath(r.lockdep)
		if err != nil {
			return fmt.Errorf("-lockdep: %w", err)
		}
		r.lockdep, err = filepath.Abs(path)
		return err
	}
	b, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}"))
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	r.lockdep = filepath.Join(r.scratch, "lockdep")
	build := exec.CommandContext(ctx, "go", "build", "-o", r.lockdep, "./cmd/lockdep")
	build.Dir = filepath.Join(strings.TrimSpace(string(b)), "..", "..")
	if _, err := output(build); err != nil {
		return fmt.Errorf("building lockdep (-lockdep names a built one): %w", err)
	}
	return nil
}

// tmp is the directory for temporary files of tests; its path is short, since
// that of a unix socket is limited.
func (r *runner) tmp() string { return filepath.Join(r.scratch, "tmp") }

// module runs the suite of one module in each mode and compares.
func (r *runner) module(ctx context.Context, m *module) (*row, error) {
	src, err := download(ctx, m.path)
	if err != nil {
		return nil, err
	}
	s := &suite{runner: r, module: m, source: src, dir: filepath.Join(r.scratch, m.name), out: filepath.Join(r.out, m.name)}
	if err := os.MkdirAll(s.out, 0o777); err != nil {
		return nil, err
	}
	defer removeAll(s.dir)
	row := &row{module: m, version: src.Version, time: map[mode]timing{}, cold: map[mode]timing{}}

	var runs [2][]*outcomes // plain, lockdep: one a round
	for round := range r.rounds {
		modes := slices.Clone(r.modes)
		if round%2 == 1 {
			slices.Reverse(modes) // neither is always the one after the other
		}
		for _, mode := range modes {
			o, t, err := s.whole(ctx, mode)
			if err != nil {
				return nil, err
			}
			row.time[mode] = row.time[mode].faster(t)
			if mode == plain {
				runs[0] = append(runs[0], o)
			} else {
				runs[1] = append(runs[1], o)
				row.counters = s.counters(ctx)
				if row.findings, err = readFindings(s.file("findings.jsonl")); err != nil {
					return nil, err
				}
			}
		}
	}
	if len(runs[0]) == 0 { // -mode=lockdep: against an earlier baseline, if any
		if o, err := readOutcomes(s.file("plain.json")); err == nil {
			runs[0] = append(runs[0], o)
			row.time[plain] = timing{wall: o.span}
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	for _, o := range slices.Concat(runs[0], runs[1])[:1] {
		row.packages, row.tests = o.count()
	}
	if len(runs[0]) > 0 && len(runs[1]) > 0 {
		if row.differences, err = s.differences(ctx, runs[0], runs[1]); err != nil {
			return nil, err
		}
	}
	if r.cold {
		for _, mode := range r.modes {
			if row.cold[mode], err = s.fromCold(ctx, mode); err != nil {
				return nil, err
			}
		}
	}
	return row, nil
}

// A suite is the chosen tests of one module, ready to run.
type suite struct {
	*runner
	module *module
	source source
	dir    string // the writable copy
	out    string // for details
}

func (s *suite) file(name string) string { return filepath.Join(s.out, name) }

// whole builds the suite, runs all of it and keeps events and findings.
func (s *suite) whole(ctx context.Context, mode mode) (*outcomes, timing, error) {
	if err := s.source.copyTo(s.dir); err != nil {
		return nil, timing{}, err
	}
	fmt.Fprintf(s.log, "%s %s: building\n", s.module.name, mode)
	// A package that does not build has that as its outcome; the error is in
	// the events of the run that follows.
	build := s.command(ctx, mode, nil, "test", append([]string{"-count=1", "-run=^$"}, s.module.packages...)...)
	if err := build.Run(); err != nil && !isExit(err) {
		return nil, timing{}, err
	}
	var own []string
	if mode == lockdep {
		graph := s.file("graph")
		if err := removeAll(graph); err != nil {
			return nil, timing{}, err
		}
		own = []string{"-findings=" + s.file("findings.jsonl"), "-graph=" + graph}
	}
	fmt.Fprintf(s.log, "%s %s: running\n", s.module.name, mode)
	return s.test(ctx, mode, string(mode), own, s.module.arguments())
}

// test runs the test command with the events into NAME.json and standard error
// into NAME.stderr.
func (s *suite) test(ctx context.Context, mode mode, name string, own, args []string) (*outcomes, timing, error) {
	events, err := os.Create(s.file(name + ".json"))
	if err != nil {
		return nil, timing{}, err
	}
	defer events.Close()
	stderr, err := os.Create(s.file(name + ".stderr"))
	if err != nil {
		return nil, timing{}, err
	}
	defer stderr.Close()
	cmd := s.command(ctx, mode, own, "test", append([]string{"-json", "-count=1"}, args...)...)
	cmd.Stdout, cmd.Stderr = events, stderr
	start := time.Now()
	err = cmd.Run()
	t := timing{wall: time.Since(start)}
	if ctx.Err() != nil {
		return nil, t, ctx.Err()
	}
	if err != nil && !isExit(err) {
		return nil, t, err
	}
	t.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	o, perr := readOutcomes(events.Name())
	if perr != nil {
		return nil, t, perr
	}
	if len(o.of) == 0 {
		return nil, t, fmt.Errorf("%s ran no test (%v), its standard error is in %s", mode, err, stderr.Name())
	}
	return o, t, nil
}

// differences compares the runs round by round and runs each test that differs
// alone, to tell what the difference means.
func (s *suite) differences(ctx context.Context, ps, ls []*outcomes) ([]difference, error) {
	seen := map[testID]bool{}
	var ds []difference
	for i, l := range ls {
		for _, d := range compare(ps[min(i, len(ps)-1)], l) {
			if !seen[d.id] {
				seen[d.id] = true
				ds = append(ds, d)
			}
		}
	}
	alone := map[testID][2]*outcomes{}
	var text strings.Builder
	for i := range ds {
		top := ds[i].id.top()
		pair, ok := alone[top]
		if !ok {
			args := s.module.flags()
			if top.test != "" {
				args = append(args, "-run=^"+regexp.QuoteMeta(top.test)+"$")
			} else {
				args = append(args, s.module.selection()...)
			}
			args = append(args, top.pkg)
			fmt.Fprintf(s.log, "%s: %s alone\n", s.module.name, top)
			for j, mode := range []mode{plain, lockdep} {
				o, _, err := s.test(ctx, mode, string(mode)+".alone", nil, args)
				if err != nil {
					return nil, err
				}
				pair[j] = o
			}
			alone[top] = pair
		}
		ds[i].settle(append(slices.Clone(ps), pair[0]), pair[1])
		fmt.Fprintln(&text, ds[i])
		fmt.Fprintf(s.log, "%s: %s\n", s.module.name, ds[i])
	}
	return ds, os.WriteFile(s.file("differences.txt"), []byte(text.String()), 0o666)
}

// fromCold times building and running the suite from a build cache that holds
// the standard library alone.
func (s *suite) fromCold(ctx context.Context, mode mode) (timing, error) {
	if err := s.source.copyTo(s.dir); err != nil {
		return timing{}, err
	}
	cache := filepath.Join(s.scratch, "cold")
	if err := removeAll(cache); err != nil {
		return timing{}, err
	}
	defer removeAll(cache)
	fmt.Fprintf(s.log, "%s %s: building std into an empty cache\n", s.module.name, mode)
	std := s.command(ctx, mode, nil, "build", "std")
	std.Env = append(std.Env, "GOCACHE="+cache)
	if _, err := output(std); err != nil {
		return timing{}, err
	}
	fmt.Fprintf(s.log, "%s %s: cold run\n", s.module.name, mode)
	cmd := s.command(ctx, mode, nil, "test", append([]string{"-json", "-count=1"}, s.module.arguments()...)...)
	cmd.Env = append(cmd.Env, "GOCACHE="+cache)
	start := time.Now()
	if err := cmd.Run(); err != nil && !isExit(err) {
		return timing{}, err
	}
	return timing{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, ctx.Err()
}

// command is `go VERB ARGS` or `lockdep VERB OWN ARGS` in the copy of the
// module. Own are lockdep's own flags.
func (s *suite) command(ctx context.Context, mode mode, own []string, verb string, args ...string) *exec.Cmd {
	var cmd *exec.Cmd
	switch mode {
	case plain:
		cmd = exec.CommandContext(ctx, "go", append([]string{verb}, args...)...)
	case lockdep:
		if verb == "test" {
			own = append([]string{"-fail=none"}, own...)
		}
		cmd = exec.CommandContext(ctx, s.lockdep, slices.Concat([]string{verb}, own, args)...)
	}
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "TMPDIR="+s.tmp(), "PWD="+s.dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// isExit reports whether a command ran and said no, as `go test` does when a
// test fails.
func isExit(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit)
}

func readOutcomes(file string) (*outcomes, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseOutcomes(f)
}
