package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A row is what the table says of a module.
type row struct {
	module      *module
	version     string
	packages    int
	tests       map[outcome]int
	counters    counters
	findings    map[string]int // by level; nil where lockdep did not run
	time, cold  map[mode]timing
	differences []difference
}

const tableHead = "| module | packages | tests | classes | dependencies | chains | proved | likely | possible | time plain | time lockdep | ratio | CPU ratio | cold plain | cold lockdep | differences |\n" +
	"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"

// markdown is the row as a line of the table. A figure that is not known is a
// dash; tests are those with a name, subtests among them.
func (r *row) markdown() string {
	all := 0
	for _, n := range r.tests {
		all += n
	}
	tests := strconv.Itoa(all)
	for _, what := range []outcome{fail, skip, cut} {
		if n := r.tests[what]; n > 0 {
			tests += fmt.Sprintf(", %d %s", n, what)
		}
	}
	level := func(l string) string {
		if r.findings == nil {
			return dash
		}
		return strconv.Itoa(r.findings[l])
	}
	p, l := r.time[plain], r.time[lockdep]
	differences := dash
	if r.findings != nil && p.wall > 0 {
		differences = strconv.Itoa(r.real())
		if n := len(r.differences) - r.real(); n > 0 {
			differences += fmt.Sprintf(" (%d flaky or drawn)", n)
		}
	}
	cells := []string{
		r.module.path + " " + r.version, strconv.Itoa(r.packages), tests,
		r.counters.Classes.String(), r.counters.Dependencies.String(), r.counters.Chains.String(),
		level("proved"), level("likely"), level("possible"),
		seconds(p.wall), seconds(l.wall), ratio(l.wall, p.wall), ratio(l.cpu, p.cpu),
		seconds(r.cold[plain].wall), seconds(r.cold[lockdep].wall),
		differences,
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// real returns the number of differences that are not plain go's own.
func (r *row) real() int {
	n := 0
	for _, d := range r.differences {
		if d.verdict != flaky && d.verdict != drawn {
			n++
		}
	}
	return n
}

const dash = "–"

func seconds(d time.Duration) string {
	if d == 0 {
		return dash
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func ratio(a, b time.Duration) string {
	if a == 0 || b == 0 {
		return dash
	}
	return fmt.Sprintf("%.2f", a.Seconds()/b.Seconds())
}

// counters are the sizes of a graph, as `lockdep graph stats -json` gives them.
type counters struct {
	Classes      count `json:"classes"`
	Dependencies count `json:"dependencies"`
	Chains       count `json:"chains"`
	Processes    count `json:"processes"`
}

// A count is a number that may be unknown: its zero value is, and is printed as
// a dash.
type count struct {
	n     int64
	known bool
}

func (c count) String() string {
	if !c.known {
		return dash
	}
	return strconv.FormatInt(c.n, 10)
}

func (c *count) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	c.known = true
	return json.Unmarshal(b, &c.n)
}

// counters asks lockdep for the sizes of the suite's graph. Without an answer
// the row has dashes, and the reason goes to the log.
func (s *suite) counters(ctx context.Context) counters {
	var c counters
	b, err := output(exec.CommandContext(ctx, s.runner.lockdep, "graph", "stats", "-json", s.file("graph")))
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		fmt.Fprintf(s.log, "%s: reading graph counters: %v\n", s.module.name, err)
	}
	return c
}

// readFindings returns the number of findings by level in a file of JSON lines.
func readFindings(file string) (map[string]int, error) {
	levels := map[string]int{}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("lockdep wrote no findings file, not even an empty one: %w", err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20) // a finding carries the stacks of every side
	for n := 1; sc.Scan(); n++ {
		if len(strings.TrimSpace(sc.Text())) == 0 {
			continue
		}
		var finding struct{ Level string }
		if err := json.Unmarshal(sc.Bytes(), &finding); err != nil {
			return levels, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		levels[finding.Level]++
	}
	return levels, sc.Err()
}
