package main

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every module of the repository is tested by a step, or named here.
func TestStepsComplete(t *testing.T) {
	elsewhere := []string{"tools"} // no code
	var dirs []string
	for _, s := range steps {
		dirs = append(dirs, s.dir)
	}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || strings.HasPrefix(name, "_") || name != "." && name != ".." && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if name != "go.mod" {
			return nil
		}
		dir, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			return err
		}
		if dir = filepath.ToSlash(dir); !slices.Contains(dirs, dir) && !slices.Contains(elsewhere, dir) {
			t.Errorf("no step tests the module in %s", dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
