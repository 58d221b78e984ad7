package engine

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// store64 stores a word that is read whole or not at all, and orders nothing: an
// atomic store waits until all stores before it are done. Words of 64 bits are
// stored at once where an address has 64 bits.
func store64(p *uint64, x uint64) {
	if unsafe.Sizeof(uintptr(0)) == 8 {
		*p = x
	} else {
		atomic.StoreUint64(p, x)
	}
}

func bytesString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func callers(skip int, pcs []uintptr) int { return runtime.Callers(skip, pcs) }
