package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// The recorded trace of this process: its lock operations and the points at
// which its goroutines meet, in their order, in the file of the graph with the
// ending .ldt; docs/format/trace.md. It is there in binaries that were built
// with the tag lockdeprecord.
//
// An acquisition is recorded when the goroutine has the lock and a release
// before it gives it back, so the order of the events is one in which the
// program can have run.
const (
	maxRecorded = 1 << 28 // bytes
	recordBuf   = 1 << 16
	recordSites = 1 << 15
)

var recorder struct {
	on      bool
	word    uint32 // spin lock
	file    []byte
	buf     [recordBuf]byte
	n       int
	written int
	full    bool
	classes [1 << 15]bool        // that are defined
	sites   [recordSites]uintptr // return addresses that are defined, by hash
}

func lockRecorder() {
	for !atomic.CompareAndSwapUint32(&recorder.word, 0, 1) {
		runtime.Gosched()
	}
}

func unlockRecorder() { atomic.StoreUint32(&recorder.word, 0) }

// beginRecord starts the trace beside the graph file.
func beginRecord() {
	if !Record || file == nil {
		return
	}
	recorder.file = append(recorder.file, file[:len(file)-len("ldg\x00")]...)
	recorder.file = append(recorder.file, "ldt\x00"...)
	recorder.n = copy(recorder.buf[:], "lockdep trace 1\n")
	recorder.on = true
	runtime.LockdepOnSync = recordSync
}

func put(b byte) {
	if recorder.n < len(recorder.buf) {
		recorder.buf[recorder.n] = b
		recorder.n++
	}
}

func putUint(n uint64) {
	for n >= 0x80 {
		put(byte(n) | 0x80)
		n >>= 7
	}
	put(byte(n))
}

func putString(s string) {
	s = s[:min(len(s), 1<<12)]
	putUint(uint64(len(s)))
	for i := 0; i < len(s); i++ {
		put(s[i])
	}
}

// room makes room for a record of at most n bytes; false: the trace is full.
func room(n int) bool {
	if recorder.full {
		return false
	}
	if recorder.n+n > len(recorder.buf) {
		flushRecord()
	}
	return !recorder.full
}

func flushRecord() {
	if recorder.n > 0 && runtime.LockdepAppend(recorder.file, recorder.buf[:recorder.n]) != recorder.n {
		recorder.full = true
		say("lockdep: cannot write " + string(recorder.file[:len(recorder.file)-1]) + "; the trace ends here\n")
	}
	recorder.written += recorder.n
	recorder.n = 0
	if recorder.written > maxRecorded && !recorder.full {
		recorder.full = true
		say("lockdep: the trace has 256 MB and ends here\n")
	}
}

// endRecord writes what is left, and that nothing is missing.
func endRecord() {
	if !recorder.on {
		return
	}
	lockRecorder()
	if room(1) {
		put('X')
		flushRecord()
	}
	recorder.full = true
	unlockRecorder()
}

// begun records the beginning of the running goroutine if this is its first
// event. Locked.
func begun() {
	if born, maker, first := runtime.LockdepBorn(); first {
		id, _ := runtime.LockdepGoroutine()
		put('B')
		putUint(id)
		putUint(maker)
		putUint(born)
		runtime.LockdepRecorded.Add(1)
	}
}

// recordSync records a meeting at an object: kind 's' before the running
// goroutine lets others go on, 'r' when it may go on, 'f' when it makes another.
func recordSync(p unsafe.Pointer, kind byte) {
	if !recorder.on {
		return
	}
	lockRecorder()
	if room(64) {
		begun()
		if kind != 'f' {
			id, _ := runtime.LockdepGoroutine()
			put(kind)
			putUint(id)
			putUint(uint64(uintptr(p)))
			runtime.LockdepRecorded.Add(1)
		}
	}
	unlockRecorder()
}

// Send and Receive record meetings.
func Send(p unsafe.Pointer)    { recordSync(p, 's') }
func Receive(p unsafe.Pointer) { recordSync(p, 'r') }

// recordLock records an operation on a lock: 'L' and 'R' have it for writing and
// reading, 'T' and 'V' by a try, 'U' and 'Q' release it. 'N' is no event: the lock is new.
func recordLock(inst uintptr, serial uint32, class engine.ClassID, pc uintptr, kind byte) {
	if !recorder.on {
		return
	}
	site := uint64(0)
	if pc != 0 {
		site = recordSite(pc)
	}
	lockRecorder()
	if room(1 << 13) {
		begun()
		if class != 0 && !recorder.classes[class] {
			recorder.classes[class] = true
			put('C')
			putUint(uint64(class))
			putString(v.ClassName(class))
		}
		id, _ := runtime.LockdepGoroutine()
		put(kind)
		putUint(id)
		putUint(uint64(inst)<<12 | uint64(serial))
		putUint(uint64(class))
		putUint(site)
		if kind != 'N' {
			runtime.LockdepRecorded.Add(1)
		}
	}
	unlockRecorder()
}

// recordSite returns the number of a return address, which it defines if it is
// new; 0: there are too many.
func recordSite(pc uintptr) uint64 {
	i := uint64(pc) * 0x9e3779b97f4a7c15 >> (64 - 15)
	for n := 0; n < 64; n++ {
		switch p := atomic.LoadUintptr(&recorder.sites[i]); p {
		case pc:
			return i + 1
		case 0:
			frames := runtime.CallersFrames([]uintptr{pc})
			f, _ := frames.Next()
			lockRecorder()
			mine := recorder.sites[i] == 0
			if mine && room(1<<14) {
				put('S')
				putUint(i + 1)
				putUint(uint64(f.Line))
				putString(f.Function)
				putString(f.File)
				atomic.StoreUintptr(&recorder.sites[i], pc)
			}
			unlockRecorder()
			if mine {
				return i + 1
			}
			n-- // another one was faster: look again
			continue
		}
		i = (i + 1) % recordSites
	}
	return 0
}
