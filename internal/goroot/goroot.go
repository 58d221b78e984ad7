package goroot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options says which toolchain to copy and where to keep the copy.
type Options struct {
	// Dir is a directory of the module that selects the toolchain, by its go
	// and toolchain lines or by go.work. Empty means the current directory.
	Dir string

	// CacheDir is the directory that holds the copies. Empty means
	// $LOCKDEPCACHE and, if that is empty, lockdep below [os.UserCacheDir].
	CacheDir string

	// Log, if not nil, is told what Ensure does that takes a while.
	Log func(format string, args ...any)

	// First, if not nil, is called before a copy of that release is made in dir;
	// untested: it is newer than the releases that lockdep is tested with.
	First func(goVersion, dir string, untested bool)

	// Env is the environment in which the go command is asked for the
	// toolchain. Nil means os.Environ().
	Env []string
}

// A Root is an instrumented GOROOT, complete and ready for use.
type Root struct {
	// Path is the absolute path of the copy.
	Path string

	// GoVersion is the release as in `go env GOVERSION`, for example "go1.26.1".
	GoVersion string

	// GoCmd is the go command inside the copy. It needs no environment to
	// find the copy, but see Env.
	GoCmd string

	// Names is the program that reads names, for [names.Ask].
	Names string

	// ModCache, GoEnv and GoFlags are GOMODCACHE, GOENV (the file) and GOFLAGS
	// as the go command has them.
	ModCache, GoEnv, GoFlags string

	// New says that the copy was made by this call, so nothing is compiled with it so far.
	New bool

	env []string
}

// Env returns a complete environment, for [os/exec.Cmd.Env], in which the go
// command and whatever is started below it use the copy: Options.Env with
// GOROOT, GOTOOLCHAIN and PATH set.
func (r *Root) Env() []string {
	path := filepath.Join(r.Path, "bin")
	if old := lookupEnv(r.env, "PATH"); old != "" {
		path += string(os.PathListSeparator) + old
	}
	env := make([]string, 0, len(r.env)+3)
	env = append(env, r.env...)
	return append(env, "GOROOT="+r.Path, "GOTOOLCHAIN=local", "PATH="+path)
}

// lookupEnv returns the value of the last setting of key in env.
func lookupEnv(env []string, key string) string {
	for i := len(env) - 1; i >= 0; i-- {
		k, v, _ := strings.Cut(env[i], "=")
		if k == key || k == "Path" && key == "PATH" {
			return v
		}
	}
	return ""
}

// markerName is the file in the root of a copy that says what it is. It is the
// last file written before the copy gets its final name.
const markerName = "lockdep.json"

type marker struct {
	Key       string // see key
	Original  string // absolute path of the GOROOT that was copied
	GoVersion string
}

func readMarker(root string) (marker, bool) {
	var m marker
	data, err := os.ReadFile(filepath.Join(root, markerName))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return marker{}, false
	}
	return m, true
}

// Ensure returns the instrumented copy of the toolchain that opts.Dir selects,
// and builds it first if it is not there. Building takes a second or two where
// files can be linked; the first use of the copy compiles the standard library
// into the ordinary build cache.
//
// Errors that a user can act on are a [*VersionError], an [*AnchorError], a
// [*SelfTestError], an [*OwnerError] or a [*CacheError]; each says what to do.
func Ensure(ctx context.Context, opts Options) (*Root, error) {
	return ensure(ctx, opts, shipped)
}

