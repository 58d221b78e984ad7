package goroot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// selfTestSource nests two locks on one goroutine, and on another one in the same order,
// or, without an argument, in the other.
const selfTestSource = `package main

import (
	"os"
	"sync"
)

type outer struct{ mu sync.Mutex }

type inner struct{ mu sync.RWMutex }

func main() {
	o, i := new(outer), new(inner)
	done := make(chan bool)
	go func() {
		o.mu.Lock()
		i.mu.Lock()
		i.mu.Unlock()
		o.mu.Unlock()
		close(done)
	}()
	<-done
	if len(os.Args) > 1 {
		o.mu.Lock()
		defer o.mu.Unlock()
		i.mu.RLock()
		defer i.mu.RUnlock()
		return
	}
	i.mu.RLock()
	defer i.mu.RUnlock()
	o.mu.Lock()
	defer o.mu.Unlock()
}
`

// selfTest builds a program with the copy at root and runs it: an inversion must be found,
// and the same locks in one order must say nothing.
func selfTest(ctx context.Context, tc *toolchain, root string) error {
	dir, err := os.MkdirTemp("", "lockdep-selftest-")
	if err != nil {
		return fmt.Errorf("testing the copy: %w", err)
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"go.mod":  "module lockdep.internal/selftest\n\ngo " + strings.TrimPrefix(oldestGo, "go") + "\n",
		"main.go": selfTestSource,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("testing the copy: %w", err)
		}
	}
	failed := func(format string, args ...any) error {
		return &SelfTestError{GoVersion: tc.version, Reason: fmt.Sprintf(format, args...)}
	}
	program := filepath.Join(dir, "selftest"+tc.exe())
	cmd := exec.CommandContext(ctx, filepath.Join(root, "bin", "go"+tc.exe()), "build", "-o", program, ".")
	cmd.Dir = dir
	cmd.Env = tc.plainEnv(root)
	if out, err := cmd.CombinedOutput(); err != nil {
		return failed("a program does not build: %v: %s", err, bytes.TrimSpace(out))
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 66, "possible circular locking dependency detected"},
		{[]string{"one order"}, 0, ""},
	} {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, program, c.args...)
		cmd.Env = append(tc.plainEnv(root), "GOLOCKDEP=", "LOCKDEPDIR=", "LOCKDEPNAMES=", "LOCKDEPIGNORE=", "LOCKDEPCONFIRM=")
		cmd.Stdout, cmd.Stderr = &out, &out
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			return failed("a program does not run: %v", err)
		}
		code, said := cmd.ProcessState.ExitCode(), out.String()
		switch {
		case code == c.code && (c.want != "" && strings.Contains(said, c.want) || c.want == "" && said == ""):
		case c.code == 0:
			return failed("two locks taken in one order: exit status %d, %q", code, said)
		default:
			return failed("an inversion of two locks was not found: exit status %d, %q", code, said)
		}
	}
	return nil
}
