package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/lockgraph"
	"github.com/golockdep/lockdep/report"
)

// A confirmation is what became of one finding.
type confirmation struct {
	ID      string   `json:"id,omitempty"`
	Cycle   string   `json:"cycle"`
	Result  string   `json:"result"` // proved, not proved, not tried
	Reason  string   `json:"reason,omitempty"`
	Tries   int      `json:"tries"`
	Seconds float64  `json:"seconds"`
	Stood   []int    `json:"stood,omitempty"`  // how often goroutines stood at each side, of all tries that said so
	Beside  []string `json:"beside,omitempty"` // tests that ran side by side, which go test does not do
	Again   string   `json:"again,omitempty"`  // the command that does it again
	Dump    string   `json:"dump,omitempty"`   // the file with the stacks of all goroutines

	finding *engine.Finding
	stacks  []byte
}

const (
	confirmTimeout = 30 * time.Second // of one finding
	confirmTries   = 20
	maxTestSets    = 3 // packages that are tried for one finding

	resultProved   = "proved"
	resultUnproved = "not proved"
	resultUntried  = "not tried"
)

// A confirmer confirms the findings of one graph directory.
type confirmer struct {
	graph   string
	last    lastRun
	timeout time.Duration
	tries   int
	only    int      // tries of this number alone; 0: one of each
	program []string // a program to run instead of tests
	tests   string   // with a cycle given by hand: the tests, as of -run

	tmp       string
	processes map[string]map[string]string // headers by name
	observed  []lockgraph.Observation      // by all processes
	binaries  map[string]*run              // of tests, by directory
	progress  *progress
}

// lastRun is what "lockdep test" was given that its tests depend on.
type lastRun struct {
	Build []string `json:"build,omitempty"` // flags
	Short bool     `json:"short,omitempty"`
	Args  []string `json:"args,omitempty"` // from -args on
}

// lastRunFile is kept beside the graph files of a run.
const lastRunFile = "run.json"

func confirmCommand() *cobra.Command {
	k := new(confirmer)
	var asJSON bool
	var byHand string
	c := &cobra.Command{
		Use:   "confirm [ID...] [-- program arguments]",
		Short: "Prove findings of the last run: steer its tests into the deadlock",
		Long: "Run the tests that made a finding again, and hold each goroutine at the inner\n" +
			"lock of its side until the others stand at theirs, or a bound passes. If the\n" +
			"goroutines then wait for each other for ever, the finding is proved: it is\n" +
			"printed with the stacks of its goroutines and a command that does it again.\n" +
			"Otherwise it stays as it is: that nothing happened proves nothing.\n\n" +
			"Two tests that go test runs one after the other run side by side, and the\n" +
			"report says so. A program that was built by \"lockdep build\" stands behind --.\n\n" +
			"Exit status: 66 if a finding was proved, 0 if none was, 2 where lockdep could\n" +
			"not do its work.",
		Example: "  lockdep confirm\n  lockdep confirm -try=3 1ecc99\n  lockdep confirm -graph=/var/tmp/locks 1ecc99 -- ./server -selftest\n  lockdep confirm -cycle='bank.Account.mu > bank.Audit.mu > bank.Account.mu' -run=TestTransfer ./ledger",
		RunE: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				if k.program = args[n:]; len(k.program) == 0 {
					return errors.New("nothing stands behind --; give a program, or leave it out to run the tests of the finding")
				}
				args = args[:n]
			}
			if k.timeout <= 0 || k.tries <= 0 || k.only < 0 {
				return errors.New("flags -timeout, -tries and -try: expected more than nothing")
			}
			k.graph = graphDirOf(k.graph)
			var results []*confirmation
			var err error
			if byHand != "" {
				results, err = k.cycle(cmd.Context(), byHand, args)
			} else {
				if k.tests != "" {
					return errors.New("flag -run is for a cycle given with -cycle; a finding names its tests itself")
				}
				results, err = k.findings(cmd.Context(), args)
			}
			why, e := printConfirmations(os.Stdout, results, asJSON)
			if err == nil {
				err = e
			}
			if err != nil {
				return err
			}
			return why.status()
		},
	}
	c.Flags().DurationVar(&k.timeout, "timeout", confirmTimeout, "how long to try one finding, without the build")
	c.Flags().IntVar(&k.tries, "tries", confirmTries, "how often to try one finding at most")
	c.Flags().StringVar(&k.graph, "graph", "", "the graph `DIR` of the run (default .lockdep)")
	c.Flags().IntVar(&k.only, "try", 0, "make only tries of this `number`, again and again")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line and finding")
	c.Flags().StringVar(&byHand, "cycle", "", "steer to these classes, 'A > B > A', with (r) behind a class that is read-locked")
	c.Flags().StringVar(&k.tests, "run", "", "with -cycle: the tests of the package to run")
	return c
}

