package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
	"github.com/golockdep/lockdep/predict"
	"github.com/golockdep/lockdep/report"
)

// bounds are how much more a run under lockdep may need than its baseline.
type bounds struct {
	rssFactor, pauseFactor, lateFactor float64
	rssPlus                            int64 // MB
	pausePlus, latePlus                time.Duration
}

// defaultBounds have room over what docs/soak.md has as measured. The memory
// that is added is that of the validator's tables, as far as they are used; the
// factor is for what grows with the program: the tasks of goroutines, and their
// stacks, since one that has learned something has 8 KB and not 2 of them.
// A pause grows by what the garbage collector has to wait for, a goroutine that
// is about to learn; the times are also those of a machine with other work.
var defaultBounds = bounds{
	rssFactor: 1.5, rssPlus: 96,
	pauseFactor: 3, pausePlus: 250 * time.Millisecond,
	lateFactor: 3, latePlus: 500 * time.Millisecond,
}

// perGoroutine is the memory, in bytes, of a goroutine that waits: a stack of 8 KB, since
// it has learned something, and its task.
const perGoroutine = 12 << 10

func (b *bounds) flags(f *flag.FlagSet) {
	f.Float64Var(&b.rssFactor, "rss-factor", b.rssFactor, "peak memory may be this many times the baseline's,")
	f.Int64Var(&b.rssPlus, "rss-plus", b.rssPlus, "and so many MB more")
	f.Float64Var(&b.pauseFactor, "pause-factor", b.pauseFactor, "the longest pause may be this many times the baseline's,")
	f.DurationVar(&b.pausePlus, "pause-plus", b.pausePlus, "and so much more")
	f.Float64Var(&b.lateFactor, "late-factor", b.lateFactor, "a goroutine may be this many times as late as in the baseline,")
	f.DurationVar(&b.latePlus, "late-plus", b.latePlus, "and so much more")
}

// A difference is what a pair has other than its baseline.
type difference struct {
	lines   []string
	dir     string
	command string
}

// tries is how often something that other load can cause has to come in a row,
// and how often the baseline is run then to show that it is not plain Go's.
const tries = 3

// pair runs a pair and compares it; nil: there is no difference.
func (s *soaker) pair(ctx context.Context, p pair, seed uint64) (*difference, error) {
	base, err := s.baseline(ctx, p, seed, 1)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		r, err := s.run(ctx, p.program, p.config, p.config.build, seed, limit(base.took()))
		if err != nil {
			return nil, err
		}
		sure, noise := s.compare(p, base, r)
		if s.o.verbose {
			fmt.Println(p, r.figures(base))
		}
		if len(sure)+len(noise) == 0 {
			return nil, os.RemoveAll(r.dir)
		}
		if len(sure) == 0 && try < tries {
			os.RemoveAll(r.dir)
			continue
		}
		// Does plain Go do it, too?
		more, err := s.baseline(ctx, p, seed, tries)
		if err != nil {
			return nil, err
		}
		if sure, noise = s.compare(p, more, r); len(sure)+len(noise) == 0 {
			return nil, os.RemoveAll(r.dir)
		}
		return &difference{append(sure, noise...), r.dir, r.command}, nil
	}
}

// A baseline is runs of a program in plain Go.
type baseline []*result

func (b baseline) took() time.Duration {
	return b.most(func(r *result) int64 { return int64(r.took) })
}

func (b baseline) most(f func(*result) int64) time.Duration {
	n := int64(0)
	for _, r := range b {
		n = max(n, f(r))
	}
	return time.Duration(n)
}

// baseline returns n runs at least; a pair's are kept for the round.
func (s *soaker) baseline(ctx context.Context, p pair, seed uint64, n int) (baseline, error) {
	b := p.config.build.baseline()
	key := fmt.Sprint(p.program.name, b, p.config.procs, p.config.gogc)
	for len(s.base[key]) < n {
		r, err := s.run(ctx, p.program, p.config, b, seed, 5*time.Minute)
		if err != nil {
			return nil, err
		}
		os.RemoveAll(r.dir)
		if r.hung {
			return nil, fmt.Errorf("%s hangs in plain Go: %s", p.program.name, r.command)
		}
		s.base[key] = append(s.base[key], r)
	}
	return s.base[key], nil
}

