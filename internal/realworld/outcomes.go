package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// An outcome is how a test or a package ended; the empty one is that of a test
// that did not run.
type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
	cut  outcome = "cut" // started and never ended
)

// A testID names a test, subtest, example or fuzz seed; with an empty test, the
// package.
type testID struct{ pkg, test string }

func (id testID) String() string { return strings.TrimSuffix(id.pkg+"."+id.test, ".") }

// top returns the top-level test to which the test belongs.
func (id testID) top() testID {
	id.test, _, _ = strings.Cut(id.test, "/")
	return id
}

func compareIDs(a, b testID) int {
	return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test))
}

// outcomes are what a stream of `go test -json` events says.
type outcomes struct {
	of     map[testID]outcome
	found  map[testID]bool // tests that lockdep says it failed
	span   time.Duration   // from the first event to the last
	strays int             // lines that were no events
}

// findingMark begins a line of a test's output by which lockdep says that a
// finding failed the test.
const findingMark = "    lockdep:"

// parseOutcomes reads a stream of `go test -json` events. A line that is no
// event is counted and passed over: a test may write to the descriptor of
// go's own output. With an error it returns what came before the fault.
func parseOutcomes(r io.Reader) (*outcomes, error) {
	o := &outcomes{of: map[testID]outcome{}, found: map[testID]bool{}}
	var first, last time.Time
	br := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := br.ReadBytes('\n')
		if len(line) > 0 {
			var e struct {
				Time                          time.Time
				Action, Package, Test, Output string
			}
			if json.Unmarshal(line, &e) != nil {
				o.strays++
			} else {
				if first.IsZero() {
					first = e.Time
				}
				if e.Time.After(last) {
					last = e.Time
				}
				id := testID{e.Package, e.Test}
				switch e.Action {
				// A package and its external test package may have a test of
				// one name: then the failure counts, whichever it is of.
				case "start", "run":
					if o.of[id] != fail {
						o.of[id] = cut
					}
				case "pass", "fail", "skip":
					if o.of[id] != fail {
						o.of[id] = outcome(e.Action)
					}
				case "output":
					if strings.HasPrefix(e.Output, findingMark) {
						o.found[id] = true
					}
				}
			}
		}
		if err == io.EOF {
			o.span = last.Sub(first)
			return o, nil
		}
		if err != nil {
			return o, fmt.Errorf("reading test events: %w", err)
		}
	}
}

// count returns the number of packages that have tests, and that of tests by
// outcome.
func (o *outcomes) count() (packages int, tests map[outcome]int) {
	tests = map[outcome]int{}
	seen := map[string]bool{}
	for id, what := range o.of {
		if id.test != "" {
			tests[what]++
			seen[id.pkg] = true
		}
	}
	return len(seen), tests
}

// A difference is a test with two outcomes.
type difference struct {
	id             testID
	plain, lockdep outcome
	verdict        verdict
}

// A verdict says what a difference means, once the test was run alone.
type verdict string

const (
	differs   verdict = "differs"            // repeated when alone
	unsettled verdict = "differs once"       // alone, lockdep has plain's outcome
	flaky     verdict = "flaky in plain"     // another plain run has another outcome
	drawn     verdict = "drawn at random"    // the plain runs have other subtests than each other
	byFinding verdict = "fails by a finding" // lockdep failed the test and says so
)

func (d difference) String() string {
	return fmt.Sprintf("%s: %s, plain %s, lockdep %s", d.id, d.verdict, cmp.Or(d.plain, "absent"), cmp.Or(d.lockdep, "absent"))
}

// compare returns the tests whose outcomes differ, in order. The outcome of a
// package or of a test with subtests follows from what it holds, so of those
// only the ones without a differing test of their own are named.
func compare(p, l *outcomes) []difference {
	var ds []difference
	all := map[testID]bool{}
	for id := range p.of {
		all[id] = true
	}
	for id := range l.of {
		all[id] = true
	}
	explained := map[testID]bool{}
	for id := range all {
		if p.of[id] == l.of[id] {
			continue
		}
		ds = append(ds, difference{id: id, plain: p.of[id], lockdep: l.of[id], verdict: differs})
		explained[testID{pkg: id.pkg}] = explained[testID{pkg: id.pkg}] || id.test != ""
		for i, c := range id.test {
			if c == '/' {
				explained[testID{id.pkg, id.test[:i]}] = true
			}
		}
	}
	ds = slices.DeleteFunc(ds, func(d difference) bool { return explained[d.id] })
	for i, d := range ds {
		if d.lockdep == fail && l.found[d.id] {
			ds[i].verdict = byFinding
		}
	}
	slices.SortFunc(ds, func(a, b difference) int { return compareIDs(a.id, b.id) })
	return ds
}

// below returns the subtests of a test that ran.
func (o *outcomes) below(top testID) map[testID]bool {
	ids := map[testID]bool{}
	for id := range o.of {
		if id != top && id.top() == top {
			ids[id] = true
		}
	}
	return ids
}

// settle gives a difference its verdict from the outcomes of its test run
// alone in both modes. Plain is the other plain runs, alone or not.
func (d *difference) settle(plain []*outcomes, lockdepAlone *outcomes) {
	for _, p := range plain {
		if p.of[d.id] != d.plain {
			d.verdict = flaky
			return
		}
	}
	if d.id != d.id.top() && (d.plain == "" || d.lockdep == "") {
		for _, p := range plain[1:] {
			if !maps.Equal(p.below(d.id.top()), plain[0].below(d.id.top())) {
				d.verdict = drawn
				return
			}
		}
	}
	if d.verdict == differs && lockdepAlone.of[d.id] == d.plain {
		d.verdict = unsettled
	}
}
