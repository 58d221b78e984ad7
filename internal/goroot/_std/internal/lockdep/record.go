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
	recordBuf   = 1 << 16 // is written at once
	recordAhead = 1 << 20 // that the program is ahead of the disk, at most
	recordSites = 1 << 15
)

// recorder is locked by the lock of its sink's queue.
var recorder struct {
	sink
	on      bool
	full    bool
	said    uint32
	classes [1 << 15]bool        // that are defined
	sites   [recordSites]uintptr // return addresses that are defined, by hash
}

func lockRecorder() { runtime.LockdepLock(&recorder.word) }

// unlockRecorder also writes what was recorded, if it is much.
func unlockRecorder() {
	n := len(recorder.queue)
	runtime.LockdepUnlock(&recorder.word)
	if n < recordBuf {
		return
	}
	for !recorder.tryWrite() && n >= recordAhead && runtime.LockdepMayWait() {
		runtime.LockdepPause()
		lockRecorder()
		n = len(recorder.queue)
		runtime.LockdepUnlock(&recorder.word)
	}
	ended()
}

// ended says, once, that the trace ends before the program.
func ended() {
	failed, large := recorder.failures != 0, recorder.written > maxRecorded
	if !failed && !large || !atomic.CompareAndSwapUint32(&recorder.said, 0, 1) {
		return
	}
	if failed {
		say("lockdep: cannot write " + string(recorder.name[:len(recorder.name)-1]) + "; the trace ends here\n")
	} else {
		say("lockdep: the trace has 256 MB and ends here\n")
	}
}

// beginRecord starts the trace beside the graph file.
func beginRecord() {
	if !Record || graph.name == nil {
		return
	}
	recorder.name = []byte(string(graph.name[:len(graph.name)-len("ldg\x00")]) + "ldt\x00")
	recorder.queue = append(make([]byte, 0, 2*recordBuf), "lockdep trace 1\n"...)
	recorder.left = make([]byte, 0, 2*recordBuf)
	recorder.on = true
	runtime.LockdepOnSync = recordSync
}

func put(b byte) { recorder.queue = append(recorder.queue, b) }

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

// room reports whether there is room for a record; false: the trace is full.
// Locked.
func room() bool {
	if recorder.failures != 0 || recorder.written > maxRecorded {
		recorder.full = true
	}
	return !recorder.full
}

// endRecord writes what is left, and that nothing is missing, or that it is.
func endRecord() {
	if !recorder.on {
		return
	}
	lockRecorder()
	if room() {
		put('X')
	}
	recorder.full = true
	runtime.LockdepUnlock(&recorder.word)
	recorder.add(nil)
	recorder.flush()
	ended()
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
	if !recorder.on || !runtime.LockdepFollows() {
		return
	}
	lockRecorder()
	if room() {
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
	if room() {
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
			if mine && room() {
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
