package engine

// Limits are the sizes of a validator's tables, in entries. Memory is reserved
// for all of them and touched only as far as it is used.
type Limits struct {
	Classes      uint32 // at most 32767
	Sites        uint32 // power of two
	Chains       uint32 // power of two
	Edges        uint32
	Samples      uint32
	Observations uint32
	HeldRecords  uint32 // held locks over all observations
	Stacks       uint32
	Frames       uint32 // frames over all stacks
	Pairs        uint32 // power of two: ordered instance pairs of one class
	Tests        uint32
	Findings     uint32
	Tasks        uint32
	Births       uint32 // power of two: locks whose identity is known for good
	Text         uint32 // bytes of names
}

// DefaultLimits fits a large program: four times the kernel's class table.
func DefaultLimits() Limits {
	return Limits{
		Classes: 32767, Sites: 1 << 17, Chains: 1 << 18, Edges: 1 << 18,
		Samples: 1 << 19, Observations: 1 << 18, HeldRecords: 1 << 20,
		Stacks: 1 << 17, Frames: 1 << 21, Pairs: 1 << 17, Tests: 1 << 16,
		Findings: 1 << 12, Tasks: 1 << 20, Births: 1 << (16 + 5*(^uintptr(0)>>63)), Text: 1 << 25,
	}
}

// SmallLimits fits one scenario.
func SmallLimits() Limits {
	return Limits{
		Classes: 512, Sites: 1 << 10, Chains: 1 << 11, Edges: 1 << 12,
		Samples: 1 << 14, Observations: 1 << 12, HeldRecords: 1 << 14,
		Stacks: 1 << 10, Frames: 1 << 14, Pairs: 1 << 12, Tests: 256,
		Findings: 512, Tasks: 1 << 10, Births: 1 << 10, Text: 1 << 17,
	}
}

// A Table names a table that can be full.
type Table uint8

const (
	tabNone Table = iota
	tabClasses
	tabSites
	tabChains
	tabEdges
	tabSamples
	tabObservations
	tabHeld
	tabStacks
	tabFrames
	tabPairs
	tabTests
	tabFindings
	tabTasks
	tabText
	tabDepth
	tabWaits
	tabEvents
	tabMemory
	numTables
)

var tableNames = [numTables]string{
	"", "classes", "sites", "chains", "dependencies", "samples", "observations",
	"held records", "stacks", "frames", "instance pairs", "tests", "findings",
	"tasks", "text", "held locks of one goroutine", "waits", "events",
	"memory",
}

// String returns the table's name in words.
func (t Table) String() string {
	if t < numTables {
		return tableNames[t]
	}
	return ""
}

// full notes that table t overflowed and says so once. Called with the lock held.
func (v *Validator) full(t Table, limit uint32) {
	if v.fullMask&(1<<t) != 0 {
		return
	}
	v.fullMask |= 1 << t
	v.journalLimit(t, limit)
}

// fullOf is full where one class has no more room in t.
func (v *Validator) fullOf(t Table, limit uint32, c ClassID) {
	v.full(t, limit)
}

// Full returns the names of the tables that overflowed, in a fixed order.
func (v *Validator) Full() []string {
	v.lock()
	mask := v.fullMask
	v.unlock()
	var out []string
	for t := tabClasses; t < numTables; t++ {
		if mask&(1<<t) != 0 {
			out = append(out, t.String())
		}
	}
	return out
}

// NoteFull records that table t was full in another process whose
// observations this validator judges.
func (v *Validator) NoteFull(t Table) {
	v.lock()
	v.fullMask |= 1 << (t % numTables)
	v.unlock()
}