// findings confirms the findings with these IDs, all that are not proved if
// there are none.
func (k *confirmer) findings(ctx context.Context, ids []string) ([]*confirmation, error) {
	file := filepath.Join(k.graph, findingsFile)
	all, err := findingsOf(k.graph)
	if err != nil {
		return nil, err
	}
	var chosen []*engine.Finding
	for i := range all {
		if len(ids) == 0 && all[i].Level < engine.Proved || slices.Contains(ids, all[i].ID) {
			chosen = append(chosen, &all[i])
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(f engine.Finding) bool { return f.ID == id }) {
			return nil, noFinding(id, k.graph, len(all))
		}
	}
	results, err := k.confirm(ctx, chosen)
	proved := false
	for _, r := range results {
		if r.Result != resultProved {
			continue
		}
		proved = true
		for i := range all {
			if all[i].ID == r.finding.ID {
				all[i] = *r.finding
			}
		}
	}
	if proved {
		// Best effort, as after a run: the graph may lie in a read-only place.
		_ = writeTo(file, func(w io.Writer) error { return report.WriteJSONL(w, all) })
	}
	return results, err
}

// confirm tries these findings. With an error come the results before it.
func (k *confirmer) confirm(ctx context.Context, chosen []*engine.Finding) ([]*confirmation, error) {
	done, err := k.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	var results []*confirmation
	for _, f := range chosen {
		c, reason := cycleOf(f)
		r := &confirmation{ID: f.ID, Cycle: strings.Join(shortClasses(f), " > ")}
		results = append(results, r)
		if f.Level == engine.Proved && k.only == 0 {
			reason = "it is proved already; -try=1 does it again where it was steered"
		}
		var what []*run
		if reason == "" {
			if what, reason, err = k.targets(ctx, f); err != nil {
				return results, err
			}
		}
		if reason != "" {
			r.Result, r.Reason = resultUntried, reason
			continue
		}
		if err := k.steer(ctx, r, c, what); err != nil {
			return results, err
		}
	}
	return results, nil
}

func shortClasses(f *engine.Finding) []string {
	var out []string
	for _, c := range report.Classes(f) {
		out = append(out, engine.ShortClass(c))
	}
	return out
}

