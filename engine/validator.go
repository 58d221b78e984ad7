package engine

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Host is what a validator needs from the place where it lives. Every field
// may be nil.
type Host struct {
	// Alloc returns zeroed memory that is never freed, at a multiple of 8, nil
	// when there is none. Without it the Go heap serves.
	Alloc func(size uintptr) unsafe.Pointer
	// Task returns the running goroutine's task, made if need be; nil where the
	// goroutine is not followed.
	Task func() *Task
	// Goroutine returns the number of the running goroutine and the program
	// counter of the go statement that made it.
	Goroutine func() (id uint64, origin uintptr)
	// Maker returns what [Task.AsMaker] gave for the goroutine that made the
	// running one, when it did; 0: nothing is known of it.
	Maker func() uint64
	// Name returns the class of the lock taken at a frame of the program. kind
	// is 'L' for a lock, 'O' for a Once, 'C' for Cond.Wait.
	Name func(fn, file string, line int, kind byte) Naming
	// NameCall names the call that returns to pc, where Name says that the line
	// has several.
	NameCall func(fn, file string, line int, kind byte, pc uintptr) Naming
	// Names says that Name knows the names of declared locks: a lock with a weak
	// class may get a better one later.
	Names bool
	// Collections returns the number of garbage collections that ended. Without it
	// no memory is used again.
	Collections func() uint32
	// Full is told of each table that is full, once, with the validator locked.
	Full func(f FullTable)
	// Word returns the word at an address; false: there is no object any more.
	Word func(addr uintptr) (uint32, bool)
	// Init reports whether the program still runs its package initialisation.
	Init func() bool
	// Journal receives whole records, in order, with the validator locked. It
	// keeps them: Flush is called soon after, by the goroutine that learned them,
	// with the validator unlocked.
	Journal func(records []byte)
	Flush   func()
	// Lock and Unlock are a lock, by a word, for every context in which the host
	// calls the validator. Without them goroutines spin and yield.
	Lock, Unlock func(word *uint32)
	// MayWait reports whether the running goroutine may let others run now. Without
	// it every one may.
	MayWait func() bool
	// Stack stores the return addresses of a goroutine that sleeps, innermost
	// first, and returns their number.
	Stack func(g unsafe.Pointer, pcs []uintptr) int
	// Record, if not nil, is told of every acquisition, when it is over, and of
	// every release, before it: kind 'L' and 'R' for writing and reading, 'T' and
	// 'V' by a try, 'U' and 'Q'. 'N': the lock is about to be taken for the first
	// time, so it is none that had its address and serial before. Every acquisition
	// then takes the slow path.
	Record func(inst uintptr, serial uint32, class ClassID, pc uintptr, kind byte)
	// Steer is a cycle to steer towards.
	Steer *Steer
	// Found is called for each finding that is new or whose level rose, on the
	// task that made it, with the validator unlocked.
	Found func(f FindingID)
	// Look reads the lock whose map is at inst, as it stands in memory. Without it,
	// a lock is believed to be held as long as it is on a held stack.
	Look func(inst uintptr) LockState
	// Hang is called when goroutines were found that wait for each other, or one
	// that waits for itself, on the task that is about to sleep for it, with the
	// validator unlocked.
	Hang func()
	// Now returns a time in nanoseconds that never goes back. Without it no lock
	// is timed.
	Now func() int64
}

// A Naming is what the source says of a lock site.
type Naming struct {
	Class      string // "" where the source does not say
	Array      bool   // one element of many
	NoValidate bool
	Wrapper    bool // inside a wrapper's own Lock method: the caller names the class
	Several    bool // the line takes several locks, and does not say which one is meant
}

