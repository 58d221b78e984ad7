package goroot

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// code is the text of this package: it decides what a copy looks like, so it
// is part of the key.
//
//go:embed anchors.go build.go copy.go edit.go layers.go link.go patch.go
var code embed.FS

// copyKey returns the hex digest that names the copy of tc with c laid in.
//
// The original is identified by its path, its VERSION file, and the size and
// modification time of the tools and of every file that is edited: enough to
// notice that a distribution replaced it in place.
func copyKey(tc *toolchain, c content) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "goroot 1\n%s\n%s %s/%s\n", tc.root, tc.version, tc.hostOS, tc.hostArch)
	text, err := os.ReadFile(filepath.Join(tc.root, "VERSION"))
	if err != nil {
		return "", fmt.Errorf("identifying GOROOT: %w", err)
	}
	fmt.Fprintf(h, "VERSION %q\n", text)

	names := []string{
		filepath.Join("bin", "go"+tc.exe()),
		filepath.Join(tc.toolDir(), "compile"+tc.exe()),
		filepath.Join(tc.toolDir(), "link"+tc.exe()),
	}
	for _, f := range anchors {
		names = append(names, filepath.Join("src", filepath.FromSlash(f.path)))
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(tc.root, name))
		if errors.Is(err, fs.ErrNotExist) && filepath.ToSlash(name) == "src/"+testOfSize {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("identifying GOROOT: %w", err)
		}
		fmt.Fprintf(h, "%s %d %d\n", filepath.ToSlash(name), info.Size(), info.ModTime().UnixNano())
	}
	for _, tree := range []fs.FS{code, c.std, c.engine, c.link, c.names, namesFiles} {
		if tree == nil {
			continue
		}
		if err := hashTree(h, tree); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashTree writes the names and the text of all files of tree to h.
func hashTree(h interface{ Write([]byte) (int, error) }, tree fs.FS) error {
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %d\n%s\n", path, len(data), data)
		return nil
	})
	if err != nil {
		return fmt.Errorf("hashing the embedded files: %w", err)
	}
	return nil
}
