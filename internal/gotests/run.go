package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// A runner runs go test in one of the two ways.
type runner struct {
	goCmd   string
	env     []string
	short   bool
	timeout time.Duration
}

// results are the outcomes of a package's tests by name.
type results struct {
	tests   map[string]string
	output  map[string]string
	seconds float64
}

func (r results) count() map[string]int {
	n := map[string]int{}
	for _, outcome := range r.tests {
		n[outcome]++
	}
	return n
}

// run runs the tests of a package that match a pattern, all where it is empty.
// That tests fail is no error; that the package does not build is one.
func (r *runner) run(ctx context.Context, pkg, pattern string) (results, error) {
	args := []string{"test", "-json", "-count=1", "-timeout=" + r.timeout.String()}
	if r.short {
		args = append(args, "-short")
	}
	if pattern != "" {
		args = append(args, "-run="+pattern)
	}
	cmd := exec.CommandContext(ctx, r.goCmd, append(args, pkg)...)
	cmd.Env = r.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	out, perr := parse(&stdout)
	out.seconds = time.Since(start).Seconds()
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case perr != nil:
		return out, fmt.Errorf("reading the events of %s: %w", pkg, perr)
	case err != nil && len(out.tests) == 0 && pattern == "":
		return out, fmt.Errorf("testing %s: %w\n%s%s", pkg, err, stderr.Bytes(), out.output[""])
	case err != nil && !errors.As(err, new(*exec.ExitError)):
		return out, fmt.Errorf("testing %s: %w", pkg, err)
	}
	return out, nil
}

// parse reads the events that go test -json prints.
func parse(r io.Reader) (results, error) {
	out := results{tests: map[string]string{}, output: map[string]string{}}
	dec := json.NewDecoder(r)
	for {
		var e struct{ Action, Test, Output string }
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		switch e.Action {
		case "run":
			out.tests[e.Test] = "cut"
		case "pass", "fail", "skip":
			if e.Test != "" {
				out.tests[e.Test] = e.Action
			}
		case "output", "build-output":
			out.output[e.Test] += e.Output
		}
	}
}
