package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const benchPackage = "github.com/golockdep/lockdep/internal/bench"

// Names of the implementations that the tables treat apart.
const (
	plainSync = "sync"
	lockdep   = "lockdep"
)

// An implementation is one test binary of package bench.
type implementation struct {
	name  string
	title string // heads its column
	args  []string
}

// implementations in the order of columns. plainSync is what the others are
// compared with and comes first.
var implementations = []implementation{
	{plainSync, "sync", nil},
	{lockdep, "lockdep", nil},
	{"go-deadlock", "go-deadlock 0.3.9", []string{"-tags=bench_godeadlock"}},
	{"linkdata", "linkdata/deadlock 0.5.5 `-tags deadlock`", []string{"-tags=bench_linkdata,deadlock"}},
	{"gvisor", "gVisor locking `-tags lockdep`", []string{"-tags=bench_gvisor,lockdep"}},
	{"race", "sync `-race`", []string{"-race"}},
}

func implNames(impls []implementation) []string {
	var names []string
	for _, i := range impls {
		names = append(names, i.name)
	}
	return names
}

// A builder makes the test binaries.
type builder struct {
	dir     string // where the binaries go
	goroot  string // instrumented GOROOT, or
	lockdep string // command whose `test` builds with it, or neither
}

// binary is the path of i's test binary in dir.
func binary(dir string, i implementation) string {
	return filepath.Join(dir, i.name+".test")
}

// choose resolves a comma-separated list of names; an empty one stands for
// all that can be built. Plain sync is always among them.
func (b *builder) choose(list string) ([]implementation, error) {
	canLockdep := b.goroot != "" || b.lockdep != ""
	if b.goroot != "" && b.lockdep != "" {
		return nil, errors.New("-goroot and -lockdep exclude each other")
	}
	var want []string
	if list != "" {
		want = strings.Split(list, ",")
	}
	for _, name := range want {
		if !slices.Contains(implNames(implementations), name) {
			return nil, fmt.Errorf("no implementation %q; there are %s", name, strings.Join(implNames(implementations), ", "))
		}
		if name == lockdep && !canLockdep {
			return nil, errors.New("lockdep needs -goroot or -lockdep")
		}
	}
	var chosen []implementation
	for _, i := range implementations {
		switch {
		case i.name == plainSync,
			slices.Contains(want, i.name),
			len(want) == 0 && (i.name != lockdep || canLockdep):
			chosen = append(chosen, i)
		}
	}
	return chosen, nil
}

// build makes i's test binary.
func (b *builder) build(ctx context.Context, i implementation) error {
	command, env := "go", os.Environ()
	switch {
	case i.name != lockdep:
	case b.lockdep != "":
		command = b.lockdep
	default:
		command = filepath.Join(b.goroot, "bin", "go")
		env = append(env, "GOROOT="+b.goroot, "GOTOOLCHAIN=local")
	}
	args := append([]string{"test", "-c", "-o", binary(b.dir, i)}, i.args...)
	cmd := exec.CommandContext(ctx, command, append(args, benchPackage)...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", i.name, err, out)
	}
	return nil
}
