package goroot

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// installLinker puts the wrapper of _link/main.go in the place of the linker of
// the copy at root, and keeps the linker beside it as link-real.
//
// The wrapper is built with the original toolchain and in its own module, so
// that it neither is instrumented nor depends on the user's settings.
func installLinker(ctx context.Context, tc *toolchain, source fs.FS, root string) error {
	dir, err := os.MkdirTemp("", "lockdep-link-")
	if err != nil {
		return fmt.Errorf("building the linker wrapper: %w", err)
	}
	defer os.RemoveAll(dir)
	text, err := fs.ReadFile(source, "_link/main.go")
	if err != nil {
		return fmt.Errorf("building the linker wrapper: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), text, 0o666); err != nil {
		return fmt.Errorf("building the linker wrapper: %w", err)
	}
	mod := "module lockdep.internal/link\n\ngo " + strings.TrimPrefix(oldestGo, "go") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o666); err != nil {
		return fmt.Errorf("building the linker wrapper: %w", err)
	}

	tools := filepath.Join(root, tc.toolDir())
	link := filepath.Join(tools, "link"+tc.exe())
	if err := os.Rename(link, filepath.Join(tools, "link-real"+tc.exe())); err != nil {
		return fmt.Errorf("moving the linker: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(tc.root, "bin", "go"+tc.exe()),
		"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", link, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GOROOT="+tc.root, "GOTOOLCHAIN=local", "GOCACHE="+tc.buildCache,
		"GOENV=off", "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOEXPERIMENT=", "GOTOOLDIR=",
		"GOOS="+tc.hostOS, "GOARCH="+tc.hostArch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), syscall.ENOSPC.Error()) {
			err = syscall.ENOSPC
		}
		return fmt.Errorf("building the linker wrapper: %w\n%s", err, out)
	}
	return nil
}