// compare says what differs: for sure, and what other load can cause.
func (s *soaker) compare(p pair, base baseline, r *result) (sure, noise []string) {
	sameAs := func(f func(*result) string) bool {
		return slices.ContainsFunc(base, func(b *result) bool { return f(b) == f(r) })
	}
	if r.hung {
		sure = append(sure, fmt.Sprintf("it hangs: no end after %.0f s, in plain Go after %.1f s", r.took.Seconds(), base.took().Seconds()))
	}
	// A test of somebody else may be flaky: its failures have to come again.
	to := &sure
	if p.program.target.library {
		to = &noise
	}
	if !sameAs(func(r *result) string { return r.exit }) {
		*to = append(*to, fmt.Sprintf("%s, in plain Go %s", r.exit, base[0].exit))
	}
	if p.program.target.tests {
		*to = append(*to, testDifferences(base, r)...)
	} else {
		if !sameAs(func(r *result) string { return string(r.stdout) }) {
			sure = append(sure, "standard output differs: "+firstDifference(base[0].stdout, r.stdout))
		}
		if !p.program.dies && !sameAs(func(r *result) string { return string(ownStderr(r.stderr)) }) {
			sure = append(sure, "standard error differs: "+firstDifference(base[0].stderr, ownStderr(r.stderr)))
		}
	}
	sure = append(sure, r.badPages...)
	sure = append(sure, findings(r, p.program.known)...)

	most := func(what string, have, bound int64, unit int64, word string) {
		if have > bound {
			noise = append(noise, strings.TrimSpace(fmt.Sprintf("%s: %d %s, bound %d %s", what, have/unit, word, bound/unit, word)))
		}
	}
	b := s.o.bounds
	most("peak memory", r.rss, int64(b.rssFactor*float64(base.most(func(r *result) int64 { return r.rss })))+b.rssPlus<<20+int64(p.program.alive)*perGoroutine, 1<<20, "MB")
	if r.meter == nil || base[0].meter == nil {
		return sure, noise
	}
	most("longest pause", int64(r.meter.Pause), int64(b.pauseFactor*float64(base.most(func(r *result) int64 { return int64(r.meter.Pause) })))+int64(b.pausePlus), 1e6, "ms")
	most("late", int64(r.meter.Late), int64(b.lateFactor*float64(base.most(func(r *result) int64 { return int64(r.meter.Late) })))+int64(b.latePlus), 1e6, "ms")
	if !p.config.pages {
		most("goroutines at the end", int64(r.meter.Goroutines), int64(base.most(func(r *result) int64 { return int64(r.meter.Goroutines) })), 1, "")
	}
	return sure, noise
}

// ownStderr is what the program itself printed: lockdep says where pages are.
func ownStderr(b []byte) []byte { return serving.ReplaceAll(b, nil) }

func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := 0; ; i++ {
		switch {
		case i >= len(w) || i >= len(g):
			return fmt.Sprintf("%d lines, in plain Go %d", len(g), len(w))
		case !bytes.Equal(w[i], g[i]):
			return fmt.Sprintf("line %d is %.200q, in plain Go %.200q", i+1, g[i], w[i])
		}
	}
}

var outcome = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)

func outcomes(r *result) map[string]string {
	out := map[string]string{}
	for _, m := range outcome.FindAllSubmatch(r.stdout, -1) {
		out[string(m[2])] = string(m[1])
	}
	return out
}

// testDifferences are the tests whose outcome none of the baselines has.
func testDifferences(base baseline, r *result) []string {
	var lines []string
	all := outcomes(r)
	names := maps.Clone(all)
	var bases []map[string]string
	for _, b := range base {
		o := outcomes(b)
		bases = append(bases, o)
		maps.Copy(names, o)
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if !slices.ContainsFunc(bases, func(b map[string]string) bool { return b[n] == all[n] }) {
			lines = append(lines, fmt.Sprintf("test %s: %q, in plain Go %q", n, all[n], bases[0][n]))
		}
	}
	return lines
}

// findings are those at likely or above over the graph files of a run that are
// not known, and what is wrong with its files.
func findings(r *result, known []string) []string {
	var lines []string
	dir := filepath.Join(r.dir, "graph")
	files, warnings, err := lockgraph.ReadAll(dir)
	if err != nil {
		return []string{err.Error()}
	}
	if len(files) == 0 {
		return []string{"it left no graph file"}
	}
	for _, w := range warnings {
		if !r.hung {
			lines = append(lines, w.Error())
		}
	}
	g := lockgraph.Union(files...)
	v := g.Judge()
	ignore, err := report.ParseIgnore("known", strings.NewReader(strings.Join(known, "\n")))
	if err != nil {
		return []string{err.Error()}
	}
	for _, f := range g.Findings(v, engine.Likely) {
		if ignore.Match(&f) {
			continue
		}
		var classes []string
		for _, s := range f.Sides {
			classes = append(classes, engine.ShortClass(s.Holds.Class)+" > "+engine.ShortClass(s.Wants.Class))
		}
		lines = append(lines, fmt.Sprintf("finding %s: %s %s: %s", f.ID, f.Level, f.Kind, strings.Join(classes, ", ")))
	}
	traces, _ := filepath.Glob(filepath.Join(dir, "*"+predict.Ext))
	for _, name := range traces {
		st, err := os.Stat(name)
		if err != nil || st.Size() > 32<<20 {
			continue // minutes and gigabytes
		}
		if _, err := predict.ReadFile(name); err != nil {
			lines = append(lines, err.Error())
		}
	}
	return lines
}

// figures is one line for -v.
func (r *result) figures(base baseline) string {
	s := fmt.Sprintf("%s in %.2f s (%.2f), %d MB (%d)", r.exit, r.took.Seconds(), base.took().Seconds(), r.rss>>20, base.most(func(r *result) int64 { return r.rss })>>20)
	if r.meter != nil && base[0].meter != nil {
		s += fmt.Sprintf(", pause %.1f ms (%.1f), late %.1f ms (%.1f), %d goroutines (%d)",
			r.meter.Pause.Seconds()*1e3, base.most(func(r *result) int64 { return int64(r.meter.Pause) }).Seconds()*1e3,
			r.meter.Late.Seconds()*1e3, base.most(func(r *result) int64 { return int64(r.meter.Late) }).Seconds()*1e3,
			r.meter.Goroutines, base[0].meter.Goroutines)
	}
	if r.asked > 0 {
		s += fmt.Sprintf(", %d pages", r.asked)
	}
	return s
}
