package runtime

import "unsafe"

// This file gives internal/lockdep what only the runtime has. The exported
// names exist in an instrumented GOROOT alone; programs have no use for them.

// LockdepTask returns the running goroutine's task, nil before its first lock.
func LockdepTask() unsafe.Pointer { return getg().lockdep }

// LockdepSetTask gives the running goroutine its task. The task is not in the
// Go heap and stays with the g when another goroutine uses it.
func LockdepSetTask(p unsafe.Pointer) { getg().lockdep = p }

// LockdepGoroutine returns the running goroutine's number and the program
// counter of the go statement that made it.
func LockdepGoroutine() (uint64, uintptr) {
	gp := getg()
	return gp.goid, gp.gopc
}

// LockdepTest returns the label of the test that the running goroutine works for.
func LockdepTest() uint32 { return getg().lockdepTest }

// LockdepSetTest sets that label; goroutines inherit it.
func LockdepSetTest(id uint32) { getg().lockdepTest = id }

// LockdepAlloc returns n zeroed bytes outside the Go heap, nil if there are none.
func LockdepAlloc(n uintptr) unsafe.Pointer { return lockdepMap(n) }

// LockdepGetenv returns an environment variable.
func LockdepGetenv(key string) string { return gogetenv(key) }

// LockdepArg0 returns the name under which the program was started.
func LockdepArg0() string {
	if len(argslice) == 0 {
		return ""
	}
	return argslice[0]
}

// LockdepOfGoTest reports whether go test itself started this process: it gives
// a flag that a test which runs its own binary does not.
func LockdepOfGoTest() bool {
	ours := false
	for _, a := range argslice {
		ours = ours || a == "-test.paniconexit0"
		if a == "-test.fuzzworker" {
			return false
		}
	}
	return ours
}

// LockdepNanos returns the time since 1970 in nanoseconds.
func LockdepNanos() int64 {
	sec, nsec, _ := time_now()
	return sec*1e9 + int64(nsec)
}

// LockdepCollections returns the number of garbage collections that ended. What
// one of them frees is used again only after it was counted, since it is counted with the
// world stopped.
func LockdepCollections() uint32 { return memstats.numgc }

// LockdepWord returns the word at p, if p is in an object of the heap, as far as
// the last collection says, or in a variable of a package. Memory of the heap stays
// mapped, so it can be read also if the object goes meanwhile.
func LockdepWord(p uintptr) (uint32, bool) {
	if s := spanOf(p); s != nil {
		if s.state.get() != mSpanInUse || p < s.base() || p >= s.limit || s.isFree(s.objIndex(p)) {
			return 0, false
		}
		return *(*uint32)(unsafe.Pointer(p)), true
	}
	for m := &firstmoduledata; m != nil; m = m.next {
		if m.data <= p && p < m.edata || m.bss <= p && p < m.ebss || m.noptrdata <= p && p < m.enoptrdata || m.noptrbss <= p && p < m.enoptrbss {
			return *(*uint32)(unsafe.Pointer(p)), true
		}
	}
	return 0, false
}

// LockdepInit reports whether package initialisation still runs.
func LockdepInit() bool { return !lockdepMain }

// LockdepQuit ends the process.
func LockdepQuit(code int) { exit(int32(code)) }

// lockdepMix mixes the run queues, as the race detector does.
var lockdepMix bool

// LockdepMix mixes the run queues from now on.
func LockdepMix() { lockdepMix = true }

// LockdepFatal ends the process with a dump of all goroutines.
func LockdepFatal(s string) { fatal(s) }

var (
	lockdepMain bool

	// LockdepOnGoexit runs on a goroutine that is about to end, with its task.
	LockdepOnGoexit func(unsafe.Pointer)
	// LockdepOnExit runs when the process ends in an orderly way with that status.
	LockdepOnExit func(code int)
	// LockdepOnDying runs when the process dies of a panic or a deadlock,
	// perhaps on the system stack.
	LockdepOnDying func()
)

func lockdepDying() {
	if f := LockdepOnDying; f != nil {
		f()
	}
}

func lockdepGoexit(task unsafe.Pointer) {
	if f := LockdepOnGoexit; f != nil {
		f(task)
	}
}

func lockdepInitDone() {
	lockdepMain = true
	if f := LockdepOnMain; f != nil {
		f()
	}
}

func lockdepExit(code int) {
	if f := LockdepOnExit; f != nil {
		f(code)
	}
}
