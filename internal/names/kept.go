package names

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A kept table is the answer to the same question, with the look of all files
// that the go command would read to find that nothing has changed: it is what
// spares a run in an unchanged tree the list. As in the go command's own cache
// of test results, a file is the same if its name, size and time are.
type kept struct {
	Trees []string // directories whose packages match a pattern with "..."
	Dirs  []string // directories of packages, outside GOROOT and the module cache
	Files []string // that may be missing: go.work, go.sum, ...
	Look  string   // hash of all these
	Stats Stats
}

// settled is how long ago a file must have changed: in less time it may change
// again without a new time stamp.
const settled = 2 * time.Second

// question is the key under which the table that answers o is kept; "" if o
// asks for what a look at files cannot answer.
func (o *Options) question() string {
	if o.ModCache == "" || o.CacheDir == "" {
		return ""
	}
	env := o.Env
	if env == nil {
		env = os.Environ()
	}
	set := make(map[string]string)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if name != "GOLOCKDEP" && (strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO") || name == "CC" || name == "HOME" || name == "PATH") {
			set[name] = value
		}
	}
	// Both flags put other files in the place of those that we would look at.
	for _, f := range append(strings.Fields(set["GOFLAGS"]+" "+o.GoFlags), o.BuildFlags...) {
		if f = strings.TrimLeft(f, "-"); strings.HasPrefix(f, "overlay") || strings.HasPrefix(f, "modfile") {
			return ""
		}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return ""
	}
	q, err := json.Marshal([]any{version, "kept", o.GoCmd, dir, o.BuildFlags, o.Tests, o.Patterns, o.ModCache, set})
	if err != nil {
		return ""
	}
	return string(q)
}

// recall returns the table that was kept for the question, if nothing that it
// was made from has changed.
func (c *cache) recall(question string) ([]byte, Stats, bool) {
	body, ok := c.get(question)
	if !ok {
		return nil, Stats{}, false
	}
	head, table, _ := strings.Cut(body, "\n")
	var k kept
	if json.Unmarshal([]byte(head), &k) != nil {
		return nil, Stats{}, false
	}
	if look, _ := k.look(); look != k.Look {
		return nil, Stats{}, false
	}
	k.Stats.Cached = k.Stats.Packages
	return []byte(table), k.Stats, true
}

// keep puts away the answer to the question, which was asked at a time. It does
// not where a package does not build: what is missing may come to be by other
// ways than a change of these files.
func (c *cache) keep(question string, o *Options, asked time.Time, pkgs []*pkg, table []byte, stats Stats) {
	if question == "" || c.dir == "" {
		return
	}
	k := kept{Stats: stats}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return
	}
	for _, d := range ancestors(dir) {
		k.Files = append(k.Files, filepath.Join(d, "go.work"), filepath.Join(d, "go.mod"))
	}
	k.Files = append(k.Files, filepath.Join(dir, "go.work.sum"))
	if o.GoEnv != "" {
		k.Files = append(k.Files, o.GoEnv)
	}
	goroot := filepath.Dir(filepath.Dir(o.GoCmd))
	for _, p := range pkgs {
		switch {
		case p.testmain() || p.ImportPath == "unsafe":
			continue
		case p.Export == "" || p.Dir == "":
			return
		case within(p.Dir, goroot) || within(p.Dir, o.ModCache):
			continue // neither ever changes
		}
		k.Dirs = append(k.Dirs, p.Dir)
		root := moduleRoot(p.Dir)
		if root == "" {
			return
		}
		k.Files = append(k.Files, filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum"), filepath.Join(root, "vendor", "modules.txt"))
		if slices.ContainsFunc(o.Patterns, func(p string) bool { return strings.Contains(p, "...") }) {
			k.Trees = append(k.Trees, root)
		}
	}
	for _, list := range []*[]string{&k.Trees, &k.Dirs, &k.Files} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	look, newest := k.look()
	if look == "" || newest.After(asked.Add(-settled)) {
		return
	}
	k.Look = look
	head, err := json.Marshal(k)
	if err != nil {
		return
	}
	c.put(question, string(head)+"\n"+string(table))
}

// look returns a hash of the names, sizes and times of all files that k is made
// from, and the newest of the times; "" if one of its directories cannot be read.
func (k *kept) look() (string, time.Time) {
	l := looker{hash: sha256.New(), seen: make(map[string]bool)}
	for _, t := range k.Trees {
		l.dir(t, true)
	}
	for _, d := range k.Dirs {
		l.dir(d, false)
	}
	for _, f := range k.Files {
		l.file(f)
	}
	if l.failed {
		return "", time.Time{}
	}
	return fmt.Sprintf("%x", l.hash.Sum(nil)), l.newest
}

type looker struct {
	hash   hash.Hash
	newest time.Time
	seen   map[string]bool
	failed bool
}

// dir looks at the files of a directory that the go command would, and, in a
// tree, at the directories below it in which "..." finds packages.
func (l *looker) dir(dir string, tree bool) {
	if l.seen[dir] {
		return
	}
	l.seen[dir] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.failed = true
		return
	}
	io.WriteString(l.hash, dir+"\n")
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(dir, name)
		switch {
		case name[0] == '.' || name[0] == '_':
		case !e.IsDir():
			if source(name) {
				l.file(path)
			}
		case tree && name != "testdata":
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err != nil {
				l.dir(path, true)
			} else {
				io.WriteString(l.hash, path+" is a module\n")
			}
		}
	}
}

func (l *looker) file(path string) {
	info, err := os.Stat(path) // what a link leads to
	if err != nil {
		io.WriteString(l.hash, path+" is missing\n")
		return
	}
	fmt.Fprintf(l.hash, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	if info.ModTime().After(l.newest) {
		l.newest = info.ModTime()
	}
}

// source reports whether the go command builds, or is led by, a file of this
// name: see "go help packages" and the fields of "go help list".
func source(name string) bool {
	switch filepath.Ext(name) {
	case ".go", ".s", ".S", ".sx", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx",
		".f", ".F", ".for", ".f90", ".swig", ".swigcxx", ".syso", ".mod":
		return true
	}
	return false
}

func moduleRoot(dir string) string {
	for _, d := range ancestors(dir) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
	}
	return ""
}

// ancestors returns a directory and all above it.
func ancestors(dir string) []string {
	list := []string{dir}
	for up := filepath.Dir(dir); up != dir; up = filepath.Dir(dir) {
		dir = up
		list = append(list, dir)
	}
	return list
}

// within reports whether a path is in a directory or below it.
func within(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, filepath.Clean(dir))
	return ok && rest != "" && rest[0] == filepath.Separator
}
