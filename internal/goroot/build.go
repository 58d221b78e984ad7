package goroot

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tempInfix separates the name of a copy from the random rest in the name of
// the directory where it is being built.
const tempInfix = ".tmp-"

// A builder makes one copy. Directories of one copy, next to each other:
//
//	go1.26.1-0123456789ab            the copy
//	go1.26.1-0123456789ab.lock       lock of its builders
//	go1.26.1-0123456789ab.tmp-…      being built, or left by a builder that was killed
type builder struct {
	tc      *toolchain
	content content
	key     string
	final   string // absolute path of the copy
	log     func(format string, args ...any)
	first   func(goVersion, dir string, untested bool)
}

// Hooks for tests.
var (
	testHookLink  = os.Link
	testHookBuilt = func() {} // a complete copy is about to get its name
)

// copyName returns the name of the copy to which a directory entry belongs.
func copyName(entry string) string {
	entry, _, _ = strings.Cut(entry, tempInfix)
	entry = strings.TrimSuffix(entry, ".held")
	return strings.TrimSuffix(entry, lockSuffix)
}

// ready reports whether the copy is there, and nobody else can have written it.
func (b *builder) ready() bool {
	info, err := os.Lstat(b.final)
	if err != nil || !info.IsDir() || foreign(info) != "" {
		return false
	}
	m, ok := readMarker(b.final)
	return ok && m.Key == b.key
}

// buildLocked builds the copy unless another process does it first.
func (b *builder) buildLocked(ctx context.Context) (built bool, err error) {
	parent, name := filepath.Split(b.final)
	parent = filepath.Clean(parent)
	files, err := b.files() // before anything is written
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return false, &CacheError{Dir: parent, Err: err}
	}
	lock, err := lockFile(ctx, b.final+lockSuffix, func() {
		b.log("waiting for another process that prepares an instrumented %s", b.tc.version)
	})
	if err != nil {
		return false, cacheError(parent, err)
	}
	defer lock.unlock()
	if b.ready() {
		return false, nil
	}
	b.first(b.tc.version, parent, b.tc.untested)
	b.log("copying %s and adding the hooks", b.tc.version)
	start := time.Now()
	if err := removeTemp(parent, name); err != nil {
		return false, cacheError(parent, fmt.Errorf("removing what an interrupted build left: %w", err))
	}
	if err := b.build(ctx, parent, name, files); err != nil {
		return false, err
	}
	b.log("copied %s in %.1fs", b.tc.version, time.Since(start).Seconds())
	return true, nil
}

// files returns the text of all files, by path below GOROOT, that differ from
// the original.
func (b *builder) files() (map[string][]byte, error) {
	files, err := patchAll(b.tc)
	if err != nil {
		return nil, err
	}
	added, err := b.content.files()
	if err != nil {
		return nil, err
	}
	for name, text := range added {
		if _, err := os.Lstat(filepath.Join(b.tc.root, filepath.FromSlash(name))); err == nil {
			return nil, &AnchorError{
				File:      strings.TrimPrefix(name, "src/"),
				GoVersion: b.tc.version,
				Reason:    "a file of this name is there already",
			}
		}
		files[name] = text
	}
	return files, nil
}

func (b *builder) build(ctx context.Context, parent, name string, files map[string][]byte) (err error) {
	temp, err := os.MkdirTemp(parent, name+tempInfix)
	if err != nil {
		return cacheError(parent, fmt.Errorf("creating a directory: %w", err))
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	if err := os.Chmod(temp, 0o755); err != nil { // MkdirTemp makes it private
		return cacheError(parent, err)
	}
	c := copier{ctx: ctx, from: b.tc.root, to: temp, replace: files, link: testHookLink}
	if err := c.tree(); err != nil {
		return cacheError(parent, fmt.Errorf("copying %s: %w", b.tc.root, err))
	}
	if err := installLinker(ctx, b.tc, b.content.link, temp); err != nil {
		return cacheError(parent, err)
	}
	if err := installNames(ctx, b.tc, b.content, temp); err != nil {
		return cacheError(parent, err)
	}
	if b.tc.untested {
		b.log("testing the copy of %s, which is newer than this lockdep", b.tc.version)
		if err := selfTest(ctx, b.tc, temp); err != nil {
			return cacheError(parent, err)
		}
	}
	m, err := json.Marshal(marker{Key: b.key, Original: b.tc.root, GoVersion: b.tc.version})
	if err != nil {
		return fmt.Errorf("writing %s: %w", markerName, err)
	}
	if err := writeNew(filepath.Join(temp, markerName), append(m, '\n')); err != nil {
		return cacheError(parent, fmt.Errorf("writing %s: %w", markerName, err))
	}
	testHookBuilt()
	// What is under the final name has no valid marker, or ready had said so.
	if err := os.RemoveAll(b.final); err != nil {
		return cacheError(parent, fmt.Errorf("removing a damaged copy: %w", err))
	}
	if err := os.Rename(temp, b.final); err != nil {
		return cacheError(parent, fmt.Errorf("naming the copy: %w", err))
	}
	return nil
}

// removeTemp deletes what killed builders of the copy name left. The caller
// holds the lock, so no builder is at work.
func removeTemp(parent, name string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), name+tempInfix) {
			if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
