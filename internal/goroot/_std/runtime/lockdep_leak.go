//go:build go1.26

package runtime

// lockdepLeakGC collects garbage and looks for goroutines that wait for what
// nothing else can reach.
func lockdepLeakGC() bool {
	goroutineLeakGC()
	return true
}

func lockdepLeakedG(gp *g) bool { return readgstatus(gp)&^_Gscan == _Gleaked }
