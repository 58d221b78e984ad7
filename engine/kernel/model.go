package kernel

import "sync/atomic"

// ClassID is the index of a class, from 1; zero means none. The kernel counts from 0.
type ClassID uint16

// Index returns the kernel's number of the class, from 0.
func (c ClassID) Index() int { return int(c) - 1 }

// Site is what the caller wants to see again in a finding: where, and if it likes by whom and when. Opaque here.
type Site uint64

// WaitType says what a lock does to whoever waits for it; what may be taken inside must not wait harder.
type WaitType uint8

// The wait types, from enum lockdep_wait_type with PROVE_RAW_LOCK_NESTING.
const (
	WaitNone   WaitType = iota // not checked
	WaitFree                   // wait free: RCU
	WaitSpin                   // raw spin locks
	WaitConfig                 // spin locks, which sleep on PREEMPT_RT
	WaitSleep                  // mutexes
	WaitMax                    // anything: a task that holds nothing
)

// LockType is the kernel's enum lockdep_lock_type.
type LockType uint8

// The lock types.
const (
	TypeNormal   LockType = iota
	TypePerCPU            // local_lock: not looked at in searches for irq inversions
	TypeOverride          // an annotation that replaces the wait type around it
)

// Map is a lock as the validator sees it (struct lockdep_map). The caller owns it and its address is the identity of
// the lock. To set up a lock anew, assign a new value, which empties the cache.
type Map struct {
	Addr         uint64 // of the map in the traced kernel
	Key          uint64 // address of the key; 0: the lock itself is the key, which it must be static for
	NameAddr     uint64 // of the name; a class goes when its name does. 0: not known
	Name         string
	Inner, Outer WaitType // Outer 0: as Inner
	Type         LockType

	// The class of subclass 0 (or of the forced one) in the low half, that of subclass 1 in the high. An entry may be
	// stale: see cached. A map may be copied while another task fills this, so it is read and written atomically.
	cache  uint32
	forced uint8 // the subclass that InitSub gave the lock for good
}

// torn is an entry of the cache that is half a pointer: see TearMap.
const torn = ClassID(0xffff)

// TornPointer is what the kernel follows there: the upper half of the address of a class.
const TornPointer = 0xffffffff00000000

func (m *Map) entry(sub Mode) ClassID { return ClassID(atomic.LoadUint32(&m.cache) >> (16 * sub)) }

func (m *Map) fill(sub uint8, id ClassID) {
	for {
		old := atomic.LoadUint32(&m.cache)
		if atomic.CompareAndSwapUint32(&m.cache, old, old&^(0xffff<<(16*sub))|uint32(id)<<(16*sub)) {
			return
		}
	}
}

func (m *Map) empty() { atomic.StoreUint32(&m.cache, 0) }

// Mode is how a lock is taken: the subclass in the low byte, and these bits.
type Mode uint16

// The parts of a Mode. Exclusive is none of Shared and Recursive.
const (
	Try       Mode = 1 << 8 // cannot wait
	Shared    Mode = 1 << 9 // a reader that queues behind a waiting writer
	Recursive Mode = 2 << 9 // a reader that does not
	Check     Mode = 1 << 11
	IRQsOff   Mode = 1 << 12 // hardirqs are off at the CPU

	modeSub Mode = 255
)

// read returns 0 (exclusive), 1 (shared) or 2 (recursive).
func (m Mode) read() uint8 { return uint8(m>>9) & 3 }

// Context says where a task is at present.
type Context uint8

// The bits of a Context.
const (
	InHardirq Context = 1 << iota
	InSoftirq
	HardirqsOn
	SoftirqsOn
	Threaded // the hardirq would be a thread on PREEMPT_RT (hardirq_threaded or irq_config)
	InNMI
)

// irq is the kernel's irq_context: 2 for hardirq, 1 for softirq.
func (c Context) irq() uint8 { return irqOf[c&3] }

var irqOf = [4]uint8{0, 2, 1, 3}

