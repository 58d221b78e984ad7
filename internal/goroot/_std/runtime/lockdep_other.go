//go:build !linux && !darwin

package runtime

import "unsafe"

// Without the plain calls of a Unix the graph is not written; findings are
// printed all the same.
//
//go:nosplit
func lockdepOpen(name *byte) int32 { return -1 }

// lockdepPlainWrite: a write needs no more than the stack that is there.
const lockdepPlainWrite = false

func lockdepMap(n uintptr) unsafe.Pointer { return persistentalloc(n, 8, &memstats.other_sys) }

// LockdepPid returns 0: the file's name has the time instead.
func LockdepPid() int { return 0 }

func lockdepAgain(n int32) bool { return false }
