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
	if !on || !runtime.LockdepFollows() {
		return nil
	}
	t := v.NewTask()
	if t != nil {
		runtime.LockdepSetTask(unsafe.Pointer(t))
	}
	return t
}

// Again records that a Mutex was taken without a wait, where that is nothing new;
// false: Taken is to be called.
func Again(m *Map, pc uintptr) bool {
	t := (*Task)(runtime.LockdepTask())
	return t != nil && v.Again(t, m, pc, engine.ToWrite)
}

// Taken is called when a Mutex was taken without a wait.
func Taken(m *Map, pc uintptr) {
	v.Taken((*Task)(runtime.LockdepTask()), m, pc, engine.Write)
}

// RAgain is Again for a RWMutex that was taken for reading.
func RAgain(m *Map, pc uintptr) bool {
	t := (*Task)(runtime.LockdepTask())
	return t != nil && v.Again(t, m, pc, engine.ToRead)
}

// RTaken is called when a RWMutex was taken for reading without a wait.
func RTaken(m *Map, pc uintptr) {
	v.Taken((*Task)(runtime.LockdepTask()), m, pc, engine.Read)
}

// Lock is called before the wait for a Mutex.
func Lock(m *Map, pc uintptr) {
	v.Acquire((*Task)(runtime.LockdepTask()), m, pc, engine.Write)
}

// WLock is called before a RWMutex is taken for writing.
func WLock(m *Map, pc uintptr) {
	v.AcquireWriter((*Task)(runtime.LockdepTask()), m, pc)
}

// RLock is called before the wait for a RWMutex for reading.
func RLock(m *Map, pc uintptr) {
	v.Acquire((*Task)(runtime.LockdepTask()), m, pc, engine.Read)
}

// Locked is called when the wait that Lock or WLock announced is over.
func Locked(m *Map) {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		v.Acquired(t, m, engine.Write)
	}
}

// RLocked is called when the wait that RLock announced is over.
func RLocked(m *Map) {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		v.Acquired(t, m, engine.Read)
	}
}

// Blocked is called when a goroutine goes to sleep for a mutex, announced or not.
func Blocked(m unsafe.Pointer) {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		v.Blocked(t, (*Map)(m), false)
	}
}

// Queued is called when a writer of a RWMutex, which has its turn, goes to
// sleep for the readers before it.
func Queued(m *Map) {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		v.Blocked(t, m, true)
	}
}

// Pop records that a lock is about to be released that was taken last; false:
// Unlock or RUnlock is to be called.
func Pop(m *Map) bool {
	t := (*Task)(runtime.LockdepTask())
	return t != nil && v.Pop(t, m)
}

// Unlock is called before a lock that was taken for writing is released.
func Unlock(m *Map) { v.Release((*Task)(runtime.LockdepTask()), m, engine.Write) }

// RUnlock is called before a lock that was taken for reading is released.
func RUnlock(m *Map) { v.Release((*Task)(runtime.LockdepTask()), m, engine.Read) }

// heap keeps what it is given off the stack. A stack moves, and its locks with it, so
// that an address would say nothing. Lock and Unlock let their lock escape, since it goes
// to the runtime's semaphores; a try does not.
func heap(m *Map) {
	if never {
		kept = m
	}
}

var (
	never bool
	kept  *Map
)

// TryLocked is called when a try took a Mutex.
func TryLocked(m *Map, pc uintptr) {
	heap(m)
	if t := task(); t != nil {
		v.TryAcquired(t, m, pc, engine.Write)
	}
}

// TryWLocked is called when a try took a RWMutex for writing.
func TryWLocked(m *Map, pc uintptr) {
	heap(m)
	if t := task(); t != nil {
		v.TryAcquired(t, m, pc, engine.Write)
	}
}

// TryRLocked is called when a try took a RWMutex for reading.
func TryRLocked(m *Map, pc uintptr) {
	heap(m)
	if t := task(); t != nil {
		v.TryAcquired(t, m, pc, engine.Read)
	}
}

