package runtime

import "unsafe"

// A write can take as long as a disk or the reader of a pipe likes. It is a
// system call like the program's own, so that the P goes on with other goroutines
// and the world can stop; but not while the goroutine has to keep its P.

// LockdepAppend appends b to the file name (which ends in a zero byte) and
// returns how much was written, or -1. No descriptor stays open.
func LockdepAppend(name []byte, b []byte) int {
	if !LockdepMayWait() {
		return lockdepAppend(&name[0], unsafe.Pointer(unsafe.SliceData(b)), len(b))
	}
	entersyscall()
	n := lockdepAppend(&name[0], unsafe.Pointer(unsafe.SliceData(b)), len(b))
	exitsyscall()
	return n
}

// LockdepJoin is append(a, b...) for memory that several goroutines use one after
// the other, under a lock of the validator's own. Outside of this package, in a
// build with -race, the race detector would hear of the copy, also from a function
// with go:norace, and nothing of the lock.
func LockdepJoin(a, b []byte) []byte { return append(a, b...) }

// LockdepWrite writes b to file descriptor fd, all of it: a signal may cut a
// write short, and a pipe that does not block may be full for a while.
func LockdepWrite(fd uintptr, b []byte) {
	for tries := 0; len(b) > 0 && tries < 1000; tries++ {
		n := lockdepWrite(fd, b)
		if n > 0 {
			b = b[n:]
			continue
		}
		if !lockdepAgain(n) {
			return
		}
		LockdepPause()
		usleep(1000)
	}
}

func lockdepWrite(fd uintptr, b []byte) int32 {
	if !lockdepPlainWrite || !LockdepMayWait() {
		return write(fd, unsafe.Pointer(&b[0]), int32(len(b)))
	}
	entersyscall()
	n := write1(fd, unsafe.Pointer(unsafe.SliceData(b)), int32(len(b)))
	exitsyscall()
	return n
}

// lockdepAppend runs in a system call: nothing here may grow the stack.
//
//go:nosplit
func lockdepAppend(name *byte, p unsafe.Pointer, n int) int {
	fd := lockdepOpen(name)
	if fd < 0 {
		return -1
	}
	done := 0
	for done < n {
		k := write1(uintptr(fd), unsafe.Pointer(uintptr(p)+uintptr(done)), int32(n-done))
		if k <= 0 {
			break
		}
		done += int(k)
	}
	closefd(fd)
	return done
}
