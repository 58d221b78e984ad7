package debug_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unsafe"

	"github.com/golockdep/lockdep/annotate"
	"github.com/golockdep/lockdep/annotate/debug"
)

// live reports whether the tests were built with an instrumented GOROOT.
const live = unsafe.Sizeof(annotate.Map{}) > 0

// The pages are on the default mux, and wherever else the handler is put.
func TestPages(t *testing.T) {
	own := http.NewServeMux()
	own.Handle("/locks/", debug.Handler())
	for path, h := range map[string]http.Handler{"/debug/lockdep/stats": http.DefaultServeMux, "/locks/stats": own} {
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequest("GET", path, nil))
		status, text := http.StatusNotImplemented, "was not built by lockdep"
		if live {
			status, text = http.StatusOK, " lock-classes: "
		}
		if r.Code != status || !strings.Contains(r.Body.String(), text) {
			t.Errorf("%s: status %d, want %d\n%s", path, r.Code, status, r.Body)
		}
	}
}

// A program with a mux of its own.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/debug/lockdep/", debug.Handler())
	s := httptest.NewServer(mux)
	defer s.Close()

	r, err := http.Get(s.URL + "/debug/lockdep/held")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	fmt.Println(len(text) > 0, err)
	// Output: true <nil>
}