// Task is what the validator knows about a task: its held stack and where it is. Make it with NewTask.
//
// Invariants:
//
//  1. held[:depth] is the stack, the oldest first.
//  2. chain is the key over the newest irq context of the stack, or initialKey for an empty one.
//  3. An entry's irq context is that of the moment of acquisition; it may change from one entry to the next.
type Task struct {
	ID      uint64
	Name    string
	Context Context // may be set by the caller at any time between operations

	depth   int
	chain   uint64
	off     int // depth of LockdepOff
	hardirq int // nesting, as kept by the functions of irq.go
	softirq int
	bh      int
	held    []held
}

// Depth returns the number of locks the task holds.
func (t *Task) Depth() int { return t.depth }

// held is an entry of the held stack (struct held_lock).
type held struct {
	prev       uint64 // chain key below this entry
	lock       *Map
	nest       *Map
	site       Site
	class      ClassID
	mode       Mode
	references uint16
	irq        uint8
	// wait is the harshest inner wait type of the irq context up to this entry, 0 if none was checked. If fixed, an
	// override set it and the context does not matter; else the lower of it and the context's counts.
	wait  WaitType
	fixed bool
	sync  bool
	pins  uint32
}

// id is the kernel's hlock_id: class index and read mode in 16 bits.
func (h *held) id() uint16 { return uint16(h.class-1) | uint16(h.mode.read())<<13 }

const (
	maxSubclasses = 8
	maxClasses    = 1 << 13 // what fits an id
	initialKey    = ^uint64(0)
)

// chainKey folds id into key: iterate_chain_key, which is one round of Jenkins' lookup3 mix. The kernel's numbers are
// kept so that its logged keys can be compared.
func chainKey(key uint64, id uint16) uint64 {
	a, b, c := uint32(id), uint32(key), uint32(key>>32)
	a -= c
	a ^= c<<4 | c>>28
	c += b
	b -= a
	b ^= a<<6 | a>>26
	a += c
	c -= b
	c ^= b<<8 | b>>24
	b += a
	a -= c
	a ^= c<<16 | c>>16
	c += b
	b -= a
	b ^= a<<19 | a>>13
	a += c
	c -= b
	c ^= b<<4 | b>>28
	b += a
	return uint64(b) | uint64(c)<<32
}

// class is a lock class (struct lock_class).
type class struct {
	key          uint64 // of subclass 0; 0: the slot is free
	sub          uint8
	inner, outer WaitType
	typ          LockType
	usage        Usage
	version      uint32
	name         string
	nameAddr     uint64
	cmp          func(held, wanted *Map) int
	after        list // edges to classes taken inside
	before       list // edges from classes taken outside
	seen         [2]uint32
	sites        [usageBits]Site
}

// list is a list of edges in the order of insertion, which decides between paths of one length.
type list struct{ first, last int32 }

// edge is a dependency. Slot 0 is not used. The kernel keeps it twice, with the kinds swapped in the copy of the
// backward list; here one record serves both lists.
type edge struct {
	from, to   ClassID
	kinds      Kinds
	distance   uint16
	nextAfter  int32 // in from's list
	nextBefore int32 // in to's list
	site       Site  // where to was taken
	fromSite   Site  // where from had been
}

// Kinds is a set of kinds of a dependency: how the lock outside was held and how the one inside was wanted.
type Kinds uint8

// The kinds: S or E, shared or exclusive holder; R or N, recursive reader wanted or anything else.
const (
	KindSR Kinds = 1 << iota
	KindER
	KindSN
	KindEN
)

func (v *Validator) kindOf(p, n *held) Kinds {
	if v.set.OldReaders {
		return KindEN
	}
	k := uint(0)
	if p.mode.read() == 0 {
		k = 1
	}
	if n.mode.read() != 2 {
		k |= 2
	}
	return 1 << k
}

// backward returns the kinds as seen from the far end: holder and wanted change places, N plays the part of E.
func (k Kinds) backward() Kinds {
	return k&(KindSR|KindEN) | k&KindER<<1 | k&KindSN>>1
}

// chain is a sequence that was validated: ids pool[base:base+depth].
type chain struct {
	key   uint64
	base  uint32
	depth uint8
	irq   uint8
	live  bool
}

type chainSlot struct {
	key uint64
	at  uint32 // index into chains plus 1; 0: empty
}