// cycle confirms a cycle that was given by hand.
func (k *confirmer) cycle(ctx context.Context, text string, packages []string) ([]*confirmation, error) {
	c, err := parseCycle(text)
	if err != nil {
		return nil, err
	}
	done, err := k.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	var what *run
	if k.program != nil {
		what, err = k.ofProgram()
	} else {
		dir := "."
		if len(packages) > 1 {
			return nil, errors.New("a cycle is looked for in the tests of one package")
		}
		if len(packages) == 1 {
			dir = packages[0]
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
		if what, err = k.ofTests(ctx, dir, k.tests, nil); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	r := &confirmation{Cycle: c.String()}
	return []*confirmation{r}, k.steer(ctx, r, c, []*run{what})
}

// begin reads what the tries need; the function that it returns clears up.
func (k *confirmer) begin() (func(), error) {
	tmp, err := os.MkdirTemp("", "lockdep-confirm-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the tries: %w; make room", err)
	}
	k.tmp = tmp
	k.processes = map[string]map[string]string{}
	k.binaries = map[string]*run{}
	k.progress = newProgress()
	if files, _, err := lockgraph.ReadAll(k.graph); err == nil {
		for _, f := range files {
			k.observed = append(k.observed, f.Observations...)
			for name, p := range f.Processes {
				k.processes[name] = p.Header
			}
		}
	}
	if text, err := os.ReadFile(filepath.Join(k.graph, lastRunFile)); err == nil {
		if err := json.Unmarshal(text, &k.last); err != nil {
			return nil, fmt.Errorf("%s: %w; run lockdep test again", filepath.Join(k.graph, lastRunFile), err)
		}
	}
	return func() {
		k.progress.done()
		os.RemoveAll(tmp)
	}, nil
}

// targets finds what to run for a finding, or why nothing can be: the tests that
// its evidence is of, or where that is of several packages, tests of one.
func (k *confirmer) targets(ctx context.Context, f *engine.Finding) ([]*run, string, error) {
	if k.program != nil {
		r, err := k.ofProgram()
		return []*run{r}, "", err
	}
	var sets []*testSet
	p, reason := k.evidence(f)
	if p != nil {
		sets = []*testSet{p}
	} else if sets = k.testSets(f); len(sets) == 0 {
		return nil, reason, nil
	}
	var out []*run
	for _, p := range sets[:min(len(sets), maxTestSets)] {
		r, err := k.ofTests(ctx, p.dir, p.pattern(), p.beside())
		if err != nil {
			return nil, "", err
		}
		out = append(out, r)
	}
	return out, "", nil
}

func (k *confirmer) ofProgram() (*run, error) {
	exe, err := exec.LookPath(k.program[0])
	if err != nil {
		return nil, fmt.Errorf("finding the program: %w; build it with lockdep build", err)
	}
	if exe, err = filepath.Abs(exe); err != nil {
		return nil, err
	}
	dir, err := os.Getwd()
	return &run{exe: exe, args: k.program[1:], dir: dir, env: os.Environ()}, err
}

// ofTests builds the test binary of the package in dir and chooses its tests.
func (k *confirmer) ofTests(ctx context.Context, dir, pattern string, beside []string) (*run, error) {
	b := k.binaries[dir]
	if b == nil {
		g := &goArgs{dir: dir, build: k.last.Build, packages: []string{"."}, has: map[string]bool{}}
		s, err := prepare(ctx, own{}, g, true)
		if err != nil {
			return nil, err
		}
		k.progress.say("building the tests of " + dir)
		b = &run{exe: filepath.Join(k.tmp, fmt.Sprintf("bin%d", len(k.binaries)), filepath.Base(dir)+".test"), dir: dir, env: s.env}
		args := append([]string{"test", "-c", "-o", b.exe}, k.last.Build...)
		code, err := s.run(ctx, dir, s.root.GoCmd, append(args, ".")...)
		if err != nil {
			return nil, fmt.Errorf("running go test: %w", err)
		}
		if _, err := os.Stat(b.exe); code == 0 && err != nil {
			return nil, fmt.Errorf("%s has no tests", dir)
		}
		if code != 0 {
			return nil, status(code)
		}
		k.binaries[dir] = b
	}
	r := *b
	r.beside = beside
	// A process whose lockdep was killed ends by itself.
	r.args = []string{"-test.count=1", "-test.parallel=16", "-test.paniconexit0", "-test.timeout=" + (k.timeout + time.Minute).String()}
	if pattern != "" {
		r.args = append(r.args, "-test.run="+pattern)
	}
	if k.last.Short {
		r.args = append(r.args, "-test.short")
	}
	if len(k.last.Args) > 0 {
		r.args = append(r.args, k.last.Args[1:]...)
	}
	return &r, nil
}

// steer tries until the cycle is there, or time or tries are used up. Where
// there are several things to run they take turns.
func (k *confirmer) steer(ctx context.Context, r *confirmation, c cycle, turns []*run) error {
	r.Result = resultUnproved
	r.Stood = make([]int, len(c.sides))
	start := time.Now()
	said, met := 0, 0
	var last *outcome
	for i := 1; i <= k.tries; i++ {
		n := i
		if k.only != 0 {
			n = k.only
		}
		what := turns[(n-1)%len(turns)]
		r.Beside = what.beside
		a := attemptAt(1 + (n-1)/len(turns))
		left := k.timeout - time.Since(start)
		if left <= 0 {
			break
		}
		a.limit = min(a.limit, left)
		k.progress.say(fmt.Sprintf("%s: try %d of %d", r.Cycle, i, k.tries))
		o, err := what.try(ctx, c, a, k.tmp)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s after %d tries: %w", r.Cycle, r.Tries, err)
		}
		r.Tries++
		r.Seconds = time.Since(start).Seconds()
		last = o
		if o.proved != nil {
			r.Result, r.finding, r.Stood = resultProved, o.proved, nil
			k.keep(r, o, n)
			return os.RemoveAll(o.graph)
		}
		if o.stood != nil {
			said++
			met += o.met
			for i := range min(len(r.Stood), len(o.stood)) {
				r.Stood[i] += o.stood[i]
			}
		}
		os.RemoveAll(o.graph)
	}
	r.Reason = reasonFor(c, r.Stood, said, met, last)
	if said == 0 {
		r.Stood = nil
	}
	return nil
}

