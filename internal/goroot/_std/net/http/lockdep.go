package http

import (
	"internal/lockdep"
	"net"
	"strings"
)

func init() {
	lockdep.HTTPHandler = Handler(HandlerFunc(lockdepPage))
	if addr := lockdep.HTTP(); addr != "" {
		lockdepListen(addr)
	}
}

const lockdepPath = "/debug/lockdep/"

// lockdepListen serves the validator's pages on an address of their own, which
// the program's own mux knows nothing of. What that has below /debug/, such as
// the profiles of net/http/pprof, is beside them.
func lockdepListen(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		lockdep.Say("GOLOCKDEP: http=" + addr + ": " + err.Error() + "; pages are not served")
		return
	}
	lockdep.Say("serving http://" + l.Addr().String() + lockdepPath)
	go (&Server{Handler: HandlerFunc(lockdepServe)}).Serve(l)
}

// lockdepServe is no ServeMux: which kind of mux that is, GODEBUG says only
// after this package's first init.
func lockdepServe(w ResponseWriter, r *Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, lockdepPath):
		lockdepPage(w, r)
	case strings.HasPrefix(path, "/debug/"):
		DefaultServeMux.ServeHTTP(w, r)
	case path == "/":
		Redirect(w, r, lockdepPath, StatusFound)
	default:
		NotFound(w, r)
	}
}

// lockdepPage answers with the page that the last element of the path names:
// "held", "held.json" or "held?format=json".
func lockdepPage(w ResponseWriter, r *Request) {
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	name, format, _ := strings.Cut(name, ".")
	if f := r.FormValue("format"); f != "" {
		format = f
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch {
	case r.Method == "POST" && name == "lock_stat" && r.FormValue("on") == "1":
		lockdep.Time()
	case r.Method != "GET" && r.Method != "HEAD":
		h.Set("Allow", "GET, HEAD")
		Error(w, "lockdep: "+r.Method+" is not possible here", StatusMethodNotAllowed)
		return
	}
	text, kind := lockdep.Page(name, format)
	if kind == "" {
		Error(w, "lockdep: no page of that name and format; "+lockdepPath+" lists them", StatusNotFound)
		return
	}
	h.Set("Content-Type", kind)
	w.Write(text)
}
