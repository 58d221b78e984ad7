package goroot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// copied lists what a GOROOT needs at its top. The rest (tests, API data,
// documentation) is what the toolchains of the module mirror leave out too.
var copied = []string{"LICENSE", "PATENTS", "VERSION", "go.env", "bin", "lib", "pkg", "src"}

// maxDepth bounds directories that contain themselves by a symbolic link.
const maxDepth = 40

// A copier makes a tree that shares the files of another one where possible.
type copier struct {
	ctx     context.Context
	from    string
	to      string
	replace map[string][]byte // files with another text, by slash-separated path
	link    func(from, to string) error
	nolink  bool // linking failed once: the file systems differ, or the kernel forbids it
}

// tree copies everything. Directories are new and writable. A replaced file is
// written anew and never linked, so nothing is written through a link.
// Symbolic links are followed: distributions build a GOROOT out of them.
func (c *copier) tree() error {
	for _, name := range copied {
		info, err := os.Stat(filepath.Join(c.from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := c.entry(name, info, 0); err != nil {
			return err
		}
	}
	return c.added()
}

// added writes the files that the original does not have.
func (c *copier) added() error {
	names := make([]string, 0, len(c.replace))
	for name := range c.replace {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		to := filepath.Join(c.to, filepath.FromSlash(name))
		if _, err := os.Lstat(to); err == nil {
			continue // edited, written where the original was met
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := writeNew(to, c.replace[name]); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) entry(name string, info fs.FileInfo, depth int) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	from := filepath.Join(c.from, filepath.FromSlash(name))
	to := filepath.Join(c.to, filepath.FromSlash(name))
	switch {
	case info.IsDir():
		if depth == maxDepth {
			return fmt.Errorf("copying %s: directories are nested too deeply", from)
		}
		return c.dir(name, from, to, depth)
	case !info.Mode().IsRegular():
		return nil
	}
	if text, ok := c.replace[name]; ok {
		return writeNew(to, text)
	}
	return c.file(from, to, info)
}

func (c *copier) dir(name, from, to string, depth int) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(from, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a symbolic link to nowhere
		}
		if err != nil {
			return err
		}
		if err := c.entry(path.Join(name, e.Name()), info, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) file(from, to string, info fs.FileInfo) error {
	if !c.nolink {
		real, err := filepath.EvalSymlinks(from)
		if err != nil {
			return err
		}
		err = c.link(real, to)
		if err == nil {
			return nil
		}
		if noSpace(err) {
			return err
		}
		c.nolink = true
	}
	return copyFile(from, to, info.Mode().Perm())
}

func copyFile(from, to string, perm fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm&^0o022|0o200)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil { // clones extents where the file system can
		out.Close()
		return err
	}
	return out.Close()
}

// writeNew writes a file that must not exist yet.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
