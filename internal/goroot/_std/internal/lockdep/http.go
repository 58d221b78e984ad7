package lockdep

// HTTPHandler is the http.Handler of the pages; nil: the program has no package
// net/http.
var HTTPHandler any

// HTTP returns the address on which GOLOCKDEP wants the pages served, "" for none.
func HTTP() string {
	if !on {
		return ""
	}
	return opt.http
}

// Say prints a line on standard error.
func Say(s string) { say("lockdep: " + s + "\n") }

func initDone() {
	if opt.http != "" && HTTPHandler == nil {
		Say("GOLOCKDEP: http=" + opt.http + ": this program cannot serve pages, as it does not import net/http;" +
			" add import _ \"github.com/golockdep/lockdep/annotate/debug\"")
	}
}
