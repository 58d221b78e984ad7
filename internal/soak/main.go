package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	length  time.Duration
	seed    uint64
	only    string
	list    bool
	lockdep string
	verbose bool
	bounds  bounds
}

func main() {
	o := options{bounds: defaultBounds}
	flag.DurationVar(&o.length, "for", 2*time.Minute, "how long programs run; building comes before")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1e9), "the seed of the order and of the programs")
	flag.StringVar(&o.only, "only", "", "run only these `PROGRAMS`, pairs PROGRAM/CONFIG or configurations /CONFIG, with commas between")
	flag.BoolVar(&o.list, "list", false, "print programs and configurations")
	flag.StringVar(&o.lockdep, "lockdep", "", "the lockdep command; empty: built from this repository")
	flag.BoolVar(&o.verbose, "v", false, "print each run with its figures")
	o.bounds.flags(flag.CommandLine)
	flag.Parse()
	if o.list {
		for _, p := range programs() {
			fmt.Println(p.name)
		}
		for _, c := range configs() {
			fmt.Printf("/%s\t%s GOMAXPROCS=%d GOGC=%s %s pages=%v\n", c.name, c.build, c.procs, c.gogc, c.words, c.pages)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	differences, err := soak(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	case differences > 0:
		os.Exit(1)
	}
}

// A soaker has what the runs share.
type soaker struct {
	o    options
	work string // a directory; stays where there was a difference
	exe  map[target]map[build]string
	dirs map[target]string // where test programs run
	base map[string]baseline
}

func soak(ctx context.Context, o options) (differences int, err error) {
	if flag.NArg() > 0 {
		return 0, fmt.Errorf("%q: no arguments are expected", flag.Arg(0))
	}
	ps, err := pairs(o.only)
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "lockdep-soak-")
	if err != nil {
		return 0, fmt.Errorf("making a directory: %w", err)
	}
	defer func() {
		if differences == 0 {
			os.RemoveAll(work)
		}
	}()
	s := &soaker{o: o, work: work, exe: map[target]map[build]string{}, dirs: map[target]string{}, base: map[string]baseline{}}
	start := time.Now()
	if err := s.buildAll(ctx, batches(ps)); err != nil {
		return 0, err
	}
	fmt.Printf("soak: seed %d, %d pairs, built in %.0f s\n", o.seed, len(ps), time.Since(start).Seconds())
	return s.rounds(ctx, ps)
}

// rounds runs all pairs, in an order by the seed, again and again until the time
// is over. Each round has a seed of its own.
func (s *soaker) rounds(ctx context.Context, ps []pair) (differences int, err error) {
	start, runs, rounds := time.Now(), 0, 0
	r := rand.New(rand.NewPCG(s.o.seed, 0))
	seen := map[string]bool{}
	// What was run before need not have an end: the time bounds it.
	for seed := s.o.seed; ctx.Err() == nil && time.Since(start) < s.o.length; seed++ {
		rounds++
		s.base = map[string]baseline{}
		r.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
		for _, p := range ps {
			if ctx.Err() != nil || time.Since(start) >= s.o.length {
				break
			}
			runs++
			d, err := s.pair(ctx, p, seed)
			if err != nil {
				return differences, err
			}
			seen[p.String()] = true
			if d != nil {
				differences++
				s.print(p, seed, d)
			}
		}
	}
	fmt.Printf("soak: %d runs of %d of %d pairs in %.0f s, %s differ\n", runs, len(seen), len(ps), time.Since(start).Seconds(), number(differences))
	if differences > 0 {
		fmt.Printf("soak: files are in %s\n", s.work)
	}
	return differences, ctx.Err()
}

func number(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

func (s *soaker) print(p pair, seed uint64, d *difference) {
	fmt.Printf("DIFFERENT: %s seed %d\n", p, seed)
	for _, l := range d.lines {
		fmt.Printf("\t%s\n", l)
	}
	fmt.Printf("\tfiles:  %s\n\tcommand: %s\n\tagain:  go run ./internal/soak -for=1m -seed=%d -only=%s\n", d.dir, d.command, seed, p)
}

// buildAll builds everything, once.
func (s *soaker) buildAll(ctx context.Context, all map[batch][]target) error {
	if s.o.lockdep == "" {
		s.o.lockdep = filepath.Join(s.work, "lockdep")
		if runtime.GOOS == "windows" {
			s.o.lockdep += ".exe"
		}
		if err := command(ctx, ".", "go", "build", "-o", s.o.lockdep, "./cmd/lockdep"); err != nil {
			return err
		}
	}
	var err error
	if s.o.lockdep, err = filepath.Abs(s.o.lockdep); err != nil {
		return err
	}
	for k, ts := range all {
		dir := filepath.Join("internal", "soak", "testdata", k.module)
		out := filepath.Join(s.work, "bin", k.build.String())
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		args := []string{"build"}
		if k.tests {
			args = []string{"test", "-c"}
		}
		tool := "go"
		switch k.build {
		case plainRace, lockedRace:
			args = append(args, "-race")
		case lockedRecord:
			args = append(args, "-record")
		}
		if k.build.lockdep() {
			tool = s.o.lockdep
			if k.tests {
				args = append(args, "-graph="+filepath.Join(s.work, "graph"))
			}
		}
		args = append(args, "-o", out+string(filepath.Separator))
		for _, t := range ts {
			args = append(args, t.pkg)
			if s.exe[t] == nil {
				s.exe[t] = map[build]string{}
			}
			s.exe[t][k.build] = filepath.Join(out, t.file)
			if t.library && s.dirs[t] == "" {
				text, err := exec.CommandContext(ctx, "go", "list", "-C", dir, "-f", "{{.Dir}}", t.pkg).Output()
				if err != nil {
					return fmt.Errorf("finding %s: %w; run from the root of the repository", t.pkg, err)
				}
				s.dirs[t] = strings.TrimSpace(string(text))
			}
		}
		if err := command(ctx, dir, tool, args...); err != nil {
			return err
		}
	}
	return nil
}

// command runs one that is expected to succeed.
func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