// Settings of a Validator. The zero value is a kernel with PROVE_LOCKING and PROVE_RAW_LOCK_NESTING and the default
// tables that stops after its first report, with a complete search.
type Settings struct {
	// Exact searches as the kernel does, which marks a class visited before it tests the strength of the path and so
	// misses some deadlocks with recursive readers.
	Exact bool
	// KeepGoing goes on after a finding as if the operation had been legal. The offending dependency is not entered.
	// A finding of the same kind between the same classes comes once.
	KeepGoing bool
	// OldReaders judges readers as kernels before 5.10 do: recursive ones make no dependency, and on the way of a cycle
	// all others count as writers.
	OldReaders bool
	// Small leaves redundant dependencies out, as LOCKDEP_SMALL does.
	Small bool
	// NoProving is prove_locking=0: held stacks are kept, nothing is judged.
	NoProving bool

	// Addresses of the keys of locks that are not checked, and of those that are not tracked at all. 0: none.
	NoValidate, NoTrack uint64
	// Static says whether an address is static, so that a lock there can be its own key and a key there needs no
	// registration. nil: all are.
	Static func(addr uint64) bool

	// Sizes of the tables; 0 is the kernel's default.
	Classes      int // MAX_LOCKDEP_KEYS, 8192 at most
	Entries      int // MAX_LOCKDEP_ENTRIES, two a dependency
	Chains       int // MAX_LOCKDEP_CHAINS
	ChainEntries int // MAX_LOCKDEP_CHAIN_HLOCKS
	Depth        int // MAX_LOCK_DEPTH
	Queue        int // of the search: 1 << LOCKDEP_CIRCULAR_QUEUE_BITS
	MapSize      int // bytes of a lockdep_map, for memory that is freed

	// Found is called with each finding, at the moment it arises. nil: findings are only counted.
	Found func(*Finding)
	// Learned is called with each conclusion, in the order of the kernel. nil: none.
	Learned func(Event)
	// Known is asked about a chain that is met for the first time: true says that it was validated before the
	// recording began, and it is entered together with its dependencies without judgement. nil: none was.
	Known func(key uint64, irq uint8, ids []uint16) bool
}

// Event is a conclusion: something the validator knows from now on.
type Event struct {
	Kind     EventKind
	Class    ClassID // the class; of a dependency, the one outside
	Next     ClassID // of a dependency, the one inside
	Bit      UsageBit
	Usage    Usage // all bits of the class, the new one included
	Kinds    Kinds // of a dependency: the new kind
	IRQ      uint8 // of a chain
	Distance int   // of a dependency
	Key      uint64
	IDs      []uint16 // of a chain: index | read<<13, the oldest first; valid during the call
}

// EventKind is the kind of an Event.
type EventKind uint8

// The kinds of events.
const (
	NewClass EventKind = iota + 1
	NewMark
	NewDependency
	NewKind // a dependency got a new kind or became adjacent
	NewChain
	Zapped
	TurnedOff
)

// Validator judges the operations of one kernel. Make it with New.
//
// Invariants:
//
//  1. A class in use is in byKey under (key, sub), and only such classes are.
//  2. An edge in use is in the lists of both its classes, and no two edges join the same classes in one direction.
//  3. slots finds exactly the live chains; no live chain names a class that is not in use.
//  4. A refused dependency is in no list.
type Validator struct {
	set Settings
	off bool

	classes   []class // by ClassID-1
	byKey     map[classKey]ClassID
	freeClass []ClassID // zapped, the oldest first
	inUse     int
	useAt     int // index for the next class, or -1

	edges     []edge
	freeEdge  []int32
	edgesUsed int

	chains     []chain
	chainsUsed int
	freeChain  []uint32
	pool       []uint16
	poolUsed   int
	slots      []chainSlot
	ids        []uint16 // scratch

	keys map[uint64]struct{} // registered

	nodes []node // scratch of the search
	gen   uint32
	stats Stats
	told  map[findingKey]struct{}
}

type classKey struct {
	key uint64
	sub uint8
}

// Stats are counts since the start.
type Stats struct {
	Findings, Repeated   int // Repeated: findings that came again
	Classes, Edges       int // in use
	Chains, ChainEntries int
	MaxDepth             int // of a held stack
	MaxQueue             int // of a search
	Zapped               int
}

