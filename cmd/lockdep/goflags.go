package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// own are lockdep's own flags; everything else is the go command's.
type own struct {
	findings string
	sarif    string
	fail     string
	ignore   string
	graph    string
	order    string
	confirm  bool
	record   bool
	help     bool
}

// goArgs is a go command line without lockdep's own flags.
type goArgs struct {
	args     []string // as they stand, for the go command
	packages []string
	build    []string // the flags that choose code or types, for go list
	dir      string   // of -C
	rest     []string // from -args on, or the program's arguments of go run
	has      map[string]bool
	out      string // of -o
}

// boolFlags are the flags of go build and go test that take no value; every
// other one takes the next argument if it has no "=". From "go help build" and
// "go help testflag", Go 1.26.
var boolFlags = map[string]bool{
	"a": true, "n": true, "v": true, "x": true, "i": true, "c": true, "race": true, "msan": true, "asan": true,
	"cover": true, "work": true, "json": true, "short": true, "failfast": true, "trimpath": true, "benchmem": true,
	"fullpath": true, "linkshared": true, "modcacherw": true, "buildvcs": true, "artifacts": true,
}

// listFlags are those that go list must be given too, to see the same code.
var listFlags = map[string]bool{
	"tags": true, "race": true, "msan": true, "asan": true, "mod": true, "modfile": true, "overlay": true,
	"trimpath": true, "gcflags": true, "asmflags": true, "compiler": true, "gccgoflags": true, "installsuffix": true,
	"buildmode": true, "linkshared": true, "buildvcs": true, "pkgdir": true,
}

// split takes lockdep's flags out of a command line. isRun: what follows the
// first package belongs to the program.
func split(args []string, isRun bool) (own, *goArgs, error) {
	var o own
	g := &goArgs{has: map[string]bool{}}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "-args" || a == "--args" {
			g.rest = args[i:]
			g.args = append(g.args, args[i:]...)
			break
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			g.packages = append(g.packages, a)
			if isRun {
				for strings.HasSuffix(a, ".go") && i+1 < len(args) && strings.HasSuffix(args[i+1], ".go") {
					i++
					g.packages = append(g.packages, args[i])
				}
				g.rest = args[i+1:]
				break
			}
			g.args = append(g.args, a)
			continue
		}
		name, value, eq := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-"), "=")
		if p := o.find(name); p != nil {
			if !eq {
				if i++; i >= len(args) {
					return o, nil, fmt.Errorf("flag -%s needs a value", name)
				}
				value = args[i]
			}
			*p = value
			continue
		}
		if b := o.findBool(name); b != nil {
			if eq && value != "true" && value != "false" {
				return o, nil, fmt.Errorf("flag -%s=%s: expected no value, true or false", name, value)
			}
			*b = value != "false"
			continue
		}
		if name == "h" || name == "help" {
			o.help = true
			continue
		}
		whole := []string{a}
		plain := strings.TrimPrefix(name, "test.")
		if !eq && !boolFlags[plain] && i+1 < len(args) {
			i++
			whole = append(whole, args[i])
			value = args[i]
		}
		g.has[plain] = true
		g.args = append(g.args, whole...)
		if listFlags[name] {
			g.build = append(g.build, whole...)
		}
		switch name {
		case "C":
			g.dir = value
		case "o":
			g.out = value
		}
	}
	if o.confirm && isRun {
		return o, nil, errors.New("flag -confirm is for lockdep test; for a program: lockdep confirm ID -- PROGRAM ARGUMENTS")
	}
	if o.record {
		g.args, g.build = withTag(g.args, recordTag), withTag(g.build, recordTag)
	}
	if o.fail != "" {
		if _, err := failLevel(o.fail); err != nil {
			return o, nil, err
		}
	}
	return o, g, nil
}

func (o *own) find(name string) *string {
	switch name {
	case "findings":
		return &o.findings
	case "sarif":
		return &o.sarif
	case "fail":
		return &o.fail
	case "ignore":
		return &o.ignore
	case "graph":
		return &o.graph
	case "order":
		return &o.order
	}
	return nil
}

func (o *own) findBool(name string) *bool {
	switch name {
	case "confirm":
		return &o.confirm
	case "record":
		return &o.record
	}
	return nil
}

// withTag adds a build tag to the flags of a go command line.
func withTag(args []string, tag string) []string {
	out := append([]string(nil), args...)
	for i, a := range out {
		switch {
		case a == "-tags" || a == "--tags":
			if i+1 < len(out) {
				out[i+1] += "," + tag
				return out
			}
		case strings.HasPrefix(a, "-tags=") || strings.HasPrefix(a, "--tags="):
			out[i] += "," + tag
			return out
		case a == "-args" || a == "--args":
			return append([]string{"-tags=" + tag}, out...)
		}
	}
	return append([]string{"-tags=" + tag}, out...)
}

// failLevel is the level from which a finding fails the run.
func failLevel(s string) (engine.Level, error) {
	switch s {
	case "", "likely":
		return engine.Likely, nil
	case "possible":
		return engine.Possible, nil
	case "proved":
		return engine.Proved, nil
	case "none":
		return engine.Proved + 1, nil
	}
	return 0, fmt.Errorf("flag -fail=%s: expected possible, likely, proved or none", s)
}

// absolute makes the paths of own flags independent of the directory of -C.
func (o *own) absolute() error {
	for _, p := range []*string{&o.findings, &o.sarif, &o.ignore, &o.graph, &o.order} {
		if *p == "" || *p == "-" {
			continue
		}
		a, err := filepath.Abs(*p)
		if err != nil {
			return fmt.Errorf("finding the directory of %s: %w", *p, err)
		}
		*p = a
	}
	return nil
}

func workDir(g *goArgs) string {
	if g.dir != "" {
		return g.dir
	}
	d, _ := os.Getwd()
	return d
}
