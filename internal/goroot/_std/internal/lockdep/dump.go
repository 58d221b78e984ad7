package lockdep

import (
	"runtime"
	"unsafe"
)

// maxDumped bounds the locks that a dump shows of one goroutine.
const maxDumped = 64

func init() { runtime.LockdepOnHeader = header }

// header prints the locks of a goroutine whose stack is dumped, as the kernel
// does where it shows all locks held. The process may be dying: nothing is
// locked and nothing is allocated.
func header(p unsafe.Pointer) {
	t := (*Task)(p)
	n := 0
	for i := 0; i < maxDumped; i++ {
		l, ok := v.Peek(t, i)
		if !ok || l.Waits {
			break
		}
		if !l.Gone {
			n++
		}
	}
	if n > 0 {
		runtime.LockdepPrint("\t")
		runtime.LockdepPrintNumber(n)
		if n == 1 {
			runtime.LockdepPrint(" lock held:\n")
		} else {
			runtime.LockdepPrint(" locks held:\n")
		}
	}
	for i, k := 0, 0; k <= n && i < maxDumped; i++ {
		l, ok := v.Peek(t, i)
		if !ok {
			return
		}
		if l.Gone {
			continue
		}
		k++
		if l.Waits {
			runtime.LockdepPrint("\twaits for lock:\n\t    ")
		} else {
			runtime.LockdepPrint("\t #")
			runtime.LockdepPrintNumber(k - 1)
			runtime.LockdepPrint(":")
		}
		runtime.LockdepPrint(" (")
		runtime.LockdepPrint(l.Class)
		runtime.LockdepPrint("){")
		runtime.LockdepPrint(l.Mode)
		runtime.LockdepPrint("}, at: ")
		runtime.LockdepPrintCall(l.PC)
		runtime.LockdepPrint("\n")
	}
	if n == maxDumped {
		runtime.LockdepPrint("\t and more\n")
	}
}
