// Package names writes the names table: for every place of a program that
// takes a lock, the declared name of the lock.
//
// # Terms
//
// A site is a call that takes a lock (Lock, RLock, TryLock, TryRLock) or waits
// for one of package sync's events (Once.Do, Cond.Wait, WaitGroup.Wait). It is
// known by what a running program knows of it: the package path as spelled in
// function names, the base name of the file, and the line of the frame.
//
// A class is the declared name of a lock:
//
//	importpath.Type.field        a field, under the type which declares it
//	importpath.Type.outer.inner  a field of an anonymous struct inside it
//	importpath.var               a package variable
//	importpath.Func.var          a local variable (importpath.Type.Method.var)
//	...[]                        the elements of an array, slice or map
//
// Generic types stand under their origin, pointers are looked through. The flag
// "array" marks a lock which lies in an element of an array, slice or map.
//
// A wrapper is a type that is itself a mutex, made of one (see [wrappers]).
// Its users' declarations name the lock, not its own inner field.
//
// # Guarantee and limits
//
// The table depends on the source, the build flags and the Go version only, so
// classes are the same in every build. A site whose lock cannot be told from
// the source (a parameter, a function's result, an interface) is left out: the
// run time then takes the site itself for the class. A line with several locks of
// different names, or one without a name among them, is marked as such, with the
// names of those that are in a function of their own; for the others the run time
// takes the call itself, line and place in the code. A package that does not build
// is left out without a word, as the go command says it better.
//
// A deferred lock call is listed at its own line, and at the lines from which
// its function returns, since that is where runtime.Callers sees it run. The
// frame of one that runs because of a panic is not listed.
package names

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// version is part of every cache key: raise it when the same source is to
// give a different table.
const version = "8"

// Options say what to name and how to run the go command.
type Options struct {
	Dir        string   // where the go command runs; "" is the current directory
	Env        []string // environment of the go command; nil is os.Environ()
	GoCmd      string   // the go command; "" is "go"
	BuildFlags []string // those that choose files or code: -tags, -race, -mod, ...
	Tests      bool     // also the tests of the packages which match Patterns
	Patterns   []string // as for go build; none is the package in Dir
	CacheDir   string   // where tables are kept; "" keeps none

	// With these a whole table is kept, too, and given again without a list
	// for as long as no file has changed.
	ModCache string // as `go env GOMODCACHE`, whose files never change
	GoEnv    string // as `go env GOENV`
	GoFlags  string // as `go env GOFLAGS`

	// Log, if not nil, is told of every package left out and every site
	// without a class, each with its reason, when it is not from the cache.
	Log func(format string, args ...any) `json:"-"`
}

func (o *Options) logf(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

// Stats counts what a table holds.
type Stats struct {
	Packages int // packages looked at; a package and its internal tests are one
	Sites    int // lines of the table, a line of source having one for each kind
	Classes  int // distinct classes
	Cached   int // packages taken from the cache
}

// Table returns the names table of the packages which match o.Patterns and of
// everything they import, the standard library included. The go command builds
// what it has to for that, in its own cache. An error is the go command's own:
// it could not list the packages at all.
func Table(ctx context.Context, o Options) ([]byte, Stats, error) {
	cache := openCache(o.CacheDir)
	question, asked := o.question(), time.Now()
	if table, stats, ok := cache.recall(question); ok {
		return table, stats, nil
	}
	listed, err := list(ctx, &o)
	if err != nil {
		return nil, Stats{}, err
	}
	units := group(listed)
	l := newLoader(listed, &o)
	sections := make([]string, len(units))
	var stats Stats
	var missing []int
	for i, u := range units {
		if body, ok := cache.get(u.variants[0].key()); ok {
			sections[i] = body
			stats.Cached++
		} else {
			missing = append(missing, i)
		}
	}

	work := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(missing)) {
		wg.Add(1)
		go func() { // not wg.Go: this is built by old releases too
			defer wg.Done()
			for i := range work {
				sections[i] = l.section(units[i], cache)
			}
		}()
	}
	for _, i := range missing {
		if ctx.Err() != nil {
			break
		}
		work <- i
	}
	close(work)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, Stats{}, err
	}
	table, stats, err := assemble(units, sections, stats)
	if err == nil {
		cache.keep(question, &o, asked, listed, table, stats)
	}
	return table, stats, err
}
