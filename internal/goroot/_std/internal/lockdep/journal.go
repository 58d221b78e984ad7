package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"sync/atomic"
)

// graph is the graph file of this process: $LOCKDEPDIR/<binary>.<pid>.<nanos>.ldg.
// What is learned is in it before the goroutine that learned it goes on, so that
// a killed process loses at most what is being written.
var graph sink

// begin names the file and makes its header.
func begin() {
	dir := runtime.LockdepGetenv("LOCKDEPDIR")
	if dir == "" {
		return
	}
	start := itoa(uint64(runtime.LockdepNanos()))
	graph.name = []byte(dir + "/" + binary() + "." + itoa(uint64(runtime.LockdepPid())) + "." + start + ".ldg\x00")
	var p []byte
	for _, s := range [...]string{
		"lockdep", Version, "go", runtime.Version(), "os", runtime.GOOS, "arch", runtime.GOARCH,
		"binary", binary(), "pid", itoa(uint64(runtime.LockdepPid())), "start", start,
		"dir", runtime.LockdepGetenv("PWD"),
	} {
		s = s[:min(len(s), 1<<14-1)] // a length of two bytes at most
		if n := len(s); n < 0x80 {
			p = append(p, byte(n))
		} else {
			p = append(p, byte(n)|0x80, byte(n>>7))
		}
		p = append(p, s...)
	}
	graph.add(engine.AppendRecord([]byte(engine.Magic), engine.RecHeader, p))
}

func binary() string {
	s := runtime.LockdepArg0()
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' || s[i] == '\\' {
			s = s[i+1:]
			break
		}
	}
	if len(s) > 100 {
		s = s[:100]
	}
	return s
}

// journal takes records. The validator is locked.
func journal(b []byte) { graph.add(b) }

// flush writes them. What the disk does not take stays and goes out with the next
// ones, in order. The validator is not locked.
func flush() {
	graph.flush()
	if graph.failures != 0 && atomic.CompareAndSwapUint32(&graphFailed, 0, 1) {
		say("lockdep: cannot write " + string(graph.name[:len(graph.name)-1]) + " (disk full, or LOCKDEPDIR is not a writable directory); keeping the graph in memory and trying again\n")
	}
}

var graphFailed uint32 // it was said

// lost says at the end what could not be written.
func lost() {
	if graph.name == nil {
		return
	}
	graph.flush()
	if len(graph.left) > 0 {
		graph.add(nil)
		flush()
	}
	if n := len(graph.left); n > 0 {
		say("lockdep: " + itoa(uint64(n)) + " bytes of the lock graph could not be written to " + string(graph.name[:len(graph.name)-1]) + "\n")
	}
}
