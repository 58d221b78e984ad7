package kernel

// Kind is the kind of a finding. The numbers are those of the kernel's reports in the order of its source.
type Kind uint8

// The kinds of findings.
const (
	Circular        Kind = iota + 1 // possible circular locking dependency detected
	RecursiveLock                   // possible recursive locking detected
	IRQOrder                        // X-safe -> X-unsafe lock order detected
	Inconsistent                    // inconsistent lock state
	IRQInversion                    // possible irq lock inversion dependency detected
	UnlockBalance                   // bad unlock balance detected!
	HeldFreed                       // held lock freed!
	HeldAtExit                      // still has locks held!
	HeldInUser                      // lock held when returning to user space!
	NestNotHeld                     // Nested lock was not taken
	WaitContext                     // Invalid wait context
	BadContention                   // bad contention detected!
	NonStaticKey                    // trying to register non-static key
	UnregisteredKey                 // key has not been registered!
	InvalidSubclass                 // looking up invalid subclass
	TableFull                       // MAX_LOCKDEP_... too low!
	TornCache                       // the cache of the map names no class: the kernel follows a wild pointer
	Internal                        // DEBUG_LOCKS_WARN_ON and its kin
)

var kindNames = [...]string{
	"none", "circular", "recursive", "safe-unsafe", "inconsistent", "inversion", "imbalance", "freed", "exit", "user",
	"nest", "wait-context", "contention", "non-static", "unregistered", "subclass", "limit", "torn", "internal",
}

// String returns the short word for the kind.
func (k Kind) String() string { return kindNames[k] }

// Limit names a table that is full.
type Limit uint8

// The limits.
const (
	LimitClasses      Limit = iota + 1 // MAX_LOCKDEP_KEYS
	LimitEntries                       // MAX_LOCKDEP_ENTRIES
	LimitChains                        // MAX_LOCKDEP_CHAINS
	LimitChainEntries                  // MAX_LOCKDEP_CHAIN_HLOCKS
	LimitDepth                         // MAX_LOCK_DEPTH
	LimitQueue                         // lockdep bfs error:-1
)

// Warning names an internal check.
type Warning uint8

// The warnings. From WarnReleasePinned on they do not turn the validator off.
const (
	WarnDepth           Warning = iota + 1 // more locks held than the stack has room for
	WarnReferences                         // the count of merged locks overflows
	WarnNothingHeld                        // SetClass, Downgrade or Contended while nothing is held
	WarnMerged                             // Downgrade merged entries
	WarnIRQsOnInHardirq                    // hardirqs enabled in a hardirq
	WarnNoSafeLock                         // the backward search did not find what it had collected
	WarnReleasePinned                      // releasing a pinned lock
	WarnDowngradeReader                    // downgrading a read lock
	WarnPinUnheld                          // pinning an unheld lock
	WarnUnpinUnheld                        // unpinning an unheld lock
	WarnUnpinUnpinned                      // unpinning an unpinned lock
	WarnPinCorrupted                       // pin count corrupted
	WarnZapped                             // a held lock's class is gone
)

// Scenario is the table that a report shows.
type Scenario uint8

// The scenarios. Their names are taken from Finding.Names, by place.
const (
	NoScenario     Scenario = iota
	ScenarioCPUs            // [0] source (wanted), [1] its neighbour on the path, [2] target (held); two CPUs
	ScenarioSelf            // [0] held, [1] wanted; one CPU
	ScenarioIRQ             // [0] safe, [1] middle, [2] unsafe; two CPUs and an interrupt
	ScenarioIRQOne          // [0] the lock; one CPU and an interrupt
)

// ClassInfo is a class as it was at one moment.
type ClassInfo struct {
	ID           ClassID // 0: the class is gone
	Key          uint64  // with the subclass added, as the kernel keeps it
	Name         string
	Version      uint32
	Sub          uint8
	Usage        Usage
	Sites        [usageBits]Site // where each bit of Usage was set first
	Inner, Outer WaitType
	Type         LockType
}

// HeldInfo is an entry of a held stack, or a lock that was to become one.
type HeldInfo struct {
	Class ClassInfo
	Addr  uint64 // of the lock
	Site  Site
	Mode  Mode
	Sync  bool
}

// Step is a class on a path, and the dependency that leads to it.
type Step struct {
	Class ClassInfo
	Edge  Dependency // zero at the first step
}

