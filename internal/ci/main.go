// Ci runs all tests of the repository: go test in each of its modules in turn,
// and stops where one fails. It needs the go command and nothing else.
//
//	go run ./internal/ci
//
// The arguments, if any, are the directories of the modules to test. The
// environment, GOFLAGS among it, is handed to go test as it stands.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A step is the go command that tests one module.
type step struct {
	dir  string // below the root of the repository, with slashes
	args []string
}

// steps are in the order of what a failure says: the validator first, then what
// is built on it. The programs below testdata/behaviours are a module too; the
// tests of cmd/lockdep run them. tools/ holds no code.
var steps = []step{
	{".", []string{"test", "-timeout=45m", "./..."}},
	{"annotate", []string{"test", "-timeout=5m", "./..."}},
	{"examples/bank", []string{"test", "-timeout=5m", "./..."}},
	{"internal/bench", []string{"test", "-timeout=10m", "-short", "./..."}},
	{"internal/realworld", []string{"test", "-timeout=10m", "-short", "./..."}},
}

func main() {
	root, err := repository()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ci:", err)
		os.Exit(2)
	}
	if err := run(root, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ci:", err)
		os.Exit(1)
	}
}

// repository returns the root of the module that the current directory is in.
func repository() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for the module: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", fmt.Errorf("not in the repository; run it in its root directory")
	}
	return filepath.Dir(mod), nil
}

// run runs the steps, or those of them whose directories are given.
func run(root string, dirs []string) error {
	for _, d := range dirs {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.dir == filepath.ToSlash(filepath.Clean(d)) }) {
			return fmt.Errorf("%s is no module of the repository", d)
		}
	}
	for _, s := range steps {
		if len(dirs) > 0 && !slices.ContainsFunc(dirs, func(d string) bool { return s.dir == filepath.ToSlash(filepath.Clean(d)) }) {
			continue
		}
		fmt.Printf("== %s: go %s\n", s.dir, strings.Join(s.args, " "))
		start := time.Now()
		cmd := exec.Command("go", s.args...)
		cmd.Dir = filepath.Join(root, filepath.FromSlash(s.dir))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: go test: %w after %.0fs", s.dir, err, time.Since(start).Seconds())
		}
	}
	return nil
}