func ensure(ctx context.Context, opts Options, c content) (*Root, error) {
	if opts.Log == nil {
		opts.Log = func(string, ...any) {}
	}
	if opts.First == nil {
		opts.First = func(string, string, bool) {}
	}
	if opts.Env == nil {
		opts.Env = os.Environ()
	}
	tc, err := findToolchain(ctx, opts)
	if err != nil {
		return nil, err
	}
	key, err := copyKey(tc, c)
	if err != nil {
		return nil, err
	}
	parent, err := copiesDir(opts.CacheDir)
	if err != nil {
		return nil, err
	}
	if err := secure(parent); err != nil {
		return nil, err
	}
	b := &builder{
		tc:      tc,
		content: c,
		key:     key,
		final:   filepath.Join(parent, tc.version+"-"+key[:12]),
		log:     opts.Log,
		first:   opts.First,
	}
	root := &Root{
		Path:      b.final,
		GoVersion: tc.version,
		GoCmd:     filepath.Join(b.final, "bin", "go"+tc.exe()),
		Names:     filepath.Join(b.final, tc.toolDir(), namesTool+tc.exe()),
		ModCache:  tc.modCache,
		GoEnv:     tc.goEnv,
		GoFlags:   tc.goFlags,
		env:       opts.Env,
	}
	if !b.ready() { // a copy may also be in a cache that may only be read
		if root.New, err = b.buildLocked(ctx); err != nil {
			return nil, err
		}
	}
	b.used(time.Now())
	return root, nil
}

// copiesDir returns the directory of the copies below cacheDir, or below the
// default cache directory if that is empty.
func copiesDir(cacheDir string) (string, error) {
	if cacheDir == "" {
		cacheDir = os.Getenv("LOCKDEPCACHE")
	}
	if cacheDir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding a cache directory: %w; set LOCKDEPCACHE to a writable directory", err)
		}
		cacheDir = filepath.Join(user, "lockdep")
	}
	abs, err := filepath.Abs(cacheDir)
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w", err)
	}
	return filepath.Join(abs, "goroot"), nil
}

// Cleaned is what was removed.
type Cleaned struct {
	Copies int
	Bytes  int64 // of their files; links into the original count
}

// Clean removes every copy from cacheDir, or from the default cache directory
// if that is empty. It waits for builds that are under way. Programs that still
// use a copy lose it.
func Clean(cacheDir string) (Cleaned, error) {
	var done Cleaned
	parent, err := copiesDir(cacheDir)
	if err != nil {
		return done, err
	}
	if _, err := os.ReadDir(parent); errors.Is(err, fs.ErrNotExist) {
		return done, nil
	} else if err != nil {
		return done, cacheError(parent, fmt.Errorf("cleaning the cache: %w", err))
	}
	for _, name := range copies(parent) {
		_, size := TreeSize(filepath.Join(parent, name))
		if err := cleanCopy(parent, name); err != nil {
			return done, cacheError(parent, fmt.Errorf("cleaning the cache: %w", err))
		}
		if size > 0 {
			done.Copies++
			done.Bytes += size
		}
	}
	os.Remove(filepath.Join(parent, trimName))
	os.Remove(parent) // stays if a build has just begun
	return done, nil
}

func cleanCopy(parent, name string) error {
	lock, err := lockFile(context.Background(), filepath.Join(parent, name+lockSuffix), func() {})
	if err != nil {
		return err
	}
	defer lock.unlock()
	if err := removeCopy(parent, name); err != nil {
		return err
	}
	return lock.remove()
}

// removeCopy removes a copy and what killed builders of it left. The caller holds its lock.
func removeCopy(parent, name string) error {
	if err := removeTemp(parent, name); err != nil {
		return err
	}
	// The marker goes first, so that half a copy is never taken for a whole one.
	final := filepath.Join(parent, name)
	os.Remove(filepath.Join(final, markerName))
	return os.RemoveAll(final)
}

// secure sees that nobody else can put copies into parent: they would run as this user.
// A directory of ours that others may write to, by a wide umask, is closed to them.
func secure(parent string) error {
	info, err := os.Stat(parent)
	if err != nil {
		return nil // it is not there yet, or whoever writes to it says what is wrong
	}
	why := foreign(info)
	if why != "" && mine(info) && os.Chmod(parent, info.Mode().Perm()&^0o022) == nil {
		return nil
	}
	if why != "" {
		return &OwnerError{Dir: parent, Reason: why}
	}
	return nil
}