// Finding is a report, with all that its text needs. What a kind does not need is zero.
type Finding struct {
	Kind     Kind
	Limit    Limit
	Warning  Warning
	Task     uint64
	TaskName string
	Context  Context
	BHOff    int // depth of DisableBH
	Held     []HeldInfo
	Site     Site

	Lock HeldInfo // the lock wanted, or the one that changed, is released, was freed
	Prev HeldInfo // the held lock that it collides with; NestNotHeld: the nest lock

	// Path is the way that was there: of Circular from Lock to Prev; of IRQInversion from Lock to Other; of IRQOrder
	// from Lock to the unsafe class. SafePath is IRQOrder's from Prev backwards to the safe class.
	Path     []Step
	SafePath []Step
	Back     bool // IRQInversion: Path goes backwards, Other is the safe one

	// Bit is the new usage; Other the old or found one that it excludes. Of IRQOrder: of the safe and unsafe class.
	Bit, Other UsageBit

	Scenario Scenario
	Names    [3]ClassInfo
	Exists   bool // "Chain exists of" is printed, over Names

	From, To uint64 // HeldFreed: the memory, To its last byte
	Compared int    // RecursiveLock: what the class's comparison said
	HasCmp   bool
	Wait     WaitType // WaitContext: of the task's context
}

// findingKey is what makes two findings the same for KeepGoing.
type findingKey struct {
	kind       Kind
	warning    Warning
	bit, other UsageBit
	a, b, c, d classKey
}

func keyOf(c ClassInfo) classKey { return classKey{c.Key, c.Sub} }

// Info returns a class as it is now; a zero ID says that it is not in use.
func (v *Validator) Info(id ClassID) ClassInfo {
	if id == 0 || int(id) > len(v.classes) || v.class(id).key == 0 {
		return ClassInfo{}
	}
	c := v.class(id)
	return ClassInfo{
		ID: id, Key: c.key + uint64(c.sub), Name: c.name, Version: c.version, Sub: c.sub, Usage: c.usage,
		Sites: c.sites, Inner: c.inner, Outer: c.outer, Type: c.typ,
	}
}

// EachClass calls f with every class in use, by index, until it returns false.
func (v *Validator) EachClass(f func(ClassInfo) bool) {
	for i := range v.classes {
		if v.classes[i].key != 0 && !f(v.Info(ClassID(i+1))) {
			return
		}
	}
}

func (v *Validator) heldInfo(h *held) HeldInfo {
	return HeldInfo{Class: v.Info(h.class), Addr: h.lock.Addr, Site: h.site, Mode: h.mode, Sync: h.sync}
}

// HeldBy returns what t holds, the oldest first.
func (v *Validator) HeldBy(t *Task) []HeldInfo {
	l := make([]HeldInfo, t.depth)
	for i := range l {
		l[i] = v.heldInfo(&t.held[i])
	}
	return l
}

func (v *Validator) finding(k Kind, t *Task, site Site) *Finding {
	f := &Finding{Kind: k, Site: site}
	if t != nil {
		f.Task, f.TaskName, f.Context, f.BHOff = t.ID, t.Name, t.Context, t.bh
		f.Held = v.HeldBy(t)
	}
	return f
}

// report hands a finding out and says whether to go on with the operation as if it had been legal.
func (v *Validator) report(f *Finding) bool {
	if v.set.KeepGoing && f.Kind != TableFull {
		k := findingKey{
			kind: f.Kind, warning: f.Warning, bit: f.Bit, other: f.Other,
			a: keyOf(f.Lock.Class), b: keyOf(f.Prev.Class), c: keyOf(f.Names[0]), d: keyOf(f.Names[2]),
		}
		if _, ok := v.told[k]; ok {
			v.stats.Repeated++
			return true
		}
		if v.told == nil {
			v.told = map[findingKey]struct{}{}
		}
		v.told[k] = struct{}{}
	} else if f.Warning < WarnReleasePinned {
		v.off = true
		v.learned(Event{Kind: TurnedOff})
	}
	v.stats.Findings++
	if v.set.Found != nil {
		v.set.Found(f)
	}
	return !v.off
}

// mapInfo describes a lock whose class may not exist.
func (v *Validator) mapInfo(m *Map, site Site) HeldInfo {
	i := HeldInfo{Addr: m.Addr, Site: site}
	if i.Class = v.Info(v.byKey[classKey{m.Key, 0}]); i.Class.ID == 0 {
		i.Class = ClassInfo{Key: m.Key, Name: m.Name}
	}
	return i
}

// warn reports what concerns a map rather than a class.
func (v *Validator) warn(t *Task, k Kind, w Warning, m *Map, site Site) {
	f := v.finding(k, t, site)
	f.Warning = w
	if m != nil {
		f.Lock = v.mapInfo(m, site)
	}
	v.report(f)
}