// New makes a validator.
func New(s Settings) *Validator {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&s.Classes, maxClasses)
	s.Classes = min(s.Classes, maxClasses)
	def(&s.Entries, 1<<15)
	def(&s.Chains, 1<<16)
	def(&s.ChainEntries, 5*s.Chains)
	def(&s.Depth, 48)
	def(&s.Queue, 1<<12)
	def(&s.MapSize, 48)
	return &Validator{
		set: s, byKey: map[classKey]ClassID{}, useAt: -1,
		edges: make([]edge, 1), slots: make([]chainSlot, 64),
	}
}

// NewTask returns a task that holds nothing, with irqs on. Name is what reports call it.
func (v *Validator) NewTask(id uint64, name string) *Task {
	return &Task{
		ID: id, Name: name, Context: HardirqsOn | SoftirqsOn, chain: initialKey, held: make([]held, v.set.Depth+1),
	}
}

// Off reports whether the validator has turned itself off.
func (v *Validator) Off() bool { return v.off }

// TurnOff makes the validator ignore everything, as debug_locks_off does.
func (v *Validator) TurnOff() { v.off = true }

// Stats returns the present counts.
func (v *Validator) Stats() Stats {
	s := v.stats
	s.Classes, s.Edges, s.Chains, s.ChainEntries = v.inUse, v.edgesUsed, v.chainsUsed, v.poolUsed
	return s
}

func (v *Validator) class(id ClassID) *class { return &v.classes[id-1] }

// cached returns the class in the map's cache, or 0. An entry is good only while the class lives and has the map's
// key: a class may have been zapped and its slot used again, or the map been taken under another
// validator. Only the key of subclass 0 is compared, since InitSub stores a class of another subclass in slot 0.
func (v *Validator) cached(m *Map, sub Mode) ClassID {
	id := m.entry(sub)
	if id == 0 || int(id) > len(v.classes) || v.classes[id-1].key != m.Key {
		return 0
	}
	return id
}

// register returns the class of the map and subclass, made if need be, or 0 after a finding or for a key that is not
// registered. If force, the class also goes into the cache for subclass 0.
func (v *Validator) register(t *Task, m *Map, sub uint8, site Site, force bool) ClassID {
	if sub >= maxSubclasses {
		v.warn(t, InvalidSubclass, 0, m, site)
		return 0
	}
	if m.Key == 0 {
		if v.set.Static != nil && !v.set.Static(m.Addr) || m.Addr == 0 {
			v.warn(t, NonStaticKey, 0, m, site)
			return 0
		}
		m.Key = m.Addr
	}
	id, ok := v.byKey[classKey{m.Key, sub}]
	if !ok {
		if v.set.Static != nil && !v.set.Static(m.Key) && !v.registered(m.Key) {
			return 0
		}
		if id = v.newClass(t, m, sub, site); id == 0 {
			return 0
		}
	}
	if sub == 0 || force {
		m.fill(0, id)
	} else if sub < 2 {
		m.fill(sub, id)
	}
	return id
}

func (v *Validator) newClass(t *Task, m *Map, sub uint8, site Site) ClassID {
	if v.inUse >= v.set.Classes {
		v.limit(t, LimitClasses, m, site)
		return 0
	}
	id := v.slot()
	c := v.class(id)
	*c = class{
		key: m.Key, sub: sub, name: m.Name, nameAddr: m.NameAddr,
		inner: m.Inner, outer: m.Outer, typ: m.Type, version: v.version(m),
	}
	v.byKey[classKey{m.Key, sub}] = id
	v.inUse++
	v.learned(Event{Kind: NewClass, Class: id, Key: m.Key + uint64(sub)})
	return id
}

// slot returns a free index: the one asked for by UseIndex, else a fresh one, else the one zapped longest ago. So a
// held entry whose class was zapped does not soon name another.
func (v *Validator) slot() ClassID {
	at := v.useAt
	v.useAt = -1
	if at >= 0 && at < v.set.Classes {
		for len(v.classes) <= at {
			v.classes = append(v.classes, class{})
			v.freeClass = append(v.freeClass, ClassID(len(v.classes)))
		}
		for i, id := range v.freeClass {
			if int(id) == at+1 {
				v.freeClass = append(v.freeClass[:i], v.freeClass[i+1:]...)
				return id
			}
		}
	}
	if len(v.classes) < v.set.Classes {
		v.classes = append(v.classes, class{})
		return ClassID(len(v.classes))
	}
	id := v.freeClass[0]
	v.freeClass = v.freeClass[1:]
	return id
}

