//go:build 386 || amd64

package runtime

import "unsafe"

// LockdepCall looks at the code of the direct call that returns to pc: which
// function it calls, and that it is call i, from 1 on, of n calls of that function
// on the same line. Calls in two copies of an inlined function are on two lines.
// The callee is "" where the call is not a direct one. inlined says that the call lies
// in a copy of its function.
//
// The code is searched for the bytes of such a call, an opcode and the distance to
// the callee. That other bytes look like it has a chance of 2^-32 for each.
func LockdepCall(pc uintptr) (callee string, i, n int, inlined bool) {
	f := findfunc(pc - 1)
	if !f.valid() || pc < f.entry()+5 {
		return "", 0, 0, false
	}
	to := lockdepCallee(pc)
	g := findfunc(to)
	if to == 0 || !g.valid() || g.entry() != to {
		return "", 0, 0, false
	}
	u, at := newInlineUnwinder(f, pc-1)
	file, line := u.fileLine(at)
	for p := f.entry() + 5; ; p++ {
		if p&15 == 0 { // where another function can begin
			if h := findfunc(p); !h.valid() || h.entry() != f.entry() {
				break
			}
		}
		if lockdepCallee(p) != to {
			continue
		}
		if h := findfunc(p - 1); !h.valid() || h.entry() != f.entry() {
			break
		}
		v, it := newInlineUnwinder(f, p-1)
		if fl, l := v.fileLine(it); it.index == at.index && l == line && fl == file {
			n++
			if p == pc {
				i = n
			}
		}
	}
	return funcname(g), i, n, at.index >= 0
}

// lockdepCallee returns where the call goes that returns to pc; 0: the bytes are no
// direct call.
func lockdepCallee(pc uintptr) uintptr {
	if *(*byte)(unsafe.Pointer(pc - 5)) != 0xe8 {
		return 0
	}
	b := (*[4]byte)(unsafe.Pointer(pc - 4))
	return pc + uintptr(int32(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24))
}