// limit reports a full table. The validator stops even if it keeps going after findings: there is no verdict from a
// partial graph.
func (v *Validator) limit(t *Task, l Limit, m *Map, site Site) {
	f := v.finding(TableFull, t, site)
	f.Limit = l
	f.Lock = v.mapInfo(m, site)
	v.report(f)
}

func (v *Validator) failRecursive(t *Task, p, h *held) bool {
	f := v.finding(RecursiveLock, t, h.site)
	f.Prev, f.Lock = v.heldInfo(p), v.heldInfo(h)
	f.Scenario, f.Names = ScenarioSelf, [3]ClassInfo{f.Prev.Class, f.Lock.Class}
	if cmp := v.class(h.class).cmp; cmp != nil {
		f.HasCmp, f.Compared = true, cmp(p.lock, h.lock)
	}
	return v.report(f)
}

func (v *Validator) failCircular(t *Task, p, h *held, n int32) bool {
	f := v.finding(Circular, t, h.site)
	f.Prev, f.Lock, f.Path = v.heldInfo(p), v.heldInfo(h), v.path(n)
	last := len(f.Path) - 1
	f.Scenario, f.Names = ScenarioCPUs, [3]ClassInfo{f.Path[0].Class, f.Path[last-1].Class, f.Path[last].Class}
	f.Exists = last > 1
	return v.report(f)
}

// irqTable fills the table of an interrupt in between: middle is what the safe lock's holder wants on its way, or next
// if middle is the safe lock itself.
func (f *Finding) irqTable(safe, middle, next, unsafe ClassInfo) {
	if middle.ID == safe.ID {
		middle = next
	}
	f.Scenario, f.Names = ScenarioIRQ, [3]ClassInfo{safe, middle, unsafe}
	f.Exists = middle.ID != unsafe.ID
}

func (v *Validator) failOrder(t *Task, p, h *held, back, forward []Step, b, ex UsageBit) bool {
	f := v.finding(IRQOrder, t, h.site)
	f.Prev, f.Lock, f.SafePath, f.Path, f.Bit, f.Other = v.heldInfo(p), v.heldInfo(h), back, forward, b, ex
	f.irqTable(back[len(back)-1].Class, f.Prev.Class, f.Lock.Class, forward[len(forward)-1].Class)
	return v.report(f)
}

func (v *Validator) failUsage(t *Task, h *held, old, b UsageBit, site Site) bool {
	f := v.finding(Inconsistent, t, site)
	f.Lock, f.Bit, f.Other = v.heldInfo(h), b, old
	f.Scenario, f.Names = ScenarioIRQOne, [3]ClassInfo{f.Lock.Class}
	return v.report(f)
}

func (v *Validator) failInversion(t *Task, h *held, n int32, other, b UsageBit, site Site) bool {
	f := v.finding(IRQInversion, t, site)
	f.Lock, f.Path, f.Bit, f.Other, f.Back = v.heldInfo(h), v.path(n), b, other, b&2 != 0
	found := f.Path[len(f.Path)-1].Class
	// The middle is the class next to this lock on the way, or the other itself if they are neighbours.
	middle := f.Lock.Class
	if len(f.Path) > 1 {
		middle = f.Path[1].Class
	}
	if f.Back {
		f.irqTable(found, middle, f.Lock.Class, f.Lock.Class)
	} else {
		f.irqTable(f.Lock.Class, middle, found, found)
	}
	return v.report(f)
}

func (v *Validator) failWait(t *Task, h *held) bool {
	f := v.finding(WaitContext, t, h.site)
	f.Lock, f.Wait = v.heldInfo(h), t.Context.wait()
	return v.report(f)
}

func (v *Validator) failNest(t *Task, h *held) bool {
	f := v.finding(NestNotHeld, t, h.site)
	f.Lock, f.Prev = v.heldInfo(h), v.mapInfo(h.nest, 0)
	return v.report(f)
}

func (v *Validator) failBalance(t *Task, m *Map, site Site) {
	f := v.finding(UnlockBalance, t, site)
	f.Lock = v.mapInfo(m, site)
	v.report(f)
}

func (v *Validator) failContention(t *Task, m *Map, site Site) {
	f := v.finding(BadContention, t, site)
	f.Lock = v.mapInfo(m, site)
	v.report(f)
}

func (v *Validator) failFreed(t *Task, h *held, from, size uint64, site Site) {
	f := v.finding(HeldFreed, t, site)
	f.Lock, f.From, f.To = v.heldInfo(h), from, from+size-1
	v.report(f)
}

func (v *Validator) failLeaving(t *Task, k Kind, site Site) {
	v.report(v.finding(k, t, site))
}