// version numbers the classes of one name; subclasses take the number of the class whose key is the address of theirs,
// which is that of subclass 0 (count_matching_names).
func (v *Validator) version(m *Map) uint32 {
	if m.Name == "" {
		return 0
	}
	n := uint32(0)
	for i := range v.classes {
		c := &v.classes[i]
		if c.key == 0 {
			continue
		}
		if c.key+uint64(c.sub) == m.Key {
			return c.version
		}
		if c.name == m.Name && c.version > n {
			n = c.version
		}
	}
	return n + 1
}

// UseIndex makes the next new class take the index (from 0) if it is free: for the replay of a kernel whose chain
// keys have to be met.
func (v *Validator) UseIndex(index int) { v.useAt = index }

// Class returns the class of a key and subclass, or 0.
func (v *Validator) Class(key uint64, sub uint8) ClassID { return v.byKey[classKey{key, sub}] }

// InitSub gives the lock a subclass for good (lockdep_set_subclass and its kin): the class is made now, and from then
// on taking the lock with subclass 0 means this class.
func (v *Validator) InitSub(t *Task, m *Map, sub uint8, site Site) {
	if v.off || sub == 0 {
		return
	}
	m.empty()
	m.forced = sub
	v.register(t, m, sub, site, true)
}

// base returns the subclass that taking the lock with subclass 0 means. The kernel keeps a forced one in the cache
// alone, so that it is lost with it: Settings.Exact.
func (v *Validator) base(m *Map, sub uint8) uint8 {
	if sub == 0 && !v.set.Exact {
		return m.forced
	}
	return sub
}

// CopyMap returns a copy of a lock's map, for a lock that may be freed while it is held. Its cache is empty, since
// others may fill that of the source meanwhile (lockdep_copy_map). It keeps a subclass that InitSub forced, which the
// kernel's copy loses; with Settings.Exact ours does, too.
func CopyMap(from *Map, addr uint64) Map {
	return Map{
		Addr: addr, Key: from.Key, NameAddr: from.NameAddr, Name: from.Name,
		Inner: from.Inner, Outer: from.Outer, Type: from.Type, forced: from.forced,
	}
}

// TearMap copies a lock's map as kernels before 3.5 did, cache and all, by 32-bit instructions: the lower half of each
// pointer to a class is copied before meanwhile is called, the upper half after it. An entry that is filled in between
// is half a pointer in the copy; taking the copy is a TornCache then.
func TearMap(from *Map, addr uint64, meanwhile func()) Map {
	m := CopyMap(from, addr)
	lower := [2]ClassID{from.entry(0), from.entry(1)}
	meanwhile()
	for sub := range uint8(2) {
		id := from.entry(Mode(sub))
		if id != 0 && lower[sub] == 0 {
			id = torn
		}
		m.fill(sub, id)
	}
	return m
}

// SetCompare gives the class of the lock an order of its instances: cmp(held, wanted) < 0 makes that nesting legal.
func (v *Validator) SetCompare(t *Task, m *Map, cmp func(held, wanted *Map) int, site Site) {
	if v.off {
		return
	}
	id := v.cached(m, 0)
	if id == 0 {
		id = v.register(t, m, 0, site, false)
	}
	if id != 0 {
		v.class(id).cmp = cmp
	}
}

func (v *Validator) learned(e Event) {
	if v.set.Learned != nil {
		v.set.Learned(e)
	}
}

// ClassOf returns the class that taking the lock with the subclass would mean now, or 0 if it is not made yet.
func (v *Validator) ClassOf(m *Map, sub uint8) ClassID {
	if sub < 2 {
		if id := v.cached(m, Mode(sub)); id != 0 {
			return id
		}
	}
	return v.byKey[classKey{m.Key, v.base(m, sub)}]
}
