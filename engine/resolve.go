package engine

import "sync/atomic"

// A Frame is one call of a stack trace.
type Frame struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// A Lock is a lock as it stood in an acquisition.
type Lock struct {
	Class string `json:"class"`
	Mode  string `json:"mode"` // "W" or "R"; where it is no lock, what is waited for: "send", "receive", ...
	Try   bool   `json:"try,omitempty"`
	At    Frame  `json:"at"`
	Inst  uint64 `json:"instance"` // its birth; within one process
}

// A Wait is a wait for an event: another goroutine ends it.
type Wait struct {
	For       string `json:"for"`       // "send", "receive", "WaitGroup.Wait"
	Of        Frame  `json:"of"`        // where the channel was made, or the WaitGroup is waited for
	Goroutine uint64 `json:"goroutine"` // who ended it
}

// A Side is one goroutine's part in a finding: what it held and what it took.
type Side struct {
	Holds     Lock    `json:"holds"`
	Wants     Lock    `json:"wants"`
	Held      []Lock  `json:"held"`  // all that it held, outermost first
	Stack     []Frame `json:"stack"` // innermost first
	Goroutine uint64  `json:"goroutine"`
	Origin    Frame   `json:"origin"` // the go statement that made it
	Test      string  `json:"test,omitempty"`
	Process   string  `json:"process,omitempty"`
	Init      bool    `json:"init,omitempty"`
	Waits     *Wait   `json:"waits,omitempty"`  // it does not take Wants itself, but waits for a goroutine that took it
	Writer    *Side   `json:"writer,omitempty"` // for readers: the writer that queues between this side and the next
}

// A Finding is a finding with its names.
type Finding struct {
	ID    string   `json:"id"`
	Kind  Kind     `json:"-"`
	Level Level    `json:"-"`
	Why   Why      `json:"-"`
	Count uint32   `json:"count"`
	Sides []Side   `json:"sides"` // Sides[0] closed the cycle; side i waits for what side i+1 holds
	Gates []string `json:"gates,omitempty"`

	// Pending: another goroutine could still release the lock, as Go allows;
	// then the finding is withdrawn. See [Validator.Level].
	Pending bool `json:"-"`
}

// ClassName returns the name of class c.
func (v *Validator) ClassName(c ClassID) string { return v.str(v.classes[c].name) }

func (v *Validator) frame(s SiteID) Frame {
	x := &v.sites[s]
	return Frame{Func: v.str(x.fn), File: v.str(x.file), Line: int(x.line)}
}

func (v *Validator) lockOf(h *heldRec) Lock {
	return Lock{Class: v.ClassName(h.class), Mode: waitWords[min(h.mode, WaitOther)], Try: h.try, At: v.frame(h.site), Inst: h.birth}
}

func (v *Validator) side(id ObsID, held int) Side {
	o := &v.obs[id]
	s := Side{Goroutine: o.goid, Init: o.flags&obsInit != 0}
	if held >= 0 && held < int(o.n) {
		s.Holds = v.lockOf(&v.held[o.held+uint32(held)])
	}
	s.Wants = v.lockOf(&o.lock)
	for i := uint32(0); i < uint32(o.n); i++ {
		s.Held = append(s.Held, v.lockOf(&v.held[o.held+i]))
	}
	if o.stack != 0 {
		k := v.stacks[o.stack]
		for _, f := range v.frames[k.off : k.off+k.n] {
			s.Stack = append(s.Stack, v.frame(f))
		}
	}
	if o.origin != 0 {
		s.Origin = v.frame(o.origin)
	}
	if o.test != 0 {
		s.Test = v.str(v.tests[o.test])
	}
	if o.kind == obsEvent {
		s.Waits = &Wait{For: waitWords[min(o.wait, WaitOther)], Of: v.frame(o.event), Goroutine: o.waker}
	}
	if o.proc != 0 {
		s.Process = v.str(o.proc)
	}
	return s
}

// NumFindings returns the number of entries in the table of findings,
// suppressed ones included: ids 1 to n.
func (v *Validator) NumFindings() FindingID { return FindingID(v.nfindings) }

// Level returns the level of finding id as it stands, without the lock.
func (v *Validator) Level(id FindingID) Level { return v.findings[id].level }

// Finding returns finding id with its names; false: no such finding.
func (v *Validator) Finding(id FindingID) (Finding, bool) {
	v.lock()
	defer v.unlock()
	if id == 0 || uint32(id) > v.nfindings {
		return Finding{}, false
	}
	x := v.findings[id]
	f := Finding{Kind: x.kind, Level: x.level, Why: x.why, Pending: x.pending, Count: atomic.LoadUint32(&v.counts[id])}
	if x.n == 0 {
		s := v.side(x.obs, int(x.held))
		if w := x.writers[0]; w != 0 {
			ws := v.side(v.samples[w].obs, -1)
			s.Writer = &ws
		}
		f.Sides = []Side{s}
	}
	for i := 0; i < int(x.n); i++ {
		p := &v.samples[x.samples[i]]
		s := v.side(p.obs, int(p.from))
		if w := x.writers[i]; w != 0 {
			ws := v.side(v.samples[w].obs, -1)
			s.Writer = &ws
		}
		f.Sides = append(f.Sides, s)
	}
	if x.why&WhyGate != 0 && len(f.Sides) > 1 {
		for _, a := range f.Sides[0].Held {
			for _, b := range f.Sides[1].Held {
				if a.Class == b.Class && !(a.Mode == "R" && b.Mode == "R") {
					f.Gates = append(f.Gates, a.Class)
				}
			}
		}
	}
	f.ID = findingID(&f)
	return f, true
}

// findingID is a short name that depends on classes and kind alone, so that it
// is the same in every run and build.
func findingID(f *Finding) string {
	h := uint64(f.Kind) * 0x9e3779b97f4a7c15
	for i := range f.Sides {
		s := &f.Sides[i]
		h += hashString(hashString(7, s.Holds.Class), s.Wants.Class)
		if len(f.Sides) == 1 {
			h += hashString(11, s.Wants.At.Func)
		}
	}
	const hex = "0123456789abcdef"
	h ^= h >> 32
	var b [6]byte
	for i := range b {
		b[i] = hex[h>>(4*i)&15]
	}
	return string(b[:])
}

// An Edge is a dependency with its names, for those who print the graph.
type Edge struct {
	From, To  string
	Samples   int
	Back, Hot bool
	First     Side // one sample
}

// Edges calls f for each dependency until it returns false.
func (v *Validator) Edges(f func(Edge) bool) {
	v.lock()
	n := v.nedges
	v.unlock()
	for e := uint32(1); e <= n; e++ {
		v.lock()
		x := v.edges[e]
		out := Edge{From: v.ClassName(x.from), To: v.ClassName(x.to), Samples: int(x.n), Back: x.flags&edgeBack != 0, Hot: x.flags&edgeHot != 0}
		if x.samples != 0 {
			s := v.samples[x.samples]
			out.First = v.side(s.obs, int(s.from))
		}
		v.unlock()
		if !f(out) {
			return
		}
	}
}

// Classes returns the names of all classes, and which of them are weak.
func (v *Validator) Classes() (names []string, weak []bool) {
	v.lock()
	defer v.unlock()
	for c := uint32(1); c <= v.nclasses; c++ {
		names = append(names, v.ClassName(ClassID(c)))
		weak = append(weak, v.classes[c].flags&classWeak != 0)
	}
	return names, weak
}
