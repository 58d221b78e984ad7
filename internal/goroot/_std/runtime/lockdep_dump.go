package runtime

import "unsafe"

// LockdepOnHeader runs where the header of a goroutine's stack was printed to
// standard error, with its task: after a signal, on the signal's stack, or in a
// process that dies. It prints, by LockdepPrint, and does nothing else.
var LockdepOnHeader func(unsafe.Pointer)

// lockdepHeader is called below the header of gp's stack. A stack that is
// written to memory for the program, by [Stack], stays as it always was.
func lockdepHeader(gp *g) {
	f, me := LockdepOnHeader, getg()
	if f == nil || gp.lockdep == nil || me.writebuf != nil && me.m.dying == 0 {
		return
	}
	f(gp.lockdep)
}

// LockdepPrint prints s as the runtime prints a stack.
func LockdepPrint(s string) { print(s) }

// LockdepPrintNumber prints n likewise.
func LockdepPrintNumber(n int) { print(n) }

// LockdepPrintCall prints the function and the line that a return address belongs to.
func LockdepPrintCall(pc uintptr) {
	f := findfunc(pc)
	if !f.valid() {
		print(hex(pc))
		return
	}
	u, uf := newInlineUnwinder(f, pc-1)
	file, line := u.fileLine(uf)
	print(funcNameForPrint(u.srcFunc(uf).name()), "  ", file, ":", line)
}
