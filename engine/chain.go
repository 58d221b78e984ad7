package engine

import (
	"sync/atomic"
	"unsafe"
)

// A chain is an entry of the chain cache: a sequence of classes and modes that
// was learned. meta 0: nothing to do when it is met again.
type chain struct {
	key  uint64
	meta uint64
}

// meta: the low 32 bits are the goroutine that made the chain first, until a
// second one made it too; then flags; then the finding that the chain closes.
const (
	metaHot  uint64 = 1 << 32 // part of a cycle of classes: instances are recorded
	metaSame uint64 = 1 << 33 // has two locks of one class: instances are checked
	metaTop         = 40      // shift of the finding that is counted
)

const chainProbes = 16

// chainAt returns the first place of a key: below the table's length by the mask.
func (v *Validator) chainAt(key uint64) *chain {
	return (*chain)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.chains)), key&v.chainMask*uint64(unsafe.Sizeof(chain{}))))
}

func (v *Validator) chainFind(key uint64) *chain {
	i := key & v.chainMask
	for n := 0; n < chainProbes; n++ {
		e := &v.chains[i]
		k := atomic.LoadUint64(&e.key)
		if k == key {
			return e
		}
		if k == 0 {
			return nil
		}
		i = (i + 1) & v.chainMask
	}
	return nil
}

// chainSettled reports whether meeting this chain again teaches nothing.
func (v *Validator) chainSettled(t *Task, m *Map, key uint64) bool {
	e := v.chainFind(key)
	if e == nil {
		return v.fullMask&(1<<tabChains) != 0
	}
	meta := atomic.LoadUint64(&e.meta)
	if f := meta >> metaTop; f != 0 {
		atomic.AddUint32(&v.counts[f], 1)
	}
	if g := uint32(meta); g != 0 && g != uint32(t.goid) {
		return false
	}
	if meta&(metaHot|metaSame) == 0 || m == nil {
		return true
	}
	return v.wasSeen(v.digest(t, m, key, meta))
}

// digest identifies the instances that matter in a chain: all of them, with
// the goroutine, in a hot chain; those of the new lock's class in the other.
func (v *Validator) digest(t *Task, m *Map, key, meta uint64) uint64 {
	h := key
	c := v.classOf(t, m)
	if meta&metaHot != 0 {
		h ^= t.goid * 0x9e3779b97f4a7c15
	}
	if x := t.behind(); x != nil {
		h ^= x.closer * 0xd6e8feb86659fd93
	}
	near := 0
	for i := t.depth; i > 0; i-- {
		e := t.at(i - 1)
		if e.inst == uintptr(unsafe.Pointer(m)) && e.mode() == Read && v.classFlags(c)&classAwaits != 0 {
			// Whether a writer can come between these two depends on the goroutine,
			// and on what it has made.
			h ^= (t.goid<<8 ^ t.step()) * 0x9e3779b97f4a7c15
		}
		if meta&metaHot == 0 {
			if e.class() != c {
				continue
			}
			if near++; near > maxNear {
				break
			}
		}
		h = mixLock(h, v.birthOf(e.inst, e.serial()))
		h ^= uint64(e.inst) * 0xff51afd7ed558ccd
		h ^= h >> 31
	}
	h ^= v.birthOf(uintptr(unsafe.Pointer(m)), m.serial()) * 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	if h == 0 {
		h = 1
	}
	return h
}

// maxNear is how many held locks of the new lock's own class are paired with
// it; those below are connected through them.
const maxNear = 16

// The digests that were seen are in two generations, the halves of seen. A digest
// enters the young one. When that is half full, the old one is wiped and becomes
// the young one. Who finds a digest in the old one enters it again, so what is
// in use stays, and what is over goes. A digest that is lost is learned again.

// wasSeen reports whether digest h was seen.
func (v *Validator) wasSeen(h uint64) bool {
	young := atomic.LoadUint32(&v.young)
	if v.inSeen(young, h) != nil {
		return true
	}
	if v.inSeen(1-young, h) == nil {
		return false
	}
	v.lock()
	v.see(h)
	v.unlock()
	return true
}

// seenHalf returns a generation.
func (v *Validator) seenHalf(g uint32) []uint64 {
	n := uint32(len(v.seen)) / 2
	return v.seen[g*n : g*n+n]
}

func (v *Validator) inSeen(g uint32, h uint64) *uint64 {
	half := v.seenHalf(g)
	mask := uint64(len(half) - 1)
	i := h & mask
	for n := 0; n < chainProbes; n++ {
		switch atomic.LoadUint64(&half[i]) {
		case h:
			return &half[i]
		case 0:
			return nil
		}
		i = (i + 1) & mask
	}
	return nil
}

// see notes a digest. Locked.
func (v *Validator) see(h uint64) {
	if v.inSeen(v.young, h) != nil {
		return
	}
	if v.nseen >= uint32(len(v.seen))/4 {
		v.nseen = 0
		old := v.seenHalf(1 - v.young)
		for i := range old {
			atomic.StoreUint64(&old[i], 0)
		}
		atomic.StoreUint32(&v.young, 1-v.young)
	}
	half := v.seenHalf(v.young)
	mask := uint64(len(half) - 1)
	for i, n := h&mask, 0; n < chainProbes; i, n = (i+1)&mask, n+1 {
		if half[i] == 0 {
			atomic.StoreUint64(&half[i], h)
			v.nseen++
			return
		}
	}
	atomic.StoreUint64(&half[h&mask], h)
}

// chainInsert enters a chain or returns the one that is there; nil: no room. Locked.
func (v *Validator) chainInsert(key, meta uint64) *chain {
	if e := v.chainFind(key); e != nil {
		return e
	}
	i := key & v.chainMask
	for n := 0; n < chainProbes; n++ {
		e := &v.chains[i]
		if e.key == 0 {
			atomic.StoreUint64(&e.meta, meta)
			atomic.StoreUint64(&e.key, key)
			v.nchains++
			return e
		}
		i = (i + 1) & v.chainMask
	}
	v.full(tabChains, v.lim.Chains)
	return nil
}

// setMeta changes bits of a chain's meta word. Where it sets some, whoever made
// the chain before has to look at it again.
func (v *Validator) setMeta(e *chain, clear, set uint64) {
	for {
		o := atomic.LoadUint64(&e.meta)
		if atomic.CompareAndSwapUint64(&e.meta, o, o&^clear|set) {
			break
		}
	}
	if set != 0 {
		atomic.AddUint32(&v.epoch, 1)
	}
}
