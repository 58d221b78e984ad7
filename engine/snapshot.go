package engine

import "sync/atomic"

// This file is what a live program is asked: what is held now, and who waits for
// whom. It looks at tasks that run meanwhile, with their stacks unlocked, as the
// hot path would have to pay for anything else. So of a task that sleeps the
// answer is exact, and of one that runs it is of a moment ago: a stack is read
// until it reads the same twice, a few times at most.

// A Holder is a goroutine that holds locks or waits for one.
type Holder struct {
	Task      *Task // nil: the goroutine ended and left the lock behind
	Goroutine uint64
	Test      string
	Origin    Frame  // the go statement that made it
	Held      []Lock // outermost first
	Wants     *Lock  // the lock that it waits for, nil: none
	WaitsFor  []Blocker
}

// A Blocker is a goroutine that keeps another one waiting.
type Blocker struct {
	Goroutine uint64
	At        Frame // where it took the lock, or queued for it as a writer
	Queued    bool  // it waits itself, as a writer that readers queue behind
}

// maxBlockers is the number of goroutines that are named for one wait.
const maxBlockers = 16

// A standing is a held stack as it was read.
type standing struct {
	t    *Task
	held []Held
}

// Holders returns the goroutines that hold locks or wait for one, those that
// ended with locks held after them.
func (v *Validator) Holders() []Holder {
	var all []standing
	at := map[uintptr][]int{} // by instance: who holds it or waits for it
	v.lock()
	n := v.ntasks
	v.unlock()
	for id := uint32(1); id <= n; id++ {
		v.lock()
		t := v.task(id)
		v.unlock()
		if t == nil || atomic.LoadUint32(&t.depth) == 0 {
			continue
		}
		if held := v.standing(t); len(held) > 0 {
			for i := range held {
				if k := at[held[i].inst]; len(k) == 0 || k[len(k)-1] != len(all) {
					at[held[i].inst] = append(k, len(all))
				}
			}
			all = append(all, standing{t, held})
		}
	}
	var out []Holder
	for i := range all {
		v.lock()
		out = append(out, v.holder(all, i, at))
		v.unlock()
	}
	v.lock()
	for i := range v.orphanTab {
		if p := &v.orphanTab[i]; p.used {
			h := Holder{Goroutine: p.goid, Origin: v.frame(p.origin), Held: []Lock{v.lockOf(&p.rec)}}
			if p.test != 0 {
				h.Test = v.str(v.tests[p.test])
			}
			out = append(out, h)
		}
	}
	v.unlock()
	return out
}

// standing reads t's held stack, without what other goroutines released.
func (v *Validator) standing(t *Task) []Held {
	var last []Held
	for try := 0; try < 4; try++ {
		var now []Held
		for i := uint32(0); ; i++ {
			h, ok := t.peek(i)
			if !ok {
				break
			}
			now = append(now, h)
		}
		same := try > 0 && len(now) == len(last)
		for i := 0; same && i < len(now); i++ {
			same = now[i] == last[i]
		}
		if last = now; same {
			break
		}
	}
	n := 0
	for i := range last {
		if !v.gone(t, &last[i]) {
			last[n] = last[i]
			n++
		}
	}
	return last[:n]
}

// holder gives a held stack its names. Locked.
func (v *Validator) holder(all []standing, i int, at map[uintptr][]int) Holder {
	s := &all[i]
	h := Holder{Task: s.t, Goroutine: s.t.goid, Origin: v.frame(v.siteAt(s.t.origin))}
	if x := s.t.test; x != 0 {
		h.Test = v.str(v.tests[x])
	}
	for j := range s.held {
		r := v.recOf(&s.held[j])
		l := v.lockOf(&r)
		if j < len(s.held)-1 || s.held[j].flags()&heldGot != 0 {
			h.Held = append(h.Held, l)
			continue
		}
		h.Wants = &l
		for _, k := range at[s.held[j].inst] {
			if k == i || len(h.WaitsFor) == maxBlockers {
				continue
			}
			if b := keeps(all[k].held, &s.held[j]); b != nil {
				h.WaitsFor = append(h.WaitsFor, Blocker{
					Goroutine: all[k].t.goid, At: v.frame(v.siteAt(b.pc)), Queued: b.flags()&heldGot == 0,
				})
			}
		}
	}
	return h
}

// keeps returns the entry of held that keeps out who waits for x, by the rules
// of [Validator.blocks]; nil: there is none. Of one lock one writer is queued
// at a time.
func keeps(held []Held, x *Held) *Held {
	for i := range held {
		h := &held[i]
		if h.inst != x.inst {
			continue
		}
		got := h.flags()&heldGot != 0
		if !got && h.flags()&heldQueued != 0 || got && (h.mode() == Write || x.flags()&heldQueued != 0) {
			return h
		}
	}
	return nil
}

// A ClassInfo is a class with its place in the graph.
type ClassInfo struct {
	ID                ClassID
	Name              string
	Flags             []string // words: "array", "writer", "handed over", ...
	Forward, Backward int      // classes that can be reached, and that reach it, itself included
	Before            []ClassID
}

var classWords = [...]struct {
	flag uint32
	word string
}{
	{classWeak, "weak"},
	{classArray, "array"},
	{classOnce, "once"},
	{classWriter, "writer"},
	{classHandoff, "handed over"},
	{classSemaphore, "semaphore"},
	{classOverwritten, "overwritten"},
	{classNoValidate, "not validated"},
}

// Class returns class c with the classes that were taken while it was held;
// false: there is none, and none of a higher number.
func (v *Validator) Class(c ClassID) (ClassInfo, bool) {
	v.lock()
	defer v.unlock()
	if c == 0 || uint32(c) > v.nclasses {
		return ClassInfo{}, false
	}
	k := &v.classes[c]
	i := ClassInfo{ID: c, Name: v.ClassName(c)}
	for _, w := range classWords {
		if k.flags&w.flag != 0 {
			i.Flags = append(i.Flags, w.word)
		}
	}
	v.gen++
	i.Forward = v.reach(c, false, v.mark)
	i.Backward = v.reach(c, true, v.mark2)
	for e := k.out; e != 0; e = v.edges[e].nextOut {
		i.Before = append(i.Before, v.edges[e].to)
	}
	for a, b := 0, len(i.Before)-1; a < b; a, b = a+1, b-1 { // the newest is first
		i.Before[a], i.Before[b] = i.Before[b], i.Before[a]
	}
	return i, true
}

// A ChainLock is a lock of a chain.
type ChainLock struct {
	ID    ClassID
	Class string
	Mode  string
}

// Chains returns the chains that were learned in this process, outermost lock
// first, in the order in which they were met.
func (v *Validator) Chains() [][]ChainLock {
	var out [][]ChainLock
	known := map[uint64]bool{}
	for id := uint32(1); ; id++ {
		v.lock()
		if id > v.nobs {
			v.unlock()
			return out
		}
		if o := &v.obs[id]; o.kind == obsLock && o.key != 0 && !known[o.key] {
			known[o.key] = true
			c := make([]ChainLock, 0, o.n+1)
			for i := uint32(0); i < uint32(o.n); i++ {
				c = append(c, v.chainLock(&v.held[o.held+i]))
			}
			out = append(out, append(c, v.chainLock(&o.lock)))
		}
		v.unlock()
	}
}

func (v *Validator) chainLock(h *heldRec) ChainLock {
	return ChainLock{ID: h.class, Class: v.ClassName(h.class), Mode: waitWords[min(h.mode, WaitOther)]}
}

// Tables returns the limits of the validator's tables.
func (v *Validator) Tables() Limits { return v.lim }
