package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/golockdep/lockdep/internal/bench"
)

// A sample is one measurement: values by unit, times in seconds.
type sample map[string]float64

// Units of a sample.
const (
	secPerOp    = "sec/op"
	allocsPerOp = "allocs/op"
)

// A key names the measurements of one cell.
type key struct{ caseName, impl string }

// Results are the measurements of all rounds.
type results struct {
	cpu        string
	rounds     int                       // at least one
	samples    map[key]map[string]sample // the innermost by round
	mutexBytes map[string]string         // size of a Mutex, by implementation
}

// parse reads what measurer.run writes.
func parse(r io.Reader) (*results, error) {
	res := &results{samples: map[key]map[string]sample{}, mutexBytes: map[string]string{}}
	rounds := map[string]bool{}
	for reader := benchfmt.NewReader(r, "measurements"); ; {
		if !reader.Scan() {
			if err := reader.Err(); err != nil {
				return nil, err
			}
			break
		}
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, rec
		case *benchfmt.Result:
			_, parts := rec.Name.Parts()
			impl, round := rec.GetConfig("impl"), rec.GetConfig("round")
			if len(parts) == 0 || impl == "" || round == "" {
				_, line := rec.Pos()
				return nil, fmt.Errorf("line %d: measurement without case, impl or round", line)
			}
			k := key{strings.TrimPrefix(string(parts[0]), "/"), impl}
			s := sample{}
			for _, v := range rec.Values {
				s[v.Unit] = v.Value
			}
			if res.samples[k] == nil {
				res.samples[k] = map[string]sample{}
			}
			res.samples[k][round] = s
			rounds[round] = true
			res.cpu = rec.GetConfig("cpu")
			res.mutexBytes[impl] = rec.GetConfig("mutex-bytes")
		}
	}
	if len(rounds) == 0 {
		return nil, errors.New("there are none")
	}
	res.rounds = len(rounds)
	return res, nil
}

// instrumented says whether lockdep's binary is one, by the sizes that it told
// (bench_test.go, TestMain).
func (r *results) instrumented() error {
	if size, ok := r.mutexBytes[lockdep]; ok && size == r.mutexBytes[plainSync] {
		return fmt.Errorf("lockdep's binary has a plain sync.Mutex of %s bytes: its GOROOT is not instrumented", size)
	}
	return nil
}

// impls are the implementations measured, in the order of columns.
func (r *results) impls() []implementation {
	return slices.DeleteFunc(slices.Clone(implementations), func(i implementation) bool {
		_, ok := r.mutexBytes[i.name]
		return !ok
	})
}

// cases are the names of the cases measured, in the order of rows.
func (r *results) cases() []string {
	var names []string
	for _, c := range bench.Cases {
		for _, i := range implementations {
			if len(r.samples[key{c.Name, i.name}]) > 0 {
				names = append(names, c.Name)
				break
			}
		}
	}
	return names
}

// A stat is a value of one cell, taken from each round.
type stat func(of, plain sample) (value float64, ok bool)

// value is the stat that one unit is.
func value(unit string) stat {
	return func(of, _ sample) (float64, bool) {
		v, ok := of[unit]
		return v, ok
	}
}

// Stats of time. Those that compare do so within the round.
var (
	nanos stat = func(of, _ sample) (float64, bool) {
		v, ok := of[secPerOp]
		return v * 1e9, ok
	}
	ratio stat = func(of, plain sample) (float64, bool) {
		a, ok1 := of[secPerOp]
		b, ok2 := plain[secPerOp]
		return a / b, ok1 && ok2 && b > 0
	}
	extra stat = func(of, plain sample) (float64, bool) {
		a, ok1 := of[secPerOp]
		b, ok2 := plain[secPerOp]
		return (a - b) * 1e9, ok1 && ok2
	}
)

// each is the stat of each round of a cell, ascending.
func (r *results) each(c, impl string, f stat) []float64 {
	var values []float64
	for round, s := range r.samples[key{c, impl}] {
		if v, ok := f(s, r.samples[key{c, plainSync}][round]); ok {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values
}

// median is the median over rounds of a stat; ok is false where no round has
// it.
func (r *results) median(c, impl string, f stat) (m float64, ok bool) {
	values := r.each(c, impl, f)
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[(n-1)/2] + values[n/2]) / 2, true
}