var panicLine = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*)$`)

// reasonFor says how far the tries came that did not prove.
func reasonFor(c cycle, stood []int, said, met int, last *outcome) string {
	if said == 0 {
		if last == nil {
			return "there was no time for a try"
		}
		if f := last.other; f != nil {
			return fmt.Sprintf("another deadlock comes before it: %s %s of %s", f.ID, f.Kind, strings.Join(shortClasses(f), ", "))
		}
		if m := panicLine.Find(last.output); m != nil {
			return "every run died: " + string(m)
		}
		return "no run ended by itself, and none came to the deadlock"
	}
	for i, n := range stood {
		if n == 0 {
			s := c.sides[i]
			return fmt.Sprintf("no goroutine came to take %s while it held %s", engine.ShortClass(s.Wants), engine.ShortClass(s.Holds))
		}
	}
	if met > 0 {
		return "the goroutines stood there at the same time, and went on: a lock is released by another goroutine than the one that took it"
	}
	for i := range c.sides {
		if c.sides[i].WantsMode == engine.Read && c.sides[(i+1)%len(c.sides)].HoldsMode == engine.Read {
			return "the goroutines never stood there at the same time with the same locks, and a writer queued between the readers: something keeps them apart, or nobody came"
		}
	}
	return "the goroutines never stood there at the same time with the same locks: something keeps them apart, or nobody came"
}

// keep puts the proof beside the graph, where it is part of the verdict from now on.
func (k *confirmer) keep(r *confirmation, o *outcome, n int) {
	all, its := o.dump()
	r.stacks = its
	if r.ID == "" {
		return
	}
	again := []string{"lockdep", "confirm"}
	if k.graph != graphDirOf("") {
		again = append(again, "-graph="+k.graph)
	}
	r.Again = strings.Join(append(again, fmt.Sprintf("-try=%d", n), r.ID), " ")
	if k.program != nil {
		r.Again += " -- " + strings.Join(k.program, " ")
	}
	files, _ := filepath.Glob(filepath.Join(o.graph, "*"+lockgraph.Ext))
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			_ = os.WriteFile(filepath.Join(k.graph, filepath.Base(f)), text, 0o644)
		}
	}
	dump := filepath.Join(k.graph, "proof-"+r.ID+".txt")
	if os.WriteFile(dump, all, 0o644) == nil {
		r.Dump = dump
	}
}

// printConfirmations prints what became of the findings; those that are proved
// are the blame.
func printConfirmations(to io.Writer, results []*confirmation, asJSON bool) (why blame, err error) {
	w := &errWriter{w: to}
	color := false
	if f, ok := to.(*os.File); ok {
		color = term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	}
	if len(results) == 0 && !asJSON {
		fmt.Fprintln(w, "lockdep: no finding to prove")
	}
	for _, r := range results {
		say := func(w io.Writer) error {
			if asJSON {
				enc := json.NewEncoder(w)
				enc.SetEscapeHTML(false)
				return enc.Encode(r)
			}
			r.print(w, color)
			return nil
		}
		if r.Result == resultProved {
			err = why.on(w, say)
		} else {
			err = say(w)
		}
		if err == nil {
			err = w.err
		}
		if err != nil {
			return why, err
		}
	}
	return why, w.err
}

func (r *confirmation) print(w io.Writer, color bool) {
	name := strings.TrimSpace(r.ID + " " + r.Cycle)
	beside := func() {
		if len(r.Beside) > 0 {
			fmt.Fprintf(w, "  with %s run side by side; go test runs them one after the other\n", strings.Join(r.Beside, ", "))
		}
	}
	switch r.Result {
	case resultProved:
		fmt.Fprintln(w)
		report.Text(w, r.finding, "lockdep "+version+"  steered", color)
		if len(r.stacks) > 0 {
			fmt.Fprintf(w, "\n%s", r.stacks)
		}
		fmt.Fprintf(w, "lockdep: %s: proved in try %d after %.1f s\n", name, r.Tries, r.Seconds)
		beside()
		if r.Dump != "" {
			fmt.Fprintf(w, "  all goroutines: %s\n", r.Dump)
		}
		if r.Again != "" {
			fmt.Fprintf(w, "  again: %s\n", r.Again)
		}
	case resultUnproved:
		fmt.Fprintf(w, "lockdep: %s: not proved in %s, %.1f s: %s\n", name, count(r.Tries, "try", "tries"), r.Seconds, r.Reason)
		beside()
	default:
		fmt.Fprintf(w, "lockdep: %s: not tried: %s\n", name, r.Reason)
	}
}

// confirm confirms the findings of the run that ended with that error.
func (s *session) confirm(ctx context.Context, fail engine.Level, verdict error) error {
	var st status
	if verdict != nil && !errors.As(verdict, &st) {
		return verdict
	}
	if _, err := os.Stat(filepath.Join(s.graph, findingsFile)); err != nil {
		return verdict // there was no verdict
	}
	k := &confirmer{graph: s.graph, timeout: confirmTimeout, tries: confirmTries}
	results, err := k.findings(ctx, nil)
	why, e := printConfirmations(os.Stderr, results, false)
	if err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if s := why.status(); s != nil && fail <= engine.Proved {
		return s
	}
	return verdict
}

// remember keeps what "lockdep confirm" has to know of a run beside its graph.
func (s *session) remember() {
	text, err := json.Marshal(lastRun{Build: s.go_.build, Short: s.go_.has["short"], Args: s.go_.rest})
	if err == nil && s.graph != "" {
		_ = os.WriteFile(filepath.Join(s.graph, lastRunFile), text, fs.FileMode(0o644))
	}
}