// TryFailed is called when a try did not get the lock.
func TryFailed(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.TryFailed(t, m, pc, engine.Write)
	}
}

// Once is called before the function of a Once runs, for whoever runs it or
// waits for it. Locked ends the wait.
func Once(m *Map, pc uintptr) {
	if t := task(); t != nil {
		v.AcquireOnce(t, m, pc)
	}
}

// OnceUnlock is called after the function of a Once ran.
func OnceUnlock(m *Map) {
	if Record {
		Send(unsafe.Pointer(m))
	}
	Unlock(m)
}

// OnceDone is called where Once.Do found its function done.
func OnceDone(m *Map, pc uintptr) {
	if Record {
		Receive(unsafe.Pointer(m))
	}
	if t := (*Task)(runtime.LockdepTask()); t != nil && t.Holding() {
		v.Touch(t, m, pc)
	}
}

// Wait is called when a goroutine goes to sleep for a WaitGroup. gen is a word
// of the WaitGroup that is the validator's.
func Wait(gen *uint32, pc uintptr) {
	if t := (*Task)(runtime.LockdepTask()); t != nil && t.Holding() {
		if *gen == 0 {
			v.Follow(t, gen)
		}
		v.Wait(t, pc)
	}
}

// Waited is called when a WaitGroup that is followed was waited for, whether or
// not the goroutine slept.
func Waited(p unsafe.Pointer, gen *uint32, pc uintptr) {
	v.Waited((*Task)(runtime.LockdepTask()), uintptr(p), gen, pc)
}

// Adding is called before a goroutine adds to a WaitGroup that is not followed.
func Adding(gen *uint32) {
	if t := (*Task)(runtime.LockdepTask()); t != nil && t.Holding() {
		v.Follow(t, gen)
	}
}

// Done is called before a goroutine tells a WaitGroup that is followed that it is done.
func Done(p unsafe.Pointer, gen *uint32) {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		v.Done(t, uintptr(p), gen)
	}
}

// Woken is called when a goroutine was woken by another one.
func Woken() {
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		t.Stretch()
	}
}

// CondWait is called when a goroutine is about to sleep for a Cond.
func CondWait(pc uintptr) { runtime.LockdepCondWait(pc) }

// meet runs before one goroutine wakes another one at a channel or a Cond.
func meet(event, waker, woken, g unsafe.Pointer, how uint8) {
	leaves := how&runtime.LockdepOneSided != 0 && engine.Leaves((*Task)(waker), (*Task)(woken))
	if !leaves && (*engine.Event)(event).Known((*Task)(waker), (*Task)(woken)) {
		return
	}
	m := engine.Meeting{
		Event: (*engine.Event)(event), Waker: (*Task)(waker), Woken: (*Task)(woken), G: g,
		For:      engine.WaitSend,
		OneSided: how&runtime.LockdepOneSided != 0,
		Waits:    how&runtime.LockdepWaits != 0,
		WakerHad: how&runtime.LockdepWakerHad != 0,
		WokenHad: how&runtime.LockdepWokenHad != 0,
	}
	switch {
	case how&runtime.LockdepReceives != 0:
		m.For = engine.WaitReceive
	case how&runtime.LockdepCond != 0:
		m.For = engine.WaitCond
	}
	v.Meet(&m)
}

// closes runs when a goroutine closes a channel that others wait for with locks held.
func closes(event, t unsafe.Pointer) { v.Closes((*Task)(t), (*engine.Event)(event)) }

// closed runs when a goroutine with locks held finds a channel closed.
func closed(event, t unsafe.Pointer, closer uint64) {
	v.Closed((*Task)(t), (*engine.Event)(event), closer)
}

// made runs when a goroutine makes another one: what it took before, nobody
// whom it lets run from then on can be in the way of.
func made(p unsafe.Pointer) uint64 {
	t := (*Task)(p)
	t.Stretch()
	return t.AsMaker()
}