// A Validator holds everything that was learned: classes, dependencies,
// findings. Its methods may be called from any goroutine.
//
// Invariants:
//
//  1. All tables are written with the validator locked; chains, seen, pcs and
//     class flags are also read without it, and become visible by one atomic
//     store of their key.
//  2. Every dependency that is not a back edge agrees with the order of the
//     classes (class.ord): from before to.
//  3. Every finding has samples for each of its dependencies.
type Validator struct {
	// What every acquisition reads has a cache line of its own, or two.
	chainMask  uint64
	orphanBits uint64 // atomic: at a multiple of 8, also where words have 32 bits
	chains     []chain
	tags       []tag
	seen       []uint64
	epoch      uint32 // counts changes of chains and releases by other goroutines
	noSlow     uint32 // 0: what follows epoch, as slow does in a Task; see [Validator.calm]
	named      uint32 // the last class that there is, in its place in a Map
	orphans    uint32
	fullMask   uint32
	heap       bool
	_          [64]byte

	word uint32 // the lock

	births    []birthSet // see birth.go
	birthMask uint64     // the number of sets, a power of two, less one
	born      atomic.Uint64

	host  Host
	lim   Limits
	alloc func(uintptr) unsafe.Pointer

	classes  []class
	nclasses uint32
	pcs      []pcRec
	sites    []site
	nsites   uint32
	siteIdx  []uint32
	text     []byte
	ntext    uint32
	textIdx  []uint32
	stacks   []stack
	nstacks  uint32
	stackIdx []uint32
	frames   []SiteID
	nframes  uint32
	tests    []uint32
	ntests   uint32

	obs      []observation
	nobs     uint32
	held     []heldRec
	nheld    uint32
	edges    []edge
	nedges   uint32
	edgeIdx  []uint32
	nback    uint32
	samples  []sample
	nsamples uint32

	freeObs    ObsID // see pairs.go
	freeSample SampleID
	freeHeld   [maxBlock + 1]uint32
	lazily     bool
	past       []uint64
	fulls      []FullTable
	lately     [64]struct { // see captured
		hash  uint64
		stack StackID
	}
	pairIdx []uint32

	pairRank  []uint32 // see instances.go
	pairGen   uint32
	pairQueue []uint32
	credit    uint32 // steps that the search may take
	ran       bool   // out of them
	pairSteps uint64 // that all of them took
	pairs     uint64 // of instances, that were learned

	lastWriters [][4]lastWriter // see writer.go
	awaitedTab  []awaitedLock
	toldTab     []uint64

	findings  []finding
	counts    []uint32 // per finding: how often its chain was met; atomic, without the lock
	nfindings uint32
	queue     [64]FindingID
	nqueue    uint32

	slabs        []unsafe.Pointer
	ntasks       uint32
	handedTab    []handed // see handover.go; made when it is needed
	handedIdx    []uint32
	nhanded      uint32 // notes there are; written locked
	unserved     uint32 // of those
	usedHanded   uint32
	freeHanded   uint32
	oldestHanded uint32
	newestHanded uint32
	hand         uint32 // the task that was looked at last
	turns        uint64 // tasks that were looked at
	releasedTab  []released
	nreleased    uint32
	freeReleased uint32
	orphanTab    []orphan
	waits        []wait
	refutedTab   []uint64 // see event.go
	closeTab     []closeRec
	closers      uint64 // bits of the origins of goroutines that are closers of an observation
	doners       []doner
	doneGen      uint32
	nwaits       uint32 // used so far
	freeWait     uint32
	waitList     uint32
	waitCount    [waitBuckets]uint32 // waits by instance

	standers   [maxStanders]stander // see steer.go
	stood      [maxCycle]uint32
	steerTimes uint32
	steerRand  uint64
	met        uint32

	stats []lockStat // two a class: see lockstat.go
	timed bool
	spare []taskTimes

	learner *Task // whose acquisition is judged, nil: none

	mark  []uint32 // per class: generation of the last search that saw it
	mark2 []uint32
	gen   uint32
	stk   []ClassID
	stk2  []ClassID
	stk3  []ClassID
	path  [maxCycle]SampleID
	best  finding
	least Level // that a cycle of instances must have to be news
	steps uint32

	nchains  uint32
	nseen    uint32 // in the young generation of seen
	young    uint32
	learned  uint64
	searches uint64
	cut      uint64 // searches that were cut at their limit
	hung     uint32 // see hang.go

	out       []byte // journal records being built
	unwritten bool   // the host has records that are to be written
	jcls      uint32 // classes journaled so far, and so on
	jsit      uint32
	jstk      uint32
	jtst      uint32
}

// New returns a validator with the given table sizes. It returns nil where the
// host has no memory for it.
func New(lim Limits, host Host) *Validator {
	v := new(Validator)
	if !v.Init(lim, host) {
		return nil
	}
	return v
}

// Init prepares a zero Validator in place; false: no memory.
func (v *Validator) Init(lim Limits, host Host) bool {
	v.lim, v.host = lim, host
	v.alloc = host.Alloc
	if v.alloc == nil {
		v.alloc, v.heap = heapAlloc, true
	}
	for _, t := range v.tables() {
		if !v.allocate(&t) {
			v.host = Host{}
			return false
		}
	}
	// slabs holds Go pointers where the heap serves, so the collector must see it.
	v.slabs = make([]unsafe.Pointer, lim.Tasks/slabTasks+1)
	v.chainMask = uint64(lim.Chains - 1)
	v.birthMask = uint64(len(v.births) - 1)
	v.ntext = 1
	return true
}

func pow2(n uint32) uint32 {
	p := uint32(1)
	for p < n {
		p <<= 1
	}
	return p
}

// lock takes the validator's own lock: a spin lock, because the validator stands
// below package sync. It is taken only when something is learned, never on the
// hit path. Nothing that is called with it locked waits, yields or calls a hook.
//
// A goroutine of a live program may be pinned to its thread, where to yield is
// fatal; and a holder that loses its thread would keep those from going on who
// may not yield. Only the host can see to that.
func (v *Validator) lock() {
	if v.host.Lock != nil {
		v.host.Lock(&v.word)
		return
	}
	for i := 0; !atomic.CompareAndSwapUint32(&v.word, 0, 1); i++ {
		if i >= 32 {
			runtime.Gosched()
		}
	}
}

// unlock also has written what was journaled: outside of the lock, so that a slow
// disk keeps nobody else.
func (v *Validator) unlock() {
	write := v.unwritten
	v.unwritten = false
	if v.host.Unlock != nil {
		v.host.Unlock(&v.word)
	} else {
		atomic.StoreUint32(&v.word, 0)
	}
	if write {
		v.host.Flush()
	}
}

// Stats are a validator's counters.
type Stats struct {
	Classes, Dependencies, Chains, Observations, Samples, Sites, Stacks, Tests, Findings, Tasks int
	BackEdges                                                                                   int // dependencies against the learned order
	Searches, Cut                                                                               uint64
	InstancePairs                                                                               int
}

// Stats returns the counters.
func (v *Validator) Stats() Stats {
	v.lock()
	s := Stats{
		Classes: int(v.nclasses), Dependencies: int(v.nedges), Chains: int(v.nchains),
		Observations: int(v.nobs), Samples: int(v.nsamples), Sites: int(v.nsites),
		Stacks: int(v.nstacks), Tests: int(v.ntests), Findings: int(v.nfindings),
		Tasks: int(v.ntasks), BackEdges: int(v.nback), Searches: v.searches, Cut: v.cut,
		InstancePairs: int(v.nseen),
	}
	v.unlock()
	return s
}
