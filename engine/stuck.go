package engine

import "runtime"

// Modes of an observation of a goroutine that is stuck, beside Write and Read:
// what it waits for, if not for a lock.
const (
	WaitSend    Mode = iota + 2 // on a channel
	WaitReceive                 // on a channel
	WaitSelect
	WaitGroup
	WaitCond
	WaitOther
)

var waitWords = [...]string{
	Write: "W", Read: "R", WaitSend: "send", WaitReceive: "receive", WaitSelect: "select",
	WaitGroup: "WaitGroup.Wait", WaitCond: "Cond.Wait", WaitOther: "wait",
}

// A StuckGoroutine is one that can never go on.
type StuckGoroutine struct {
	Goroutine uint64
	Origin    uintptr // of the go statement that made it
	Test      TestID
	Wait      Mode
	PCs       []uintptr // its stack, innermost first
	LocksOnly bool      // it is no news unless it holds a lock or waits for one
	Unwanted  bool      // nobody waits for a lock that it holds, and nobody that can still run reaches one
	Weak      bool      // a weak pointer reaches what it waits for
}

// Stuck records that t's goroutine can never go on. t is nil if it took no lock
// so far. The goroutine does not run meanwhile.
func (v *Validator) Stuck(t *Task, g StuckGoroutine) {
	if t != nil && t.slow&(taskBlind|taskBusy) != 0 {
		return
	}
	v.lock()
	o := observation{goid: g.Goroutine, test: g.Test, kind: obsLeak, held: v.nheld}
	d := uint32(0)
	if t != nil {
		d = t.depth
	}
	if d > 0 && t.at(d-1).flags()&heldGot == 0 {
		d--
		o.lock = v.recOf(t.at(d))
	} else {
		at := userPC(g.PCs)
		o.lock = heldRec{site: v.siteAt(at), mode: g.Wait}
	}
	for i := uint32(0); i < d; i++ {
		if v.gone(t, t.at(i)) || v.phantom(t.at(i)) != isHeld {
			continue
		}
		if !v.addHeld(&o, v.recOf(t.at(i))) {
			break
		}
	}
	if o.n == 0 && o.lock.class == 0 && g.LocksOnly {
		v.unlock()
		return
	}
	if g.Unwanted && o.n > 0 {
		o.flags |= obsUnwanted
	}
	if g.Weak {
		o.flags |= obsWeakly
	}
	o.stack = v.capture(g.PCs, userPC(g.PCs))
	o.origin = v.siteAt(g.Origin)
	v.best.pending = false
	v.learned++
	if id := v.addObs(o); id != 0 {
		v.observe(id)
	}
	v.flush()
	v.unlock()
	v.deliver()
}

// userPC returns the innermost of the return addresses that is not in the
// runtime or in package sync.
func userPC(pcs []uintptr) uintptr {
	for _, pc := range pcs {
		fr := runtime.CallersFrames([]uintptr{pc})
		f, _ := fr.Next()
		if !hasPrefix(f.Function, "runtime.") && !hasPrefix(f.Function, "sync.") && !hasPrefix(f.Function, "internal/") {
			return pc
		}
	}
	return 0
}

// foundLeak enters the finding that a goroutine is stuck.
//
// Who wants a lock that nobody can release is proved to be stuck, and so is who
// holds a lock that somebody wants, or that somebody who can still run reaches:
// whoever comes for it waits for ever. Who holds a lock that nobody can want
// keeps nobody waiting: it leaks, with a lock that is garbage as well.
//
// Where a weak pointer reaches what it waits for, nothing is proved: whoever
// takes a strong pointer from it can wake the goroutine.
func (v *Validator) foundLeak(id ObsID) {
	o := &v.obs[id]
	f := finding{kind: KindStuck, level: Proved, obs: id, held: noHeld}
	if o.n > 0 {
		f.held = o.n - 1
	}
	switch wants := o.lock.class != 0; {
	case !wants && o.n == 0:
		f.level, f.why = Possible, WhyNoLock
	case !wants && o.flags&obsUnwanted != 0:
		f.level, f.why = Possible, WhyUnwanted
	}
	if o.flags&obsWeakly != 0 {
		f.level, f.why = Possible, f.why|WhyWeak
	}
	for i := uint32(1); i <= v.nfindings && f.level != Suppressed; i++ {
		if v.tells(&v.findings[i], id) {
			f.level = Suppressed
		}
	}
	v.best = f
	v.enter()
}

// tells reports whether finding f, a knot or a recursion that happened, says
// already that the goroutine of observation id stands where it stands.
func (v *Validator) tells(f *finding, id ObsID) bool {
	if f.level != Proved || f.kind == KindStuck {
		return false
	}
	o := &v.obs[id]
	for i := 0; i < max(int(f.n), 1); i++ {
		side := f.obs
		if f.n > 0 {
			side = v.samples[f.samples[i]].obs
		}
		if s := &v.obs[side]; s.proc == o.proc && s.goid == o.goid && s.lock.class == o.lock.class && s.lock.site == o.lock.site {
			return true
		}
	}
	return false
}

// cover suppresses the findings of stuck goroutines that f tells of.
func (v *Validator) cover(f *finding) {
	for i := uint32(1); i <= v.nfindings; i++ {
		if x := &v.findings[i]; x.kind == KindStuck && v.tells(f, x.obs) {
			x.level = Suppressed
		}
	}
}
