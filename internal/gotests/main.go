// Gotests runs Go's own tests of packages of the standard library under plain
// go and in the instrumented GOROOT, and says where they differ.
//
// Terms. The outcome of a test or subtest is pass, fail, skip or cut (started,
// never ended: the process died or ran into its timeout). A difference is a
// test that passes or is skipped under plain go and has another outcome in the
// instrumented GOROOT, or exists in one of them only.
//
// The guarantee: both runs are of the same release, the same tests, in the same
// order of packages. Findings as such fail no test here: they are written to
// files, so that tests which read the output of programs see what they always
// did. A test that differs is run again, alone, in both: where the outcomes
// agree then, it is flaky and no difference.
//
// The limits: a test that fails in both is not looked into. What has to differ,
// because it checks something that the instrumentation changes on purpose, is
// in the table [known], with the reason.
//
// Use, from the root of the repository:
//
//	go run ./internal/gotests                    # sync, runtime, context, net/http, testing
//	go run ./internal/gotests -short=false sync  # one package, the long tests too
//
// A table in markdown goes to standard output, with the differences below it.
// The exit status is 1 where tests differ, 2 where they could not be run.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/golockdep/lockdep/internal/goroot"
)

// packages are those whose code or whose users the instrumentation touches most.
var packages = []string{"sync", "runtime", "context", "net/http", "testing", "testing/synctest"}

// known are the tests that cannot have their plain outcome, and why: none now.
var known = map[string]string{}

func main() {
	root := flag.String("goroot", "", "the instrumented `GOROOT` (default: made as lockdep makes it)")
	short := flag.Bool("short", true, "leave the long tests out")
	timeout := flag.Duration("timeout", 30*time.Minute, "for each package")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: gotests [flags] [packages]")
		flag.PrintDefaults()
	}
	flag.Parse()
	pkgs := packages
	if flag.NArg() > 0 {
		pkgs = flag.Args()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	differ, err := compare(ctx, *root, pkgs, *short, *timeout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotests:", err)
		os.Exit(2)
	}
	if differ {
		os.Exit(1)
	}
}

// A row is one package in both runs.
type row struct {
	pkg          string
	plain, with  results
	differences  []string
	flaky, known []string
}

func compare(ctx context.Context, root string, pkgs []string, short bool, timeout time.Duration) (differ bool, err error) {
	plain := &runner{goCmd: "go", env: os.Environ(), short: short, timeout: timeout}
	logs, err := os.MkdirTemp("", "gotests-")
	if err != nil {
		return false, fmt.Errorf("making a directory for findings: %w", err)
	}
	with, err := instrumented(ctx, root, logs)
	if err != nil {
		return false, err
	}
	with.short, with.timeout = short, timeout
	var rows []row
	for _, p := range pkgs {
		r := row{pkg: p}
		fmt.Fprintf(os.Stderr, "%s: plain\n", p)
		if r.plain, err = plain.run(ctx, p, ""); err != nil {
			return false, err
		}
		fmt.Fprintf(os.Stderr, "%s: instrumented\n", p)
		if r.with, err = with.run(ctx, p, ""); err != nil {
			return false, err
		}
		if err := r.judge(ctx, plain, with); err != nil {
			return false, err
		}
		rows = append(rows, r)
		differ = differ || len(r.differences) > 0
	}
	print(rows)
	found, _ := filepath.Glob(filepath.Join(logs, "*"))
	if len(found) == 0 {
		os.Remove(logs)
	} else {
		fmt.Fprintf(os.Stderr, "findings of %d processes in %s\n", len(found), logs)
	}
	return differ, nil
}

// instrumented returns the runner of the instrumented GOROOT at root, or of the
// one that lockdep makes for the selected toolchain.
func instrumented(ctx context.Context, root, logs string) (*runner, error) {
	r := &runner{}
	if root == "" {
		made, err := goroot.Ensure(ctx, goroot.Options{Log: func(format string, args ...any) {
			fmt.Fprintf(os.Stderr, format+"\n", args...)
		}})
		if err != nil {
			return nil, err
		}
		r.goCmd, r.env = made.GoCmd, made.Env()
	} else {
		bin := filepath.Join(root, "bin")
		r.goCmd = filepath.Join(bin, "go")
		if _, err := exec.LookPath(r.goCmd); err != nil {
			return nil, fmt.Errorf("-goroot: %w", err)
		}
		r.env = append(os.Environ(), "GOROOT="+root, "GOTOOLCHAIN=local",
			"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	r.env = append(r.env, "GOLOCKDEP=fail=none exitcode=0 log_path="+filepath.Join(logs, "findings"))
	return r, nil
}

// judge finds the tests whose outcomes differ, and runs them again.
func (r *row) judge(ctx context.Context, plain, with *runner) error {
	for _, t := range differing(r.plain, r.with) {
		if _, ok := known[r.pkg+"."+top(t)]; ok {
			if !slices.Contains(r.known, top(t)) {
				r.known = append(r.known, top(t))
			}
			continue
		}
		again := "^" + top(t) + "$"
		p, err := plain.run(ctx, r.pkg, again)
		if err != nil {
			return err
		}
		w, err := with.run(ctx, r.pkg, again)
		if err != nil {
			return err
		}
		if !slices.Contains(differing(p, w), t) {
			r.flaky = append(r.flaky, t)
			continue
		}
		r.differences = append(r.differences, fmt.Sprintf("%s.%s: %s, instrumented %s\n%s",
			r.pkg, t, orNone(p.tests[t]), orNone(w.tests[t]), indent(w.output[t])))
	}
	return nil
}

// differing returns the names of the tests whose outcomes differ to the worse,
// without tests whose subtests say it.
func differing(plain, with results) (names []string) {
	all := map[string]bool{}
	for t := range plain.tests {
		all[t] = true
	}
	for t := range with.tests {
		all[t] = true
	}
	for t := range all {
		p, w := plain.tests[t], with.tests[t]
		if p != w && p != "fail" && p != "cut" {
			names = append(names, t)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(a, b) })
	return slices.DeleteFunc(slices.Clone(names), func(t string) bool {
		return slices.ContainsFunc(names, func(sub string) bool { return strings.HasPrefix(sub, t+"/") })
	})
}

func top(test string) string {
	t, _, _ := strings.Cut(test, "/")
	return t
}

func orNone(s string) string { return cmp.Or(s, "none") }

func indent(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > 40 {
		lines = append(lines[:40], "...")
	}
	return "    " + strings.Join(lines, "\n    ")
}

func print(rows []row) {
	fmt.Println("| package | tests | pass | fail | skip | pass, instrumented | fail | skip | differences | flaky | known | seconds | instrumented |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		p, w := r.plain.count(), r.with.count()
		fmt.Printf("| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %.0f | %.0f |\n", r.pkg, len(r.plain.tests),
			p["pass"], p["fail"]+p["cut"], p["skip"], w["pass"], w["fail"]+w["cut"], w["skip"],
			len(r.differences), len(r.flaky), len(r.known), r.plain.seconds, r.with.seconds)
	}
	for _, r := range rows {
		for _, t := range r.known {
			fmt.Printf("\nknown: %s.%s %s\n", r.pkg, t, known[r.pkg+"."+t])
		}
		for _, t := range r.flaky {
			fmt.Printf("\nflaky: %s.%s agreed when run alone\n", r.pkg, t)
		}
		for _, d := range r.differences {
			fmt.Printf("\ndifference: %s\n", d)
		}
	}
}
