package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A module is one real module and the choice of its tests.
//
// Tests that are flaky or slow in plain go are left out by name, each with its
// reason, so that what remains passes in plain go and a difference has one
// cause. The choice is by go's own flags; the sources stay as they are.
type module struct {
	name     string // for -modules and for paths: short, unique, no slash
	path     string
	packages []string // patterns, from the module's root
	run      string   // -run; all tests if empty
	skips    []skipped
	short    bool          // -short
	serial   bool          // -p=1: one package at a time, where packages share ports
	noVet    bool          // -vet=off, as the module's own CI has it
	timeout  time.Duration // of each package
	why      string        // why not ./... and all tests; empty if it is
}

// A skipped is a test that is left out.
type skipped struct {
	test string // a name, for a subtest Test/sub; "..." at the end stands for any rest
	why  string
}

// arguments are the flags and packages of a whole run.
func (m *module) arguments() []string {
	args := append(m.flags(), m.selection()...)
	return append(args, m.packages...)
}

// flags are those that hold for any run of the module's tests.
func (m *module) flags() []string {
	args := []string{"-timeout=" + m.timeout.String()}
	if m.short {
		args = append(args, "-short")
	}
	if m.serial {
		args = append(args, "-p=1")
	}
	if m.noVet {
		args = append(args, "-vet=off")
	}
	return args
}

// selection are the flags that choose tests.
func (m *module) selection() []string {
	var args []string
	if m.run != "" {
		args = append(args, "-run="+m.run)
	}
	if len(m.skips) > 0 {
		var alternatives []string
		for _, s := range m.skips {
			alternatives = append(alternatives, s.pattern())
		}
		args = append(args, "-skip="+strings.Join(alternatives, "|"))
	}
	return args
}

// pattern is the test's name for go's -skip, which matches each element of a
// name between slashes on its own.
func (s skipped) pattern() string {
	elements := strings.Split(s.test, "/")
	for i, e := range elements {
		prefix, any := strings.CutSuffix(e, "...")
		elements[i] = "^" + regexp.QuoteMeta(prefix)
		if !any {
			elements[i] += "$"
		}
	}
	return strings.Join(elements, "/")
}

// describe is the module's choice of tests for people.
func (m *module) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\t%s\n\tgo test %s\n", m.name, m.path, strings.Join(append(m.flags(), m.packages...), " "))
	if m.why != "" {
		fmt.Fprintf(&b, "\tsubset: %s\n", m.why)
	}
	if m.run != "" {
		fmt.Fprintf(&b, "\trun %s\n", m.run)
	}
	for _, s := range m.skips {
		fmt.Fprintf(&b, "\tskip %s: %s\n", s.test, s.why)
	}
	return b.String()
}
