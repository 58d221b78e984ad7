package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/golockdep/lockdep/internal/goroot"
	"github.com/golockdep/lockdep/internal/names"
	"github.com/golockdep/lockdep/lockgraph"
	"github.com/golockdep/lockdep/predict"
)

// A session is one run of the go command in the instrumented GOROOT.
type session struct {
	own   own
	go_   *goArgs
	dir   string
	root  *goroot.Root
	env   []string // complete
	graph string   // LOCKDEPDIR of the processes

	unnamed error // why there is no table of names
}

// prepare builds or finds the instrumented GOROOT and the names table.
func prepare(ctx context.Context, o own, g *goArgs, tests bool) (*session, error) {
	if err := o.absolute(); err != nil {
		return nil, err
	}
	s := &session{own: o, go_: g, dir: workDir(g)}
	p := newProgress()
	defer p.done()
	start := time.Now()
	root, err := p.ensure(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	s.root = root
	s.env = root.Env()
	if root.New {
		p.say("compiling the standard library of " + root.GoVersion + " and naming lock classes")
	} else {
		p.say("naming lock classes")
	}
	patterns := g.packages
	table, st, err := names.Ask(ctx, root.Names, names.Options{
		Dir: s.dir, Env: s.env, GoCmd: root.GoCmd, BuildFlags: g.build, Tests: tests, Patterns: patterns,
		CacheDir: filepath.Join(cacheDir(), "names"), ModCache: root.ModCache, GoEnv: root.GoEnv, GoFlags: root.GoFlags,
	})
	if err == nil {
		file, err := store(table)
		if err != nil {
			return nil, err
		}
		s.env = append(s.env, "LOCKDEPNAMES="+file)
		p.say(fmt.Sprintf("%d lock sites in %d classes of %d packages", st.Sites, st.Classes, st.Packages))
	}
	if root.New {
		p.announce(fmt.Sprintf("%s is ready after %.0f s", root.GoVersion, time.Since(start).Seconds()))
	}
	// Where the module does not load, the go command says why, better than we could.
	s.unnamed = err
	return s, nil
}

func cacheDir() string {
	if d := os.Getenv("LOCKDEPCACHE"); d != "" {
		return d
	}
	d, err := os.UserCacheDir()
	if err != nil {
		d = os.TempDir()
	}
	return filepath.Join(d, "lockdep")
}

// store keeps a names table in the cache, under the hash of its content.
func store(table []byte) (string, error) {
	dir := filepath.Join(cacheDir(), "tables")
	sum := sha256.Sum256(table)
	name := filepath.Join(dir, fmt.Sprintf("%x.txt", sum[:10]))
	if st, err := os.Stat(name); err == nil && st.Size() == int64(len(table)) {
		now := time.Now()
		os.Chtimes(name, now, now)
		return name, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("keeping the names table: %w; set LOCKDEPCACHE to a writable directory", err)
	}
	trim(dir)
	tmp, err := os.CreateTemp(dir, "tmp-*")
	if err != nil {
		return "", fmt.Errorf("keeping the names table: %w; set LOCKDEPCACHE to a writable directory", err)
	}
	_, err = tmp.Write(table)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return "", fmt.Errorf("keeping the names table: %w; make room or set LOCKDEPCACHE to another directory", err)
	}
	return name, nil
}

// trim removes tables that nobody used for a month.
func trim(dir string) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if i, err := f.Info(); err == nil && time.Since(i.ModTime()) > 30*24*time.Hour {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}

// graphDir makes the directory of the run's graph files: that of -graph, which
// collects runs, or .lockdep in the module, which holds the last run alone.
func (s *session) graphDir() error {
	dir := s.own.graph
	if dir == "" {
		dir = s.moduleDir(".lockdep")
		newRun(dir, "*"+lockgraph.Ext, "*"+predict.Ext, "proof-*.txt", "schedule-*.txt")
	}
	if err := writable(dir); err != nil {
		if s.own.graph != "" {
			return fmt.Errorf("making the graph directory: %w; give another one with -graph=DIR", err)
		}
		tmp, terr := os.MkdirTemp("", "lockdep-graph-")
		if terr != nil {
			return fmt.Errorf("making the graph directory: %w; give one with -graph=DIR", terr)
		}
		dir = tmp
	}
	if s.own.graph == "" {
		unwatched(dir)
	}
	s.graph = dir
	s.env = append(s.env, "LOCKDEPDIR="+dir)
	return nil
}

func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// moduleDir is a path in the root of the module, or in the directory itself.
func (s *session) moduleDir(name string) string {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		dir = s.dir
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return filepath.Join(d, name)
		}
		if d == filepath.Dir(d) {
			return filepath.Join(dir, name)
		}
	}
}

// options adds words to GOLOCKDEP, which the user's own words may override.
func (s *session) options(words ...string) {
	old := ""
	for _, e := range s.env {
		if v, ok := strings.CutPrefix(e, "GOLOCKDEP="); ok {
			old = v
		}
	}
	s.env = append(s.env, "GOLOCKDEP="+strings.TrimSpace(strings.Join(words, " ")+" "+old))
}

// run runs a command with this process's standard streams and returns its exit
// status.
func (s *session) run(ctx context.Context, dir, name string, args ...string) (int, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = s.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if c := exit.ExitCode(); c >= 0 {
			return c, nil
		}
		return 1, nil
	}
	return 0, err
}

// progress shows what is being done on one line of a terminal.
type progress struct {
	tty   bool
	shown bool
}

func newProgress() *progress {
	return &progress{tty: term.IsTerminal(int(os.Stderr.Fd()))}
}

func (p *progress) say(s string) {
	if p.tty {
		fmt.Fprintf(os.Stderr, "\r\x1b[Klockdep: %s", s)
		p.shown = true
	}
}

// announce says something that stays, wherever standard error goes.
func (p *progress) announce(s string) {
	p.done()
	fmt.Fprintln(os.Stderr, "lockdep: "+s)
}

// ensure is [goroot.Ensure] with words for who waits.
func (p *progress) ensure(ctx context.Context, dir string) (*goroot.Root, error) {
	return goroot.Ensure(ctx, goroot.Options{
		Dir: dir,
		Log: func(f string, a ...any) { p.say(fmt.Sprintf(f, a...)) },
		First: func(version, dir string, untested bool) {
			if untested {
				p.announce(version + " is newer than this lockdep, and not tested with it: its copy is used if a self-test passes")
			}
			p.announce("the first use of " + version + " makes a copy of it with hooks in its locks (about 250 MB in " + home(dir) +
				", most of it shared with the original where the file system can)\nlockdep: and compiles its standard library: a minute or two, once for each Go release")
		},
	})
}

// home writes a path below the home directory with ~.
func home(path string) string {
	if h, err := os.UserHomeDir(); err == nil {
		if rel, err := filepath.Rel(h, path); err == nil && filepath.IsLocal(rel) {
			return filepath.Join("~", rel)
		}
	}
	return path
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		p.shown = false
	}
}
