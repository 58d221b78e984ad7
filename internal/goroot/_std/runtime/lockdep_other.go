//go:build !linux && !darwin

package runtime

import "unsafe"

// Without the plain calls of a Unix the graph is not written; findings are
// printed all the same.
func lockdepOpen(name *byte) int32 { return -1 }

func lockdepMap(n uintptr) unsafe.Pointer { return persistentalloc(n, 8, &memstats.other_sys) }

// LockdepPid returns 0: the file's name has the time instead.
func LockdepPid() int { return 0 }

func lockdepAgain(n int32) bool { return false }
