package goroot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// namesTool is the program of the copy that makes the table of names.
const namesTool = "lockdep-names"

// installLinker puts the wrapper of _link/main.go in the place of the linker of
// the copy at root, and keeps the linker beside it as link-real.
func installLinker(ctx context.Context, tc *toolchain, source fs.FS, root string) error {
	text, err := fs.ReadFile(source, "_link/main.go")
	if err != nil {
		return fmt.Errorf("building the linker wrapper: %w", err)
	}
	tools := filepath.Join(root, tc.toolDir())
	link := filepath.Join(tools, "link"+tc.exe())
	if err := os.Rename(link, filepath.Join(tools, "link-real"+tc.exe())); err != nil {
		return fmt.Errorf("moving the linker: %w", err)
	}
	if err := buildTool(ctx, tc, "link", map[string][]byte{"main.go": text}, link); err != nil {
		return fmt.Errorf("building the linker wrapper: %w", err)
	}
	return nil
}

// installNames builds the program that reads names; none where a test has no source.
func installNames(ctx context.Context, tc *toolchain, c content, root string) error {
	if c.names == nil {
		return nil
	}
	files := map[string][]byte{}
	if err := errors.Join(collect(files, namesFiles, "_names", "."), collect(files, c.names, ".", "names")); err != nil {
		return err
	}
	if err := buildTool(ctx, tc, "names", files, filepath.Join(root, tc.toolDir(), namesTool+tc.exe())); err != nil {
		return fmt.Errorf("building the reader of names: %w", err)
	}
	return nil
}

// buildTool builds a program from the text of its files, by path, with the original
// toolchain and in its own module, so that it neither is instrumented nor depends on the
// user's settings.
func buildTool(ctx context.Context, tc *toolchain, name string, files map[string][]byte, to string) error {
	dir, err := os.MkdirTemp("", "lockdep-"+name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files["go.mod"] = []byte("module lockdep.internal/" + name + "\n\ngo " + strings.TrimPrefix(oldestGo, "go") + "\n")
	for file, text := range files {
		file = filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(tc.root, "bin", "go"+tc.exe()),
		"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, ".")
	cmd.Dir = dir
	cmd.Env = tc.plainEnv(tc.root)
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), syscall.ENOSPC.Error()) {
			err = syscall.ENOSPC
		}
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// plainEnv is an environment in which the go command of root builds for this machine,
// whatever the user's settings are.
func (tc *toolchain) plainEnv(root string) []string {
	return append(os.Environ(),
		"GOROOT="+root, "GOTOOLCHAIN=local", "GOCACHE="+tc.buildCache,
		"GOENV=off", "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOEXPERIMENT=", "GOTOOLDIR=",
		"GOOS="+tc.hostOS, "GOARCH="+tc.hostArch, "CGO_ENABLED=0")
}
