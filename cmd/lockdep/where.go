package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
)

// A testSet is tests of one package that make all sides of a finding: the only
// kind of thing that can be steered into it, since tests of different packages
// never run in one process.
type testSet struct {
	dir    string
	named  bool       // every side was seen in a test
	tests  []string   // of the top
	levels [][]string // the names at each level of tests and subtests, quoted
	alone  bool       // each of the tests makes all sides
}

func (p *testSet) add(test string) {
	top, _, _ := strings.Cut(test, "/")
	if p.named = p.named && top != ""; top != "" && !slices.Contains(p.tests, top) {
		p.tests = append(p.tests, top)
	}
	for i, name := range strings.Split(test, "/") {
		if i == len(p.levels) {
			p.levels = append(p.levels, nil)
		}
		if name = regexp.QuoteMeta(name); !slices.Contains(p.levels[i], name) {
			p.levels[i] = append(p.levels[i], name)
		}
	}
}

// pattern is the value of -run, empty for all tests.
func (p *testSet) pattern() string {
	if !p.named {
		return ""
	}
	var all []string
	for _, names := range p.levels {
		slices.Sort(names)
		all = append(all, "^("+strings.Join(names, "|")+")$")
	}
	return strings.Join(all, "/")
}

// beside are the tests that have to run side by side.
func (p *testSet) beside() []string {
	if p.alone || len(p.tests) < 2 {
		return nil
	}
	slices.Sort(p.tests)
	return p.tests
}

func isTest(header map[string]string) bool {
	return strings.HasSuffix(strings.TrimSuffix(header["binary"], ".exe"), ".test")
}

// evidence is the test set of the samples that a finding is told with, or why they
// have none in common.
func (k *confirmer) evidence(f *engine.Finding) (*testSet, string) {
	p := &testSet{named: true}
	for i := range f.Sides {
		for s := &f.Sides[i]; s != nil; s = s.Writer {
			h := k.processes[s.Process]
			if h["dir"] == "" {
				return nil, "its graph does not say where its process ran; run lockdep test again"
			}
			if !isTest(h) {
				return nil, "it was seen in a program: lockdep confirm " + f.ID + " -- PROGRAM ARGUMENTS"
			}
			if p.dir != "" && p.dir != h["dir"] {
				return nil, k.apart(f)
			}
			p.dir = h["dir"]
			p.add(s.Test)
		}
	}
	return p, ""
}

// apart says why no package will do.
func (k *confirmer) apart(f *engine.Finding) string {
	var who []string
	for i := range f.Sides {
		s := &f.Sides[i]
		who = append(who, fmt.Sprintf("%s > %s was seen in %s", engine.ShortClass(s.Holds.Class), engine.ShortClass(s.Wants.Class), filepath.Base(k.processes[s.Process]["dir"])))
	}
	return "no package has tests that make all of its sides, and tests of different packages never run in one process: " + strings.Join(who, ", ")
}

// maxTests bounds the tests that are run for one side.
const maxTests = 4

// testSets looks in the graph for packages whose own tests make all sides of f,
// those first in which one test makes them all. What the graph records of an
// order is its first time in each process, so a package that made it has it.
//
// The samples that the finding is told with are from anywhere: where no two
// sides met on the same instances, the search takes the first that fit.
func (k *confirmer) testSets(f *engine.Finding) []*testSet {
	// tests[dir][i] are the names of the tests of the package that make need i.
	needs := needsOf(f)
	tests := map[string][]map[string]bool{}
	for i := range k.observed {
		o := &k.observed[i]
		h := k.processes[o.Process]
		if h["dir"] == "" || !isTest(h) {
			continue
		}
		for j, is := range needs {
			if !is(o) {
				continue
			}
			of := tests[h["dir"]]
			if of == nil {
				of = make([]map[string]bool, len(needs))
				tests[h["dir"]] = of
			}
			if of[j] == nil {
				of[j] = map[string]bool{}
			}
			of[j][o.Test] = true
		}
	}
	var out []*testSet
	for _, dir := range slices.Sorted(maps.Keys(tests)) {
		of := tests[dir]
		if slices.ContainsFunc(of, func(t map[string]bool) bool { return t == nil }) {
			continue
		}
		out = append(out, testSetOf(dir, of))
	}
	slices.SortStableFunc(out, func(a, b *testSet) int {
		switch {
		case a.alone == b.alone:
			return 0
		case a.alone:
			return -1
		}
		return 1
	})
	return out
}

// testSetOf chooses tests: those that make everything, or some for each need.
func testSetOf(dir string, of []map[string]bool) *testSet {
	p := &testSet{dir: dir, named: true}
	for _, t := range slices.Sorted(maps.Keys(of[0])) {
		all := t != ""
		for _, has := range of {
			all = all && has[t]
		}
		if all && len(p.tests) < maxTests {
			p.alone = true
			p.add(t)
		}
	}
	if p.alone {
		return p
	}
	for _, has := range of {
		for i, t := range slices.Sorted(maps.Keys(has)) {
			if i < maxTests {
				p.add(t)
			}
		}
	}
	return p
}

// needsOf are what the observations of a package have to show: each side of the
// cycle, and each writer that has to come between two readers.
func needsOf(f *engine.Finding) []func(*lockgraph.Observation) bool {
	var out []func(*lockgraph.Observation) bool
	for i := range f.Sides {
		s := &f.Sides[i]
		out = append(out, func(o *lockgraph.Observation) bool {
			return isAcquisition(o) && is(&o.Lock, s.Wants) && slices.ContainsFunc(o.Held, func(l lockgraph.Lock) bool { return is(&l, s.Holds) })
		})
		for w := s.Writer; w != nil; w = w.Writer {
			out = append(out, func(o *lockgraph.Observation) bool { return isAcquisition(o) && is(&o.Lock, w.Wants) })
		}
	}
	return out
}

// isAcquisition: a lock was about to be taken, or a writer came. See
// docs/format/graph.md for the kinds.
func isAcquisition(o *lockgraph.Observation) bool { return o.Kind == 1 || o.Kind == 4 }

func is(l *lockgraph.Lock, of engine.Lock) bool {
	return l.Class == of.Class && l.Mode == modeNamed(of.Mode)
}
