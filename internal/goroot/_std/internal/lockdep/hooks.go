// Package lockdep is the live program's validator: the hooks that package sync
// calls, and the glue between the engine and the runtime.
//
// It stands below sync: it imports runtime, sync/atomic, unsafe and the engine.
package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"unsafe"
)

// A Map is the part of a lock that belongs to the validator.
type Map = engine.Map

// A Task is a goroutine's held stack.
type Task = engine.Task

var (
	v  engine.Validator
	on bool // v is ready
)

// task returns the running goroutine's task; nil: it is not followed.
func task() *Task {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		return t
	}
	return newTask()
}

func newTask() *Task {
	if !on {
		return nil
	}
	t := v.NewTask()
	if t != nil {
		runtime.LockdepSetTask(unsafe.Pointer(t))
	}
	return t
}

// Lock is called before a Mutex is taken.
func Lock(m *Map, pc uintptr) *Task {
	return v.Acquire((*Task)(runtime.LockdepTask()), m, pc, engine.Write)
}

// WLock is called before a RWMutex is taken for writing.
func WLock(m *Map, pc uintptr) *Task {
	return v.AcquireWriter((*Task)(runtime.LockdepTask()), m, pc)
}

// RLock is called before a RWMutex is taken for reading.
func RLock(m *Map, pc uintptr) *Task {
	return v.Acquire((*Task)(runtime.LockdepTask()), m, pc, engine.Read)
}

// Locked is called when the wait that Lock or WLock announced is over.
func Locked(t *Task, m *Map) { v.Acquired(t, m, engine.Write) }

// RLocked is called when the wait that RLock announced is over.
func RLocked(t *Task, m *Map) { v.Acquired(t, m, engine.Read) }

// Unlock is called before a lock that was taken for writing is released.
func Unlock(m *Map) { v.Release((*Task)(runtime.LockdepTask()), m, engine.Write) }

// RUnlock is called before a lock that was taken for reading is released.
func RUnlock(m *Map) { v.Release((*Task)(runtime.LockdepTask()), m, engine.Read) }

// TryLocked is called when a try took a Mutex.
func TryLocked(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.TryAcquired(t, m, pc, engine.Write, false)
	}
}

// TryWLocked is called when a try took a RWMutex for writing.
func TryWLocked(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.TryAcquired(t, m, pc, engine.Write, true)
	}
}

// TryRLocked is called when a try took a RWMutex for reading.
func TryRLocked(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.TryAcquired(t, m, pc, engine.Read, true)
	}
}

// TryFailed is called when a try did not get the lock.
func TryFailed(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.TryFailed(t, m, pc, engine.Write)
	}
}

// Once is called before the function of a Once runs, for whoever runs it or
// waits for it.
func Once(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.AcquireOnce(t, m, pc)
		v.Acquired(t, m, engine.Write)
	}
}

// OnceUnlock is called after the function of a Once ran.
func OnceUnlock(m *Map) { Unlock(m) }

// OnceDone is called where Once.Do found its function done.
func OnceDone(m *Map, pc uintptr) {
	if t := (*Task)(runtime.LockdepTask()); t != nil && t.Depth() != 0 {
		v.Touch(t, m, pc)
	}
}

// Wait is called before a WaitGroup is waited for.
func Wait(p unsafe.Pointer, pc uintptr) {
	if t := (*Task)(runtime.LockdepTask()); t != nil && t.Depth() != 0 {
		v.Wait(t, pc)
	}
}
