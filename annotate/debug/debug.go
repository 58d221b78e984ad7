// Package debug serves what lockdep knows of the running program over HTTP:
// findings, the locks that each goroutine holds, who waits for whom, classes,
// dependencies, and the statistics of the kernel's lock_stat.
//
// It is imported for its effect, as net/http/pprof is:
//
//	import _ "github.com/golockdep/lockdep/annotate/debug"
//
// and adds /debug/lockdep/ to [http.DefaultServeMux]. A program with a mux of
// its own adds [Handler] to it. Each page is text, and JSON where its name ends
// in .json or the query has format=json:
//
//	/debug/lockdep/               the list of pages
//	/debug/lockdep/findings       what was found
//	/debug/lockdep/held           locks held now, by goroutine
//	/debug/lockdep/waits          who waits for whom; waits.dot for graphviz
//	/debug/lockdep/classes        as /proc/lockdep
//	/debug/lockdep/dependencies   each with the place where it was seen
//	/debug/lockdep/chains         as /proc/lockdep_chains
//	/debug/lockdep/stats          as /proc/lockdep_stats
//	/debug/lockdep/lock_stat      as /proc/lock_stat
//
// The page lock_stat has contentions always, and acquisitions and times where
// GOLOCKDEP has the word stat=1, or from a POST of on=1 to it on.
//
// The pages tell of the program's code, and are for those who may read
// /debug/pprof/. In a program that is not built by lockdep each page says so,
// with the status 501.
package debug

import (
	"io"
	"net/http"
	"runtime"
)

func init() { http.Handle("/debug/lockdep/", Handler()) }

// Handler returns the handler of the pages. The last element of a request's path
// is the name of the page, so that it serves any path that ends in a slash.
func Handler() http.Handler {
	// net/http of lockdep's GOROOT has it; a GOROOT without the validator has no
	// such method, which only an assertion may say.
	if r, ok := any((*runtime.Func)(nil)).(interface {
		LockdepAnnotation(name string) any
	}); ok {
		if h, ok := r.LockdepAnnotation("HTTPHandler").(http.Handler); ok {
			return h
		}
	}
	return http.HandlerFunc(without)
}

func without(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusNotImplemented)
	io.WriteString(w, "This program does not validate its locks: it was not built by lockdep\n"+
		"(lockdep build, lockdep run, lockdep test), or it was started with GOLOCKDEP=off=1,\n"+
		"or its lockdep is older than this package.\n")
}
