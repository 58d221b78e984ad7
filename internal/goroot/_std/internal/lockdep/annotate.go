package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"unsafe"
)

// What package annotate says arrives here. The two share no types and may be of
// different versions: annotate asks for each function by name, and calls it if
// its type is the one expected. A function whose meaning changes gets a new name.

// MutexMap and RWMutexMap are functions of package sync from a lock to its Map.
var MutexMap, RWMutexMap any

func init() { runtime.LockdepAnnotations = annotation }

func annotation(name string) any {
	if !on {
		return nil
	}
	switch name {
	case "MutexMap":
		return MutexMap
	case "RWMutexMap":
		return RWMutexMap
	case "SetClass":
		return setClass
	case "Nested":
		return nested
	case "NoValidate":
		return noValidate
	case "AssertHeld":
		return assertHeld
	case "AssertHeldWrite":
		return assertHeldWrite
	case "AssertNotHeld":
		return assertNotHeld
	case "MightLock":
		return mightLock
	case "MightRLock":
		return mightRLock
	case "Acquire":
		return acquire
	case "Acquired":
		return acquired
	case "TryAcquired":
		return tryAcquired
	case "Release":
		return releaseMap
	case "HTTPHandler":
		return HTTPHandler
	case "OnReport":
		return onReport
	}
	return nil
}

// user returns the return address of the call of an exported function of
// package annotate, which called the function that asks.
func user() uintptr {
	var pc [1]uintptr
	runtime.Callers(4, pc[:])
	return pc[0]
}

func setClass(m unsafe.Pointer, name string) {
	if t := task(); t != nil {
		v.SetClass(t, (*Map)(m), name)
	}
}

func nested(m unsafe.Pointer, subclass int) {
	if t := task(); t != nil {
		v.Nested(t, (*Map)(m), subclass)
	}
}

func noValidate(m unsafe.Pointer) {
	if t := task(); t != nil {
		v.NoValidate(t, (*Map)(m), user())
	}
}

func assertHeld(m unsafe.Pointer) {
	if t := task(); t != nil {
		if held, _, known := v.Holds(t, (*Map)(m)); known && !held {
			v.Misused(t, (*Map)(m), user(), engine.NotHeld)
		}
	}
}

func assertHeldWrite(m unsafe.Pointer) {
	if t := task(); t != nil {
		if _, write, known := v.Holds(t, (*Map)(m)); known && !write {
			v.Misused(t, (*Map)(m), user(), engine.NotHeldWrite)
		}
	}
}

func assertNotHeld(m unsafe.Pointer) {
	if t := task(); t != nil {
		if held, _, known := v.Holds(t, (*Map)(m)); known && held {
			v.Misused(t, (*Map)(m), user(), engine.IsHeld)
		}
	}
}

func mightLock(m unsafe.Pointer, rw bool) {
	if t := task(); t != nil {
		if pc := user(); !v.MightAcquire(t, (*Map)(m), pc, engine.Write, rw) {
			v.Misused(t, (*Map)(m), pc, engine.MightRecurse)
		}
	}
}

func mightRLock(m unsafe.Pointer) {
	if t := task(); t != nil {
		if pc := user(); !v.MightAcquire(t, (*Map)(m), pc, engine.Read, true) {
			v.Misused(t, (*Map)(m), pc, engine.MightRecurse)
		}
	}
}

func modeOf(read bool) engine.Mode {
	if read {
		return engine.Read
	}
	return engine.Write
}

func acquire(m unsafe.Pointer, read bool) {
	if t := task(); t != nil {
		(*Map)(m).Annotated()
		if read {
			v.Acquire(t, (*Map)(m), user(), engine.Read)
		} else {
			v.AcquireWriter(t, (*Map)(m), user())
		}
	}
}

func acquired(m unsafe.Pointer, read bool) {
	if t := task(); t != nil {
		v.Acquired(t, (*Map)(m), modeOf(read))
	}
}

func tryAcquired(m unsafe.Pointer, read bool) {
	if t := task(); t != nil {
		(*Map)(m).Annotated()
		v.TryAcquired(t, (*Map)(m), user(), modeOf(read))
	}
}

func releaseMap(m unsafe.Pointer, read bool) {
	v.Release((*Task)(runtime.LockdepTask()), (*Map)(m), modeOf(read))
}
