package engine

import "unsafe"

// A table is one of a validator's tables, before there is memory for it.
type table struct {
	at   unsafe.Pointer // *[]T
	n    uint32         // elements
	size uintptr        // of all of them
}

func tableOf[T any](at *[]T, n uint32) table {
	var z T
	return table{unsafe.Pointer(at), n, unsafe.Sizeof(z) * uintptr(n)}
}

// tables are all tables of v: each has memory when Init is done, or Init says
// that there is none. Elements hold no pointers, as the collector does not look.
func (v *Validator) tables() []table {
	lim := &v.lim
	return []table{
		tableOf(&v.chains, lim.Chains),
		tableOf(&v.seen, lim.Pairs),
		tableOf(&v.tags, 1<<tagBits),
		tableOf(&v.past, 1<<pastBits),
		tableOf(&v.births, max(lim.Births/birthWays, 1)),
		tableOf(&v.classes, lim.Classes),
		tableOf(&v.pcs, lim.Sites),
		tableOf(&v.sites, lim.Sites),
		tableOf(&v.siteIdx, lim.Sites*2),
		tableOf(&v.text, lim.Text),
		tableOf(&v.textIdx, lim.Sites*2),
		tableOf(&v.stacks, lim.Stacks),
		tableOf(&v.stackIdx, pow2(lim.Stacks*2)),
		tableOf(&v.frames, lim.Frames),
		tableOf(&v.tests, lim.Tests),
		tableOf(&v.obs, lim.Observations),
		tableOf(&v.held, lim.HeldRecords),
		tableOf(&v.edges, lim.Edges),
		tableOf(&v.edgeIdx, pow2(lim.Edges*2)),
		tableOf(&v.samples, lim.Samples),
		tableOf(&v.pairIdx, lim.Pairs),
		tableOf(&v.pairRank, lim.Pairs),
		tableOf(&v.pairQueue, lim.Pairs),
		tableOf(&v.findings, lim.Findings),
		tableOf(&v.counts, lim.Findings),
		tableOf(&v.orphanTab, maxOrphans),
		tableOf(&v.waits, min(maxWaits, lim.Tasks+1)),
		tableOf(&v.refutedTab, 1<<12),
		tableOf(&v.closeTab, 1<<closeBits),
		tableOf(&v.doners, 1<<donerBits),
		tableOf(&v.lastWriters, 1<<writerBits),
		tableOf(&v.awaitedTab, 1<<awaitedBits),
		tableOf(&v.toldTab, 1<<awaitedBits),
		tableOf(&v.stats, lim.Classes*2),
		tableOf(&v.mark, lim.Classes),
		tableOf(&v.mark2, lim.Classes),
		tableOf(&v.stk, lim.Classes),
		tableOf(&v.stk2, lim.Classes),
		tableOf(&v.stk3, lim.Classes),
	}
}

// allocate gives t its memory; false: there is none. Words of 64 bits are used
// atomically in it, so memory that is not aligned for them is no memory.
func (v *Validator) allocate(t *table) bool {
	p := v.alloc(t.size)
	if p == nil || uintptr(p)&7 != 0 {
		return false
	}
	s := (*struct {
		p        unsafe.Pointer
		len, cap int
	})(t.at)
	s.p, s.len, s.cap = p, int(t.n), int(t.n)
	return true
}

// noMemory says, once, that there was no memory for n more of something that is
// allocated when it is first needed: that is left out. It returns false. Locked.
func (v *Validator) noMemory(n uint32) bool {
	v.full(tabMemory, n)
	v.flush()
	return false
}

// heapAlloc is the allocator of a validator outside a live program.
func heapAlloc(size uintptr) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
}
