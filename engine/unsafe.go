package engine

import (
	"runtime"
	"unsafe"
)

func bytesString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func callers(skip int, pcs []uintptr) int { return runtime.Callers(skip, pcs) }
