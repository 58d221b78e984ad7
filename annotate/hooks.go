package annotate

import (
	"runtime"
	"sync"
	"unsafe"
)

// The package is on where runtime.Func has a size, which the instrumented GOROOT
// gives it and nobody else needs. Both are constants, so that a program in which
// it has none is compiled as if there was no annotation. Should a later Go release
// give it one, hooks stay nil there and annotations cost a comparison.
const (
	words = (unsafe.Sizeof(runtime.Func{}) + 7) / 8 & 1
	on    = words > 0
)

// hooks are the validator's functions; nil: it has none of that name and type.
// Those that are told a place take it to be two calls up: each is called by an
// exported function of this package itself.
var hooks struct {
	mutexMap   func(*sync.Mutex) unsafe.Pointer
	rwMutexMap func(*sync.RWMutex) unsafe.Pointer

	setClass   func(m unsafe.Pointer, name string)
	nested     func(m unsafe.Pointer, subclass int)
	noValidate func(m unsafe.Pointer)

	assertHeld      func(m unsafe.Pointer)
	assertHeldWrite func(m unsafe.Pointer)
	assertNotHeld   func(m unsafe.Pointer)

	mightLock  func(m unsafe.Pointer, rw bool)
	mightRLock func(m unsafe.Pointer)

	acquire     func(m unsafe.Pointer, read bool)
	acquired    func(m unsafe.Pointer, read bool)
	tryAcquired func(m unsafe.Pointer, read bool)
	release     func(m unsafe.Pointer, read bool)

	onReport func(f func(text string))
}

func init() {
	if on {
		connect()
	}
}

// connect asks the runtime for the validator's functions. A GOROOT without the
// validator has no such method, which only an assertion may say.
func connect() {
	r, ok := any((*runtime.Func)(nil)).(interface {
		LockdepAnnotation(name string) any
	})
	if !ok {
		return
	}
	get(r.LockdepAnnotation("MutexMap"), &hooks.mutexMap)
	get(r.LockdepAnnotation("RWMutexMap"), &hooks.rwMutexMap)
	get(r.LockdepAnnotation("SetClass"), &hooks.setClass)
	get(r.LockdepAnnotation("Nested"), &hooks.nested)
	get(r.LockdepAnnotation("NoValidate"), &hooks.noValidate)
	get(r.LockdepAnnotation("AssertHeld"), &hooks.assertHeld)
	get(r.LockdepAnnotation("AssertHeldWrite"), &hooks.assertHeldWrite)
	get(r.LockdepAnnotation("AssertNotHeld"), &hooks.assertNotHeld)
	get(r.LockdepAnnotation("MightLock"), &hooks.mightLock)
	get(r.LockdepAnnotation("MightRLock"), &hooks.mightRLock)
	get(r.LockdepAnnotation("Acquire"), &hooks.acquire)
	get(r.LockdepAnnotation("Acquired"), &hooks.acquired)
	get(r.LockdepAnnotation("TryAcquired"), &hooks.tryAcquired)
	get(r.LockdepAnnotation("Release"), &hooks.release)
	get(r.LockdepAnnotation("OnReport"), &hooks.onReport)
}

// get stores f in hook if it is of its type.
func get[F any](f any, hook *F) {
	if f, ok := f.(F); ok {
		*hook = f
	}
}

// mapOf returns the validator's part of l; nil: there is none.
func mapOf[L Lock](l L) unsafe.Pointer {
	switch l := any(l).(type) {
	case *sync.Mutex:
		if l != nil && hooks.mutexMap != nil {
			return hooks.mutexMap(l)
		}
	case *sync.RWMutex:
		if l != nil && hooks.rwMutexMap != nil {
			return hooks.rwMutexMap(l)
		}
	case *Map:
		if l != nil && hooks.mutexMap != nil {
			return hooks.mutexMap((*sync.Mutex)(unsafe.Pointer(l)))
		}
	}
	return nil
}
