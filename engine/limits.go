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

// lost says for each table what is not judged once it is full.
var lost = [numTables]string{
	tabClasses:      "locks of further classes are not judged",
	tabSites:        "locks that are taken at further places are not judged",
	tabChains:       "further orders of locks are not judged",
	tabEdges:        "further orders of locks are not judged",
	tabSamples:      "what is learned from then on is no evidence for a finding",
	tabObservations: "what is learned from then on is not judged",
	tabHeld:         "what is learned from then on is not judged",
	tabStacks:       "what is learned from then on has no stack trace",
	tabFrames:       "what is learned from then on has no stack trace",
	tabPairs:        "an inversion with older pairs of these locks that are still in use may be missed",
	tabTests:        "further tests have no name in reports",
	tabFindings:     "further findings are not reported",
	tabTasks:        "further goroutines are not followed",
	tabText:         "locks with further names are not judged",
	tabDepth:        "a goroutine that holds more is not followed until it ends",
	tabWaits:        "further goroutines that wait for each other may be missed",
	tabEvents:       "waits for events with locks held are not judged any more",
	tabMemory:       "what it was wanted for is not judged",
}

// A FullTable is a table that overflowed.
type FullTable struct {
	Table Table
	Limit uint64 // 0: not known
	Class string // the class that has no more room in it, "": all of them
}

// String returns a sentence without its full stop: what was full, and what is not judged for it.
func (f FullTable) String() string {
	b := append([]byte("the table of "), f.Table.String()...)
	b = append(b, " was full"...)
	sep := " ("
	if f.Class != "" {
		b = append(append(b, " (class "...), f.Class...)
		sep = ", "
	}
	if f.Limit != 0 {
		b = appendInt(append(append(b, sep...), "limit "...), f.Limit)
		sep = ", "
	}
	if sep == ", " {
		b = append(b, ')')
	}
	if f.Table < numTables && lost[f.Table] != "" {
		b = append(append(b, ": "...), lost[f.Table]...)
	}
	return string(b)
}

// maxFull is how many full tables are said: a class with no more room is one.
const maxFull = 64

// full notes that table t overflowed and says so once. Called with the lock held.
func (v *Validator) full(t Table, limit uint32) { v.fullOf(t, limit, 0) }

// fullOf is full where class c alone has no more room in t.
func (v *Validator) fullOf(t Table, limit uint32, c ClassID) {
	if c == 0 && v.fullMask&(1<<t) != 0 {
		return
	}
	f := FullTable{Table: t, Limit: uint64(limit)}
	if c != 0 {
		f.Class = v.ClassName(c)
	}
	if !v.noteFull(f) {
		return
	}
	v.journalLimit(f)
	if v.host.Full != nil {
		v.host.Full(f)
	}
}

// noteFull enters f; false: it is there, or there are too many. Locked.
func (v *Validator) noteFull(f FullTable) bool {
	if f.Table == tabNone || f.Table >= numTables {
		return false
	}
	v.fullMask |= 1 << f.Table
	for i := range v.fulls {
		if g := &v.fulls[i]; g.Table == f.Table && g.Class == f.Class {
			g.Limit = max(g.Limit, f.Limit)
			return false
		}
	}
	if len(v.fulls) >= maxFull {
		return false
	}
	v.fulls = append(v.fulls, f)
	return true
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

// FullTables returns the tables that overflowed, in the order of their numbers and
// classes.
func (v *Validator) FullTables() []FullTable {
	v.lock()
	out := append([]FullTable(nil), v.fulls...)
	v.unlock()
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && (out[j].Table < out[j-1].Table || out[j].Table == out[j-1].Table && out[j].Class < out[j-1].Class); j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// NoteFull records that a table was full in another process whose observations
// this validator judges.
func (v *Validator) NoteFull(f FullTable) {
	v.lock()
	v.noteFull(f)
	v.unlock()
}
