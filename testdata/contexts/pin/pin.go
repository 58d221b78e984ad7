// Package pin has what a program can get of the runtime by linkname, as some
// widely used packages do.
package pin

import (
	"time"
	"unsafe"
)

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// Do runs f pinned to its M: f must not block.
func Do(f func()) {
	procPin()
	defer procUnpin()
	f()
}

//go:linkname newTimer time.newTimer
func newTimer(when, period int64, f func(any, uintptr, int64), arg any, c unsafe.Pointer) unsafe.Pointer

//go:linkname nanotime runtime.nanotime
func nanotime() int64

// OnSystemStack runs f on the system stack of some M, after d: as the function of
// a timer. f must not block and has little room.
func OnSystemStack(d time.Duration, f func()) unsafe.Pointer {
	return newTimer(nanotime()+int64(d), 0, func(any, uintptr, int64) { f() }, nil, nil)
}
