package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A target is what is built: a package of a module below testdata.
type target struct {
	module  string // directory below testdata
	pkg     string
	file    string // what go calls the binary
	tests   bool
	serves  bool // imports net/http, so it can serve pages
	library bool // of somebody else: its tests run in the directory of its source
}

// A program is a target with arguments.
type program struct {
	name   string
	target target
	args   []string
	seeded bool     // -seed=N goes before args
	dies   bool     // standard error has addresses and stacks
	alive  int      // goroutines that wait for one lock at once, where it is held longer under lockdep
	known  []string // findings that are right or cannot be told from such: suppressions, with reasons
}

func programs() []program {
	own := target{module: "programs", pkg: ".", file: "programs", serves: true}
	var out []program
	for _, n := range []string{
		"children", "channels", "conds", "contexts", "database", "finalizers", "goexits", "goroutines", "handover", "keyed", "logs", "onces",
		"panics", "pools", "profiles", "pulls", "readers", "resets", "selects", "signals", "threads", "timers", "tlsserver", "trees",
	} {
		out = append(out, program{name: n, target: own, args: []string{n}, seeded: true})
		if n == "goexits" {
			out[len(out)-1].alive = 30_000
		}
	}
	for _, n := range []string{"dies", "killed"} {
		out = append(out, program{name: n, target: own, args: []string{n}, seeded: true, dies: true})
	}
	out = append(out,
		program{name: "callbacks", target: target{module: "programs", pkg: "./callbacks", file: "callbacks"}, seeded: true},
		program{name: "bubbles", target: target{module: "programs", pkg: "./bubbles", file: "bubbles.test", tests: true}, args: []string{"-test.v"}})
	library := func(name, pkg string, args ...string) {
		file := path.Base(strings.TrimSuffix(pkg, "/v"+string(pkg[len(pkg)-1]))) + ".test"
		out = append(out, program{name: name, target: target{module: "modules", pkg: pkg, file: file, tests: true, library: true}, args: append([]string{"-test.v", "-test.short", "-test.count=1"}, args...)})
	}
	library("lru", "github.com/hashicorp/golang-lru/v2")
	library("expirable", "github.com/hashicorp/golang-lru/v2/expirable")
	library("gocache", "github.com/patrickmn/go-cache")
	library("puddle", "github.com/jackc/puddle/v2")
	library("errgroup", "golang.org/x/sync/errgroup")
	library("semaphore", "golang.org/x/sync/semaphore", "-test.skip=^TestWeighted$") // 7 s of sleep
	library("singleflight", "golang.org/x/sync/singleflight")
	// Those that take seconds are left out.
	library("xsync", "github.com/puzpuzpuz/xsync/v4", "-test.run=RBMutex|Counter|Queue|LoadOrCompute|Clear")
	library("yamux", "github.com/hashicorp/yamux", "-test.run=^Test(Ping|Accept|OpenStreamTimeout|NonNilInterface|CloseTimeout|SendData_Small|HalfClose|CloseBeforeAck|GoAway|WriteDeadline|ReadDeadline)")
	out[len(out)-1].known = []string{
		"yamux.Stream.stateLock -> yamux.Session.streamLock # Close waits on a channel for recvLoop, which locks do not show",
	}
	library("zerolog", "github.com/rs/zerolog")
	return out
}

// A build is a way to build a target.
type build int

const (
	plain build = iota
	plainRace
	locked
	lockedRace
	lockedRecord
)

func (b build) String() string {
	return [...]string{"plain", "plain-race", "lockdep", "lockdep-race", "lockdep-record"}[b]
}

func (b build) baseline() build {
	if b == lockedRace {
		return plainRace
	}
	return plain
}

func (b build) lockdep() bool { return b >= locked }

// A config is how a program runs under lockdep.
type config struct {
	name  string
	build build
	procs int
	gogc  string // empty: Go's default
	words string // of GOLOCKDEP
	pages bool   // they are served, and asked for all the time
}

func configs() []config {
	return []config{
		{name: "plain1", build: locked, procs: 1},
		{name: "plain2", build: locked, procs: 2},
		{name: "plain64", build: locked, procs: 64},
		{name: "gc1", build: locked, procs: 1, gogc: "1"},
		{name: "gc2", build: locked, procs: 2, gogc: "1"},
		{name: "gc64", build: locked, procs: 64, gogc: "1", words: "mix=1"},
		{name: "stat2", build: locked, procs: 2, words: "stat=1"},
		{name: "http1", build: locked, procs: 1, pages: true},
		{name: "http2", build: locked, procs: 2, words: "stat=1", pages: true},
		{name: "http64", build: locked, procs: 64, gogc: "1", pages: true},
		{name: "race1", build: lockedRace, procs: 1},
		{name: "race2", build: lockedRace, procs: 2, words: "stat=1"},
		{name: "race64", build: lockedRace, procs: 64},
		{name: "racegc2", build: lockedRace, procs: 2, gogc: "1"},
		{name: "record1", build: lockedRecord, procs: 1},
		{name: "record2", build: lockedRecord, procs: 2, gogc: "1"},
		{name: "record64", build: lockedRecord, procs: 64},
		{name: "recordhttp2", build: lockedRecord, procs: 2, words: "stat=1", pages: true},
	}
}

// A pair is a program in a configuration.
type pair struct {
	program program
	config  config
}

func (p pair) String() string { return p.program.name + "/" + p.config.name }

// pairs are all that make sense and that only chooses: programs, pairs, and
// configurations behind a slash, with commas between, or with an empty string all.
func pairs(only string) ([]pair, error) {
	var out []pair
	for _, p := range programs() {
		for _, c := range configs() {
			if c.pages && !p.target.serves {
				continue
			}
			x := pair{p, c}
			for o := range strings.SplitSeq(only, ",") {
				if o == "" || o == p.name || o == x.String() || o == "/"+c.name {
					out = append(out, x)
					break
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("flag -only=%s: no such program or pair; -list prints them", only)
	}
	return out, nil
}

// A batch is what one go command builds.
type batch struct {
	module string
	tests  bool
	build  build
}

// batches are what the pairs need built.
func batches(ps []pair) map[batch][]target {
	out := map[batch][]target{}
	for _, p := range ps {
		for _, b := range []build{p.config.build.baseline(), p.config.build} {
			t := p.program.target
			if k := (batch{t.module, t.tests, b}); !slices.Contains(out[k], t) {
				out[k] = append(out[k], t)
			}
		}
	}
	return out
}
