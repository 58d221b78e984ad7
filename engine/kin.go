package engine

// This file knows the one order between goroutines that needs no further record:
// what a goroutine did before a go statement is over when the new one begins.

// A moment is a place in the life of a goroutine: how many others it had made.
//
//	task 21 | uses 16 | made 16
//
// The upper two parts name the goroutine within its process. 0: not known.
type moment uint64

// maxMade is where a goroutine's count of those that it made stands still. Then
// two moments are equal, and no order follows from them.
const maxMade = 1<<16 - 1

const depthBits = 11 // of AsMaker: maxHeld fits

func (t *Task) moment() moment {
	return moment(t.id)<<32 | moment(t.uses)<<16 | moment(t.made)
}

// A line is a moment of a goroutine, then the moment at which its maker made it,
// and so on upwards, as far as it is known.
type line [maxMakers]moment

// AsMaker counts a goroutine that t's makes now and returns what it has to know of
// t: the moment, of which it is the first that t's own acts do not precede, and how
// many locks t holds.
//
//	moment 53 | depth 11
//
// 0: t's goroutine took no lock so far. Then the new one has its maker's maker.
func (t *Task) AsMaker() uint64 {
	if t.goid == 0 {
		return 0
	}
	if t.made < maxMade {
		t.made++
	}
	return uint64(t.moment())<<depthBits | uint64(min(t.depth, maxHeld))
}

// madeAt returns the moment in an [Task.AsMaker], madeHolding the number of locks.
func madeAt(maker uint64) moment      { return moment(maker >> depthBits) }
func madeHolding(maker uint64) uint32 { return uint32(maker & (1<<depthBits - 1)) }

// makerTask returns the task of the goroutine that made t's; nil: it ended.
func (v *Validator) makerTask(t *Task) *Task {
	m := madeAt(t.maker)
	p := v.task(uint32(m >> 32))
	if t.maker == 0 || p == nil || p.uses != uint16(m>>16) || p.goid == 0 {
		return nil
	}
	return p
}

// lineOf returns t's line. Of a maker that ended its own maker is not known.
func (v *Validator) lineOf(t *Task) (l line) {
	l[0] = t.moment()
	for i := 1; i < len(l) && t != nil && t.maker != 0; i++ {
		l[i] = madeAt(t.maker)
		t = v.makerTask(t)
	}
	return l
}

// before reports whether a was over when b's goroutine was made, by a's goroutine
// or one that this had made by then.
//
// Proof. b's line has a moment of a's goroutine with a count that is higher than
// a's. A count rises by one with each go statement, before the new goroutine runs.
// So the go statement that b's goroutine, or one that it descends from, began with
// comes after a in the order of a's goroutine. ∎
func (v *Validator) before(a, b *observation) bool {
	x := a.line[0]
	if x == 0 || a.proc != b.proc {
		return false
	}
	for _, y := range b.line[1:] {
		if y != 0 && y>>16 == x>>16 && y > x {
			return true
		}
	}
	return false
}

// step is a count of goroutines that grows slower and slower: whoever looks again
// at each new step does so a hundred times at most.
func (t *Task) step() uint64 {
	if t.made < 64 {
		return uint64(t.made)
	}
	n := uint64(64)
	for x := t.made >> 6; x != 0; x >>= 1 {
		n++
	}
	return n
}
