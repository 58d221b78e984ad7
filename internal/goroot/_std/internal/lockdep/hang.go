package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// This file ends a test binary that can never end by itself.
//
// Where goroutines were found that wait for each other, or one that waits for
// itself, a goroutine of the runtime's looks whether a test can go on: at once
// and again with a growing pause, since a test may come to wait for them later.
// No such goroutine and no timer exists before. A test cannot go on if its own
// goroutine, or the one that runs all tests,
//
//   - is one of them, or waits for a lock that one of them keeps, and so on;
//   - waits for what nothing that can still run reaches, if they cannot run: one
//     search of the collector says so (from Go 1.26 on; see the runtime's
//     lockdep_leak.go). A weak pointer counts as what can run.
//
// Who waits for itself can be rescued by whoever reaches the lock. It is like the
// others where nobody does, or, for a variable of a package, which everybody
// reaches, where nobody else can run: no goroutine, and no function of a timer.
//
// Both are asked twice, with a pause between them, and must give the same answer:
// what is read of goroutines that run meanwhile is of more than one moment.
const (
	firstLook = 10e6 // nanoseconds
	lastLook  = 10e9
	oneSleep  = 50e6
)

var (
	// OnHang ends the process because the named test can never go on.
	OnHang func(test string)
	// Alarm says that the timer of -timeout runs, which calls a function.
	Alarm bool

	watching uint32
	hungTest engine.TestID // the test of what hung returned last
)

// doomed runs while the world is stopped.
func doomed(task unsafe.Pointer) bool { return (*Task)(task).Doomed() }

// Owner says whether the running goroutine is one that the end of the process waits for.
func Owner(yes bool) {
	if on {
		runtime.LockdepSetOwner(yes)
	}
}

// hang is the engine's news that goroutines are about to sleep for ever.
func hang() {
	if Testing && !opt.keep && steer == nil && atomic.CompareAndSwapUint32(&watching, 0, 1) {
		runtime.LockdepGo(watch)
	}
}

func watch() {
	last := uint64(0)
	for pause := int64(firstLook); ; pause = min(2*pause, lastLook) {
		for rest := pause; rest > 0; rest -= oneSleep {
			runtime.LockdepSleep(min(rest, oneSleep))
			if v.Hung() {
				pause, rest = firstLook, min(rest, firstLook)
			}
		}
		id := hung()
		if id != 0 && id == last {
			go end()
			return
		}
		if last = id; id != 0 {
			pause = firstLook
		}
	}
}

// hung returns the goroutine of a test that can never go on, 0 if there is none.
func hung() uint64 {
	v.Doom(nil, false)
	if id := doomedOwner(); id != 0 {
		return id
	}
	var stuck []*Task
	for range 4 { // one that is stuck may hold locks that others wait for
		id, _, found := search(stuck)
		if id != 0 {
			return id
		}
		if len(found) == len(stuck) {
			break
		}
		stuck = found
		v.Doom(stuck, false)
		if id := doomedOwner(); id != 0 {
			return id
		}
	}
	if !v.Doom(stuck, true) {
		return 0
	}
	id, others, _ := search(stuck)
	if Alarm {
		others--
	}
	if others > 0 {
		return 0
	}
	return id
}

// doomedOwner returns the goroutine of a test that waits for a lock that it can
// never get, 0 for none.
func doomedOwner() uint64 {
	for _, o := range runtime.LockdepOwners() {
		if t := (*Task)(o.Task); o.Locks && t != nil && t.Doomed() {
			hungTest = t.Test()
			return o.Goid
		}
	}
	return 0
}

// search looks for goroutines that can never go on, given that those that are
// doomed cannot. It returns the goroutine of a test among them, 0 for none, how
// many others can run, and the tasks of all of them.
func search(known []*Task) (id uint64, others int, found []*Task) {
	gs, others, ok := runtime.LockdepHung(maxStuck)
	if !ok {
		return 0, 1, known
	}
	for i := range gs {
		g := &gs[i]
		if g.Weak {
			continue
		}
		if g.Owner && g.Goid > id { // of a test and its subtest, the subtest
			id, hungTest = g.Goid, engine.TestID(g.Test)
		}
		if g.Task != nil {
			found = append(found, (*Task)(g.Task))
		}
	}
	return id, others, found
}

// end reports what is known and ends the process as a timeout does, but that its
// files are complete. That findings do not fail the run (fail=none) changes
// nothing: a process that hangs fails it as well, only later.
func end() {
	stuckNow()
	release()
	all := takeAll(&reports)
	for r := all; r != nil; r = r.next {
		if r.level != engine.Proved && !raised(all, r) { // those that are proved are printed
			print([]byte(r.text))
		}
	}
	for r := all; r != nil; {
		next := r.next
		r.push(&printed)
		r = next
	}
	finish(2)
	OnHang(v.TestName(hungTest))
}

// raised reports whether the finding of r has a report of a higher level among all.
func raised(all, r *report) bool {
	for ; all != nil; all = all.next {
		if all.id == r.id && all.level > r.level {
			return true
		}
	}
	return false
}

// Timeout runs when the tests have not ended in time. What was not known to be
// stuck may be found now, where locks are involved.
func Timeout() {
	if !on || !opt.leaks {
		return
	}
	v.Doom(nil, false)
	stuckNow()
	for r := takeAll(&reports); r != nil; {
		next := r.next
		if r.level == engine.Proved { // it is printed
			r.push(&printed)
		} else {
			r.push(&reports)
		}
		r = next
	}
	attest(2)
}

// stuckNow reports who is stuck where locks are involved, but for those that were
// found when they went to sleep.
func stuckNow() {
	opt.leaks = false
	gs, _, _ := runtime.LockdepHung(maxStuck)
	n := 0
	for i := range gs {
		if t := (*Task)(gs[i].Task); t == nil || !t.Knotted() {
			gs[n] = gs[i]
			n++
		}
	}
	stuck(gs[:n], true)
}
