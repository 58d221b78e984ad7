package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
)

// The graph file of this process: $LOCKDEPDIR/<binary>.<pid>.<nanos>.ldg. What
// is learned is appended at once, so that a killed process loses nothing. The
// file is opened for each write: the program's descriptors stay its own.
var (
	file     []byte // its name and a zero byte; nil: no directory was given
	unsent   []byte // what the disk did not take yet
	failures int
)

// begin names the file and makes its header.
func begin() {
	dir := runtime.LockdepGetenv("LOCKDEPDIR")
	if dir == "" {
		return
	}
	file = append(file, dir...)
	file = append(file, '/')
	file = append(file, binary()...)
	file = append(file, '.')
	file = append(file, itoa(uint64(runtime.LockdepPid()))...)
	file = append(file, '.')
	start := itoa(uint64(runtime.LockdepNanos()))
	file = append(file, start...)
	file = append(file, ".ldg\x00"...)
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
	unsent = append(unsent, engine.Magic...)
	unsent = engine.AppendRecord(unsent, engine.RecHeader, p)
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

// journal writes records. What the disk does not take stays and goes out with
// the next ones, in order, so the file never has a gap. The validator is locked.
func journal(b []byte) {
	if file == nil {
		return
	}
	unsent = append(unsent, b...)
	n := runtime.LockdepAppend(file, unsent)
	if n == len(unsent) {
		unsent = unsent[:0]
		return
	}
	if n > 0 {
		unsent = append(unsent[:0], unsent[n:]...)
	}
	if failures++; failures == 1 {
		say("lockdep: cannot write " + string(file[:len(file)-1]) + " (disk full, or LOCKDEPDIR is not a writable directory); keeping the graph in memory and trying again\n")
	}
}

// lost says at the end what could not be written.
func lost() {
	if file != nil && failures > 0 && len(unsent) > 0 {
		journal(nil)
	}
	if file != nil && failures > 0 && len(unsent) > 0 {
		say("lockdep: " + itoa(uint64(len(unsent))) + " bytes of the lock graph could not be written to " + string(file[:len(file)-1]) + "\n")
	}
}
