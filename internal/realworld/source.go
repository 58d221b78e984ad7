package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A source is a module's files in the module cache, where they are read-only.
type source struct {
	Path    string
	Version string
	Dir     string
	Error   string
}

// download fetches the pinned version of a module, unless it is there already.
func download(ctx context.Context, path string) (source, error) {
	// `go mod download` wants path@version to be silent about go.sum; `go list -m`
	// knows the pinned version.
	b, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", path))
	if err != nil {
		return source{}, err
	}
	version := string(b[:len(b)-1])
	b, err = output(exec.CommandContext(ctx, "go", "mod", "download", "-json", path+"@"+version))
	if err != nil && len(b) == 0 {
		return source{}, err
	}
	var s source
	if err := json.Unmarshal(b, &s); err != nil {
		return source{}, fmt.Errorf("reading the answer of go mod download %s: %w", path, err)
	}
	if s.Error != "" {
		return source{}, fmt.Errorf("downloading %s: %s", path, s.Error)
	}
	return s, nil
}

// copyTo replaces dir by a writable copy of the source, made whole again: a
// module zip keeps no modes, so scripts, which tests run, become executable;
// and a module from before go.mod gets the one that go synthesizes for it.
func (s source) copyTo(dir string) error {
	if err := removeAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(s.Dir)); err != nil {
		return fmt.Errorf("copying %s: %w", s.Path, err)
	}
	if err := makeWritable(dir); err != nil {
		return err
	}
	if err := makeExecutable(dir); err != nil {
		return err
	}
	gomod := filepath.Join(dir, "go.mod")
	if _, err := os.Stat(gomod); err != nil {
		if err := os.WriteFile(gomod, []byte("module "+s.Path+"\n"), 0o666); err != nil {
			return err
		}
	}
	if err := dropSiblings(dir); err != nil {
		return err
	}
	return makeOld(dir)
}

// dropSiblings removes the replacements by directories that a module zip does
// not hold: a repository of many modules replaces one by its neighbour. The
// released versions come in their place, and go.sum gets their sums.
func dropSiblings(dir string) error {
	b, err := outputIn(dir, "go", "mod", "edit", "-json")
	if err != nil {
		return err
	}
	var mod struct {
		Replace []struct {
			Old, New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(b, &mod); err != nil {
		return fmt.Errorf("reading go.mod of %s: %w", dir, err)
	}
	var drop []string
	for _, r := range mod.Replace {
		if r.New.Version != "" {
			continue // by a module, not by a directory
		}
		if _, err := os.Stat(filepath.Join(dir, r.New.Path)); err == nil {
			continue
		}
		old := r.Old.Path
		if r.Old.Version != "" {
			old += "@" + r.Old.Version
		}
		drop = append(drop, "-dropreplace="+old)
	}
	if len(drop) == 0 {
		return nil
	}
	if _, err := outputIn(dir, "go", append([]string{"mod", "edit"}, drop...)...); err != nil {
		return err
	}
	_, err = outputIn(dir, "go", "mod", "tidy")
	return err
}

func outputIn(dir, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	return output(cmd)
}

// makeOld gives all files of a tree a time an hour ago: what is timed is a tree
// that somebody works in, and not one whose every file has just been written,
// which neither the go command nor lockdep trusts to stay as it is.
func makeOld(dir string) error {
	old := time.Now().Add(-time.Hour)
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return os.Chtimes(path, old, old)
	})
}

// removeAll is os.RemoveAll for trees that hold read-only directories.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = makeWritable(dir) // what could not be changed, RemoveAll reports
	return os.RemoveAll(dir)
}

func makeWritable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()|0o200)
	})
}

// makeExecutable sets the mode of all scripts: the files that begin with #!.
func makeExecutable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		var head [2]byte
		if _, err := io.ReadFull(f, head[:]); err != nil || string(head[:]) != "#!" {
			return nil // a shorter file is no script
		}
		return os.Chmod(path, 0o777)
	})
}
