package runtime

import "unsafe"

// lockdepPlainWrite: a write needs no more than the stack that is there.
const lockdepPlainWrite = true

//go:nosplit
func lockdepOpen(name *byte) int32 {
	const flags = 0x1 | 0x200 | 0x8 | 0x1000000 // O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC
	return open(name, flags, 0o644)
}

// lockdepMap maps memory that is touched only as far as it is used.
func lockdepMap(n uintptr) unsafe.Pointer {
	p, err := mmap(nil, (n+physPageSize-1)&^(physPageSize-1), _PROT_READ|_PROT_WRITE, _MAP_ANON|_MAP_PRIVATE, -1, 0)
	if err != 0 {
		return nil
	}
	return p
}

// LockdepPid returns 0: the file's name has the time instead.
func LockdepPid() int { return 0 }

// lockdepAgain reports whether a write that returned n can be tried again.
func lockdepAgain(n int32) bool { return n == -_EINTR || n == -_EAGAIN }
