// Package lockdep stands in for the live validator: it prints, to standard
// error, every call that comes from package main.
package lockdep

import (
	"runtime"
	"unsafe"

	_ "internal/lockdep/engine"
)

// Map has the size of the real one. A tag that is not zero says that the lock
// was taken from package main.
type Map struct {
	state int32
	sema  uint32
}

// Task is not used.
type Task struct{ _ byte }

// MutexMap and RWMutexMap are set by package sync and not used.
var MutexMap, RWMutexMap any

var names string

// say prints one call and reports whether it came from package main.
func say(what string, pc uintptr) bool {
	fn := runtime.FuncForPC(pc - 1)
	if fn == nil || len(fn.Name()) < 5 || fn.Name()[:5] != "main." {
		return false
	}
	_, line := fn.FileLine(pc - 1)
	println("hook", what, fn.Name(), line)
	return true
}

func enter(what string, m *Map, pc uintptr) *Task {
	if !say(what, pc) {
		return nil
	}
	m.sema += 1 << 16
	return new(Task)
}

func leave(what string, m *Map) {
	if m.sema>>16 > 0 {
		println("hook", what)
	}
}

func Lock(m *Map, pc uintptr) *Task     { return enter("Lock", m, pc) }
func WLock(m *Map, pc uintptr) *Task    { return enter("WLock", m, pc) }
func Locked(t *Task, m *Map)            { println("hook Locked") }
func Unlock(m *Map)                     { leave("Unlock", m) }
func RLock(m *Map, pc uintptr) *Task    { return enter("RLock", m, pc) }
func RLocked(t *Task, m *Map)           { println("hook RLocked") }
func RUnlock(m *Map)                    { leave("RUnlock", m) }
func TryLocked(m *Map, pc uintptr)      { enter("TryLocked", m, pc) }
func TryWLocked(m *Map, pc uintptr)     { enter("TryWLocked", m, pc) }
func TryRLocked(m *Map, pc uintptr)     { enter("TryRLocked", m, pc) }
func TryFailed(m *Map, pc uintptr)      { enter("TryFailed", m, pc) }
func Once(m *Map, pc uintptr)           { enter("Once", m, pc) }
func OnceUnlock(m *Map)                 { leave("OnceUnlock", m) }
func OnceDone(m *Map, pc uintptr)       { enter("OnceDone", m, pc) }
func Wait(p unsafe.Pointer, pc uintptr) { say("Wait", pc) }

// EnterTest prints the test and the table of names that the linker left.
func EnterTest(name string) uint32 {
	println("hook EnterTest", name)
	if len(names) < 4096 {
		print("names {", names, "}\n")
		return 1
	}
	// A pipe that does not block would lose the end of a long text.
	sum := uint32(2166136261)
	for i := 0; i < len(names); i++ {
		sum = (sum ^ uint32(names[i])) * 16777619
	}
	print("names {", len(names), " bytes, sum ", sum, "}\n")
	return 0
}
