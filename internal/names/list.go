package names

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// pkg is a package as `go list` tells of it.
type pkg struct {
	Dir             string
	ImportPath      string // test variants: "path [tested.test]"
	Name            string
	ForTest         string // the import path of the package under test
	Export          string // file with the compiled package; "" if it does not build
	BuildID         string // of Export: a hash of all that went into it, and of it
	CompiledGoFiles []string
	Imports         []string          // as import paths of other pkgs
	ImportMap       map[string]string // path in the source -> ImportPath, where they differ
}

// path is the import path without the mark of a test variant.
func (p *pkg) path() string { return barePath(p.ImportPath) }

func barePath(id string) string {
	path, _, _ := strings.Cut(id, " [")
	return path
}

// testmain reports whether p is the main package that `go test` writes.
func (p *pkg) testmain() bool {
	return p.Name == "main" && strings.HasSuffix(p.ImportPath, ".test") &&
		len(p.CompiledGoFiles) == 1 && filepath.Dir(p.CompiledGoFiles[0]) != p.Dir
}

// key names p's section in the cache. BuildID covers the source, the flags,
// the Go version and, by their own build IDs, the packages it imports.
func (p *pkg) key() string {
	if p.BuildID == "" {
		return ""
	}
	return strings.Join([]string{version, p.ImportPath, p.Name, p.BuildID}, "\n")
}

// header is the package path as function names at run time begin with. The
// go command compiles a main package under the path "main", but under its
// import path for its tests, which import it.
func (p *pkg) header() string {
	if p.Name == "main" && p.ForTest == "" {
		return "main " + p.path()
	}
	return symbolPath(p.path())
}

// symbolPath spells an import path as symbol names do: dots of the last
// element, and whatever is no printable ASCII, as %xx. It mirrors PathToPrefix
// of cmd/internal/objabi/path.go, go1.26.
func symbolPath(path string) string {
	slash := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == '.' && i > slash || c == '%' || c == '"' || c >= 0x7F {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// list runs `go list` once for everything: files, dependencies, and compiled
// packages as the source of the dependencies' types. This is quicker than
// go/packages would be on top of a list for the cache's keys, and it is the
// build which the caller is about to ask the go command for anyway.
func list(ctx context.Context, o *Options) ([]*pkg, error) {
	gocmd := o.GoCmd
	if gocmd == "" {
		gocmd = "go"
	}
	// A profile would only add variants of packages, with the same sites.
	args := []string{
		"list", "-e", "-deps", "-export", "-compiled", "-pgo=off",
		"-json=Dir,ImportPath,Name,ForTest,Export,BuildID,CompiledGoFiles,Imports,ImportMap",
	}
	if o.Tests {
		args = append(args, "-test")
	}
	args = append(args, o.BuildFlags...)
	args = append(args, "--")
	args = append(args, o.Patterns...)
	cmd := exec.CommandContext(ctx, gocmd, args...)
	cmd.Dir, cmd.Env = o.Dir, o.Env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && stderr.Len() > 0 {
			return nil, fmt.Errorf("go list: %s", bytes.TrimSpace(stderr.Bytes()))
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var pkgs []*pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := dec.Decode(p); err == io.EOF {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the output of go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// unit is what gives one section of the table. Variants of a package have the
// same sites where they have the same files, so only the first of variants that
// can be loaded is looked at.
type unit struct {
	header   string
	variants []*pkg // never empty; the widest first
}

func group(pkgs []*pkg) []*unit {
	// Its own internal tests have all files of a package and more. A variant
	// made for another package's tests only sees other types.
	rank := func(p *pkg) int {
		switch p.ForTest {
		case p.path(), strings.TrimSuffix(p.path(), "_test"):
			return 0
		case "":
			return 1
		}
		return 2
	}
	byHeader := make(map[string]*unit)
	var units []*unit
	for _, p := range pkgs {
		if p.testmain() || p.ImportPath == "unsafe" || p.Export == "" {
			continue
		}
		u := byHeader[p.header()]
		if u == nil {
			u = &unit{header: p.header()}
			byHeader[u.header] = u
			units = append(units, u)
		}
		u.variants = append(u.variants, p)
	}
	for _, u := range units {
		sort.SliceStable(u.variants, func(i, j int) bool {
			return rank(u.variants[i]) < rank(u.variants[j])
		})
	}
	sort.Slice(units, func(i, j int) bool { return units[i].header < units[j].header })
	return units
}
