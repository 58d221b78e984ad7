package runtime

import "unsafe"

// A LockdepG is what a goroutine does now.
type LockdepG struct {
	Task    unsafe.Pointer
	Status  string // "running", or what it waits for, as in a stack dump
	Minutes int64  // that it waits for so long, about
}

// LockdepGoroutines returns what those goroutines do whose tasks pass keep, at
// most limit of them. Nothing is stopped meanwhile.
func LockdepGoroutines(limit int, keep func(task unsafe.Pointer) bool) []LockdepG {
	out := make([]LockdepG, 0, limit)
	forEachGRace(func(gp *g) {
		s := readgstatus(gp) &^ _Gscan
		if len(out) == limit || gp.lockdep == nil || s == _Gdead || s == _Gidle || !keep(gp.lockdep) {
			return
		}
		i := LockdepG{Task: gp.lockdep, Status: "running"}
		switch s {
		case _Grunnable:
			i.Status = "runnable"
		case _Gsyscall:
			i.Status = "syscall"
		case _Gwaiting:
			i.Status = gp.waitreason.String()
		}
		if since := gp.waitsince; since != 0 && (s == _Gwaiting || s == _Gsyscall) {
			i.Minutes = (nanotime() - since) / 60e9
		}
		out = append(out, i)
	})
	return out
}

// LockdepClock returns a time in nanoseconds that never goes back.
func LockdepClock() int64 { return nanotime() }

// LockdepOnMain runs when package initialisation is done.
var LockdepOnMain func()
