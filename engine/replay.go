package engine

// This file is how recorded observations come back in: graph files are read
// into ids of this validator, then observed like live ones.

// AddClass returns the class of that name. flags are as in a graph file.
func (v *Validator) AddClass(name string, flags uint32) ClassID {
	v.lock()
	defer v.unlock()
	c := v.classNamed(name, flags&classFlagsSaved&^(classHandoff|classOverwritten))
	if flags&classHandoff != 0 {
		v.handoff(c)
	}
	if flags&classOverwritten != 0 {
		v.overwritten(c)
	}
	return c
}

// AddSite returns the site of a frame.
func (v *Validator) AddSite(f Frame) SiteID {
	v.lock()
	defer v.unlock()
	return v.siteOf(f.Func, f.File, uint32(f.Line))
}

// AddStack returns the stack of those frames, innermost first.
func (v *Validator) AddStack(frames []SiteID) StackID {
	v.lock()
	defer v.unlock()
	return v.stackOf(frames)
}

// A RecordedLock is a held or wanted lock of a [Recorded] observation.
type RecordedLock struct {
	Class ClassID
	Birth uint64
	Addr  uint64
	Site  SiteID
	Mode  Mode
	Try   bool
	Owner uint64 // of a guard: the goroutine that holds it
}

// A Recorded is an observation as a graph file has it, in ids of the validator
// that it is given to.
type Recorded struct {
	Kind, Flags uint8
	Process     string // names the process; instances are compared within one only
	Goroutine   uint64
	Origin      SiteID
	Test        TestID
	Stack       StackID
	Lock        RecordedLock
	Held        []RecordedLock
	Guards      []RecordedLock // held by those who made the goroutine
	Event       SiteID         // of a wait: its event, what it waits for, and who ended it
	Wait        Mode
	Waker       uint64
	Closer      uint64 // the goroutine whose close the wait before was ended by, with Behind locks held; 0: none
	CloserFrom  SiteID // its origin
	Behind      int
	Line        []uint64 // the moment in its goroutine's life, and those at which it and its makers were made
}

func (l *RecordedLock) rec() heldRec {
	return heldRec{addr: l.Addr, birth: l.Birth, site: l.Site, class: l.Class, mode: l.Mode, try: l.Try, owner: l.Owner}
}

// Observe learns a recorded observation and judges it.
func (v *Validator) Observe(r *Recorded) {
	v.lock()
	o := observation{
		kind: r.Kind, flags: r.Flags, goid: r.Goroutine, origin: r.Origin, test: r.Test,
		stack: r.Stack, proc: v.intern(r.Process), lock: r.Lock.rec(), held: v.nheld,
		event: r.Event, wait: r.Wait, waker: r.Waker,
		closer: r.Closer, closerOrigin: r.CloserFrom, behind: uint16(min(r.Behind, 1<<16-1)),
	}
	for i := range r.Held {
		if !v.addHeld(&o, r.Held[i].rec()) {
			break
		}
	}
	for i := range min(len(r.Line), len(o.line)) {
		o.line[i] = moment(r.Line[i])
	}
	o.guard = v.nheld
	for i := range r.Guards {
		if v.nheld >= uint32(len(v.held)) || o.guards == 255 {
			break
		}
		v.held[v.nheld] = r.Guards[i].rec()
		v.nheld++
		o.guards++
	}
	v.learned++
	if id := v.addObs(o); id != 0 {
		v.observe(id)
	}
	v.flush()
	v.unlock()
	v.deliver()
}
