package engine

import (
	"runtime"
	"unsafe"
)

// wide: words of 64 bits are stored at once, without an atomic operation, as an
// address has 64 bits. An atomic store also waits until all stores before it are
// done, for which a word that orders nothing has no need.
const wide = unsafe.Sizeof(uintptr(0)) == 8 && !raceDetector

func bytesString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func callers(skip int, pcs []uintptr) int { return runtime.Callers(skip, pcs) }
