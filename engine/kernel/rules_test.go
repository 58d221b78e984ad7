package kernel

import (
	"go/build"
	"slices"
	"strings"
	"sync"
	"testing"
)

// bench is a validator with one task and what it found.
type bench struct {
	*testing.T
	v     *Validator
	t     *Task
	found []*Finding
	locks map[string]*Map
}

func newBench(t *testing.T, set Settings) *bench {
	b := &bench{T: t, locks: map[string]*Map{}}
	set.Found = func(f *Finding) { b.found = append(b.found, f) }
	b.v = New(set)
	b.t = b.v.NewTask(7, "worker")
	return b
}

// lock returns the lock of the name; the letters before a digit are its class.
func (b *bench) lock(name string) *Map {
	l := b.locks[name]
	if l == nil {
		class := strings.TrimRight(name, "0123456789")
		key := uint64(0)
		for _, c := range class {
			key = key<<8 | uint64(c)
		}
		l = &Map{Addr: uint64(len(b.locks)+1) << 32, Key: key << 8, Name: class, Inner: WaitSleep}
		b.locks[name] = l
	}
	return l
}

// take and drop act on locks by name, in order.
func (b *bench) take(mode Mode, names ...string) {
	for _, n := range names {
		b.v.Acquire(b.t, b.lock(n), mode|Check, nil, Site(len(b.found)+1))
	}
}

func (b *bench) drop(names ...string) {
	for _, n := range names {
		b.v.Release(b.t, b.lock(n), 0)
	}
}

// want checks the kinds found so far.
func (b *bench) want(kinds ...Kind) {
	b.Helper()
	var got []Kind
	for _, f := range b.found {
		got = append(got, f.Kind)
	}
	if !slices.Equal(got, kinds) {
		b.Fatalf("found %v, want %v", got, kinds)
	}
}

func (b *bench) wantWarning(w Warning) {
	b.Helper()
	if n := len(b.found); n == 0 || b.found[n-1].Kind != Internal || b.found[n-1].Warning != w {
		b.Fatalf("no warning %d: %+v", w, b.found)
	}
}

func (b *bench) edge(from, to string) (Dependency, bool) {
	var d Dependency
	ok := false
	target := b.v.ClassOf(b.lock(to), 0)
	b.v.EachDependency(b.v.ClassOf(b.lock(from), 0), func(e Dependency) bool {
		if e.To == target {
			d, ok = e, true
		}
		return !ok
	})
	return d, ok
}

// TestCircularFinding checks every part of a finding: the classes are A, B, C, the cycle closes at C -> A.
func TestCircularFinding(t *testing.T) {
	b := newBench(t, Settings{})
	at := func(n string, s Site) { b.v.Acquire(b.t, b.lock(n), Check, nil, s) }
	at("A1", 11)
	at("B1", 12)
	b.drop("B1", "A1")
	at("B2", 21)
	at("C1", 22)
	b.drop("C1", "B2")
	at("C2", 31)
	at("A2", 32)
	b.want(Circular)
	f := b.found[0]
	if f.Task != 7 || f.TaskName != "worker" || f.Lock.Addr != b.lock("A2").Addr || f.Lock.Site != 32 ||
		f.Prev.Addr != b.lock("C2").Addr || f.Prev.Site != 31 || len(f.Held) != 1 || f.Held[0].Site != 31 {
		t.Errorf("ends: %+v", f)
	}
	if len(f.Path) != 3 || f.Path[1].Class.Name != "B" || f.Path[1].Edge.Site != 12 || f.Path[1].Edge.FromSite != 11 ||
		f.Path[2].Class.Name != "C" || f.Path[2].Edge.Site != 22 || f.Path[2].Edge.Kinds != KindEN {
		t.Errorf("path: %+v", f.Path)
	}
	if f.Scenario != ScenarioCPUs || !f.Exists || f.Names[0].Name != "A" || f.Names[1].Name != "B" || f.Names[2].Name != "C" {
		t.Errorf("scenario: %d %v %+v", f.Scenario, f.Exists, f.Names)
	}
	if u := f.Lock.Class.Usage; u != 1<<HardirqOnW|1<<SoftirqOnW|1<<Used || f.Lock.Class.Sites[Used] != 11 {
		t.Errorf("usage %x, sites %v", u, f.Lock.Class.Sites)
	}
	if !b.v.Off() {
		t.Error("the validator is still on")
	}
	if _, ok := b.edge("C1", "A1"); ok {
		t.Error("the refused dependency is in the graph")
	}
}

func TestKeepGoing(t *testing.T) {
	b := newBench(t, Settings{KeepGoing: true})
	for range 3 {
		b.take(0, "A1", "B1")
		b.drop("B1", "A1")
		b.take(0, "B2", "A2")
		if b.t.Depth() != 2 {
			t.Fatalf("depth %d, want 2: a refused lock is held all the same", b.t.Depth())
		}
		b.drop("A2", "B2")
	}
	b.want(Circular)
	b.take(0, "C1", "B1", "A1") // the same cycle by another chain
	b.drop("A1", "B1", "C1")
	b.want(Circular)
	if s := b.v.Stats(); s.Repeated != 1 || s.Findings != 1 {
		t.Errorf("%+v, want one finding, repeated once", s)
	}
	b.take(0, "A1", "A2")
	b.want(Circular, RecursiveLock)
}

func TestSetClassAndDowngrade(t *testing.T) {
	b := newBench(t, Settings{})
	b.take(0, "A", "B")
	b.v.SetClass(b.t, b.lock("A"), 0x5500, "D", 0, 3)
	b.want()
	if h := b.v.HeldBy(b.t); h[0].Class.Name != "D" || h[1].Class.Name != "B" {
		t.Fatalf("held %+v", h)
	}
	if _, ok := b.edge("A", "B"); !ok {
		t.Error("no dependency of the new class on what was taken after it")
	}
	b.drop("B", "A")

	b.take(0, "E")
	b.v.Downgrade(b.t, b.lock("E"), 9)
	b.take(0, "F")
	if d, _ := b.edge("E", "F"); d.Kinds != KindSN {
		t.Errorf("kinds %b after a downgrade, want SN", d.Kinds)
	}
	b.v.Downgrade(b.t, b.lock("E"), 9)
	b.wantWarning(WarnDowngradeReader)
	if b.v.Off() {
		t.Error("a plain warning turned the validator off")
	}
	b.v.Downgrade(b.t, b.lock("G"), 9)
	b.want(Internal, UnlockBalance)
}

func TestPins(t *testing.T) {
	b := newBench(t, Settings{})
	b.take(0, "A")
	b.v.Pin(b.t, b.lock("A"), 5, 1)
	b.v.Unpin(b.t, b.lock("A"), 5, 1)
	b.drop("A")
	b.want()
	b.take(0, "A", "B")
	b.v.Pin(b.t, b.lock("B"), 5, 1)
	b.drop("A") // takes B again, pin and all
	b.drop("B")
	b.wantWarning(WarnReleasePinned)
	b.v.Unpin(b.t, b.lock("B"), 5, 1)
	b.wantWarning(WarnUnpinUnheld)
	b.v.Pin(b.t, b.lock("B"), 5, 1)
	b.wantWarning(WarnPinUnheld)
	b.take(0, "B")
	b.v.Unpin(b.t, b.lock("B"), 5, 1)
	b.wantWarning(WarnUnpinUnpinned)
	b.v.Pin(b.t, b.lock("B"), 5, 1)
	b.v.Unpin(b.t, b.lock("B"), 6, 1)
	b.wantWarning(WarnPinCorrupted)
}

// TestSync: waiting for all readers inside a reader is found, and nothing stays on the stack.
func TestSync(t *testing.T) {
	b := newBench(t, Settings{})
	b.take(Recursive, "S")
	b.v.Sync(b.t, b.lock("S"), Check, nil, 4)
	b.want(RecursiveLock)
	if !b.found[0].Lock.Sync {
		t.Error("the finding does not say that it was a sync")
	}

	b = newBench(t, Settings{})
	b.take(0, "A")
	b.v.Sync(b.t, b.lock("S"), Check, nil, 4)
	b.drop("A")
	b.take(Recursive, "S")
	b.take(0, "A")
	b.want(Circular)
	if b.t.Depth() != 1 {
		t.Errorf("depth %d, want 1", b.t.Depth())
	}
	if u := b.v.Info(b.v.ClassOf(b.lock("S"), 0)).Usage; u.Has(HardirqOnW) {
		t.Error("a sync marked its class as held with irqs on")
	}
}

func TestCompare(t *testing.T) {
	b := newBench(t, Settings{})
	b.v.SetCompare(b.t, b.lock("A1"), func(p, n *Map) int { return int(p.Addr>>32) - int(n.Addr>>32) }, 1)
	b.lock("A2")
	b.take(0, "A1", "A2")
	b.want()
	if _, ok := b.edge("A1", "A1"); ok {
		t.Error("a legal nesting made a dependency")
	}
	b.drop("A2", "A1")
	b.take(0, "A2", "A1")
	// The chain of classes is the same and was seen, so nothing is said: as in the kernel.
	b.want()
	b.drop("A1", "A2")
	b.take(0, "B", "A2", "A1")
	b.want(RecursiveLock)
	if f := b.found[0]; !f.HasCmp || f.Compared != 1 {
		t.Errorf("comparison %v %d, want 1", f.HasCmp, f.Compared)
	}
}

func TestNestAndReferences(t *testing.T) {
	b := newBench(t, Settings{})
	nest := func(n string) { b.v.Acquire(b.t, b.lock(n), Check, b.lock("N"), 1) }
	b.take(0, "N")
	nest("A1")
	nest("A2")
	nest("A3")
	if b.t.Depth() != 2 || !b.v.Held(b.t, b.lock("A3")) {
		t.Fatalf("depth %d, want 2, with A3 counted in", b.t.Depth())
	}
	b.drop("A2", "A1")
	if b.t.Depth() != 2 {
		t.Fatal("the entry left before its last reference")
	}
	b.drop("A3")
	b.drop("N")
	b.want()
	if b.t.Depth() != 0 {
		t.Fatalf("depth %d, want 0", b.t.Depth())
	}
	b.v.Acquire(b.t, b.lock("A1"), Check, b.lock("N"), 1)
	b.want(NestNotHeld)
}

func TestNMI(t *testing.T) {
	b := newBench(t, Settings{})
	b.take(Recursive, "R")
	b.take(0, "W")
	b.t.Context |= InNMI
	b.take(Recursive, "R")
	b.take(Try, "W")
	b.take(0, "new")
	b.want()
	b.take(0, "R")
	b.want(Inconsistent)
	if f := b.found[0]; f.Bit != InNMIUse || f.Other != Used {
		t.Errorf("bits %d -> %d", f.Other, f.Bit)
	}
}

func TestCacheAndCopies(t *testing.T) {
	b := newBench(t, Settings{})
	a := b.lock("A1")
	b.v.InitSub(b.t, a, 1, 1)
	b.take(0, "A1")
	if h := b.v.HeldBy(b.t); h[0].Class.Sub != 1 {
		t.Fatalf("class %+v, want subclass 1: it was forced", h[0].Class)
	}
	b.drop("A1")
	c := CopyMap(a, 0x999)
	b.v.Acquire(b.t, &c, Check, nil, 1)
	if h := b.v.HeldBy(b.t); h[0].Class.Sub != 1 {
		t.Fatalf("class %+v, want subclass 1: a copy keeps what was forced", h[0].Class)
	}
	b.v.Release(b.t, &c, 1)
	exact := newBench(t, Settings{Exact: true})
	exact.v.InitSub(exact.t, exact.lock("A1"), 1, 1)
	e := CopyMap(exact.lock("A1"), 0x999)
	exact.v.Acquire(exact.t, &e, Check, nil, 1)
	if h := exact.v.HeldBy(exact.t); h[0].Class.Sub != 0 {
		t.Fatalf("class %+v, want subclass 0: the kernel's copy forgets", h[0].Class)
	}

	// A zapped class whose slot has another owner must not be found in the cache.
	b.v.UnregisterKey(c.Key)
	b.v.FreeRange(c.Key, 8)
	b.v.UseIndex(0)
	b.take(0, "other")
	b.v.UseIndex(1)
	b.take(0, "third")
	b.take(0, "A1")
	if h := b.v.HeldBy(b.t); h[2].Class.Name != "A" || h[2].Class.ID == h[0].Class.ID || h[2].Class.ID == h[1].Class.ID {
		t.Fatalf("held %+v", h)
	}
}

// TestCopyWhileTaken copies a map while thousands of acquisitions fill its cache, as a work's map is copied while others
// wait for the work: the race detector sees that a copy takes nothing that they write, and the forced subclass is kept.
func TestCopyWhileTaken(t *testing.T) {
	for range 200 {
		b := newBench(t, Settings{})
		from := b.lock("A1")
		b.v.InitSub(b.t, from, 1, 1)
		var validator sync.Mutex // stands for the CPU: each acquisition by itself is the validator's
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				task := b.v.NewTask(uint64(10+i), "waits")
				for range 25 {
					validator.Lock()
					b.v.Acquire(task, from, Check|Mode(i&1), nil, 1)
					b.v.Release(task, from, 1)
					from.empty()
					validator.Unlock()
				}
			})
		}
		for i := range 25 {
			c := CopyMap(from, uint64(0x900+i))
			validator.Lock()
			b.v.Acquire(b.t, &c, Check, nil, 1)
			if h := b.v.HeldBy(b.t); len(h) != 1 || h[0].Class.Sub != 1 {
				t.Errorf("held %+v, want subclass 1", h)
			}
			b.v.Release(b.t, &c, 1)
			validator.Unlock()
		}
		all.Wait()
		b.want()
	}
}

// TestTornCopy: a pointer that is written between the halves of a raw copy is none; a cleared copy has none.
func TestTornCopy(t *testing.T) {
	b := newBench(t, Settings{})
	from := b.lock("A1")
	other := b.v.NewTask(2, "waits")
	wait := func() { b.v.Acquire(other, from, Check, nil, 1); b.v.Release(other, from, 1) }
	clear := CopyMap(from, 0x998)
	wait()
	b.v.Acquire(b.t, &clear, Check, nil, 1)
	b.v.Release(b.t, &clear, 1)
	whole := TearMap(from, 0x999, wait) // the cache was full before
	b.v.Acquire(b.t, &whole, Check, nil, 1)
	b.v.Release(b.t, &whole, 1)
	b.want()
	from.empty()
	half := TearMap(from, 0x999, wait)
	b.v.Acquire(b.t, &half, Check, nil, 1)
	b.want(TornCache)
}

// TestOldReaders: up to 5.9 a recursive reader makes no dependency, and a shared one counts as a writer.
func TestOldReaders(t *testing.T) {
	for _, c := range []struct {
		old  bool
		mode Mode
		want []Kind
	}{{false, Recursive, []Kind{Circular}}, {true, Recursive, nil}, {true, Shared, []Kind{Circular}}} {
		b := newBench(t, Settings{OldReaders: c.old})
		b.take(c.mode, "A")
		b.take(0, "B")
		b.drop("B", "A")
		b.take(0, "B", "A")
		b.want(c.want...)
	}
	// Read A, then B; read B, then A: no deadlock, but the old rules say so of shared readers.
	for _, old := range []bool{false, true} {
		b := newBench(t, Settings{OldReaders: old})
		b.take(Recursive, "A", "B")
		b.drop("B", "A")
		b.take(Recursive, "B", "A")
		b.want()
	}
}

// TestZap: A -> Z -> B does not leave A -> B, and the chains go.
func TestZap(t *testing.T) {
	b := newBench(t, Settings{Static: func(a uint64) bool { return a < 1<<60 }})
	b.take(0, "A", "Z", "B")
	b.drop("B", "Z", "A")
	if s := b.v.Stats(); s.Chains != 3 || s.Edges != 2 {
		t.Fatalf("%+v, want 3 chains, 2 edges", s)
	}
	b.v.FreeRange(b.lock("Z").Key, 8)
	if s := b.v.Stats(); s.Chains != 1 || s.Edges != 0 || s.Classes != 2 || s.ChainEntries != 1 || s.Zapped != 1 {
		t.Fatalf("%+v, want 1 chain, no edge, 2 classes", s)
	}
	b.take(0, "B", "A")
	b.want()
	b.drop("A", "B")
	b.take(0, "B", "Z", "A")
	b.drop("A", "Z", "B")
	b.v.ResetLock(b.lock("B"))
	b.take(0, "A", "B")
	b.want()
	b.drop("B", "A")

	// By the address of its name; a subclass has a key of its own and stays when the key is withdrawn.
	b.lock("N").NameAddr = 0x777000
	b.take(0, "N")
	b.drop("N")
	n := b.v.Stats().Classes
	b.v.FreeRange(0x777000, 1)
	if b.v.Stats().Classes != n-1 {
		t.Error("the class outlives its name")
	}
	key := uint64(1<<60 + 64)
	dyn := &Map{Addr: 5, Key: key, Name: "dyn"}
	if b.v.CheckKey(b.t, dyn, 1) {
		t.Error("a key on the heap passes without registration")
	}
	b.want(UnregisteredKey)
	b.v.ResetChains(b.t)
	b.v.RegisterKey(key)
	b.v.Acquire(b.t, dyn, Check, nil, 1)
	b.v.Acquire(b.t, dyn, Check|1, nil, 1)
	if b.t.Depth() != 2 {
		t.Fatal("a registered key is not taken")
	}
	b.v.UnregisterKey(key)
	if b.v.Class(key, 0) != 0 || b.v.Class(key, 1) == 0 {
		t.Error("withdrawing a key zaps subclass 0 and no other")
	}
	if h := b.v.HeldBy(b.t); h[0].Class.ID != 0 {
		t.Errorf("the zapped class is still named: %+v", h[0])
	}
	b.v.ResetTask(b.t)
	b.v.Acquire(b.t, dyn, Check, nil, 1)
	if b.t.Depth() != 0 {
		t.Error("a lock with a withdrawn key is taken")
	}
}

func TestKeys(t *testing.T) {
	static := func(a uint64) bool { return a >= 1<<32 || a < 0x1000 }
	b := newBench(t, Settings{NoValidate: 0x100, NoTrack: 0x200, Static: static})
	nv1, nv2 := &Map{Addr: 1, Key: 0x100}, &Map{Addr: 2, Key: 0x100}
	b.v.Acquire(b.t, nv1, Check, nil, 1)
	b.v.Acquire(b.t, nv2, Check, nil, 1)
	b.v.Acquire(b.t, &Map{Addr: 3, Key: 0x200}, Check, nil, 1)
	b.want()
	if b.t.Depth() != 2 || b.v.Stats().Chains != 0 {
		t.Errorf("depth %d, want 2; %+v", b.t.Depth(), b.v.Stats())
	}
	own := &Map{Addr: 1 << 40}
	b.v.Acquire(b.t, own, Check, nil, 1)
	if own.Key != 1<<40 {
		t.Errorf("key %x, want the address of the lock", own.Key)
	}
	b.v.Acquire(b.t, &Map{Addr: 0x5000}, Check, nil, 1)
	b.want(NonStaticKey)
	b = newBench(t, Settings{})
	b.v.Acquire(b.t, b.lock("A"), Check|8, nil, 1)
	b.want(InvalidSubclass)
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		set   Settings
	}{
		{LimitClasses, Settings{Classes: 2}},
		{LimitEntries, Settings{Entries: 3}},
		{LimitChains, Settings{Chains: 2}},
		{LimitChainEntries, Settings{ChainEntries: 5}},
		{LimitDepth, Settings{Depth: 3}},
	} {
		b := newBench(t, c.set)
		b.take(0, "A", "B", "C")
		b.want(TableFull)
		if b.found[0].Limit != c.limit || !b.v.Off() {
			t.Errorf("limit %d, want %d", b.found[0].Limit, c.limit)
		}
		c.set.KeepGoing = true
		b = newBench(t, c.set)
		b.take(0, "A", "B", "C", "D")
		b.want(TableFull)
		if !b.v.Off() {
			t.Errorf("limit %d: goes on with a partial graph", c.limit)
		}
	}
	// A wide graph fills the queue of the search: each of the classes under A leads on.
	b := newBench(t, Settings{Queue: 3})
	for _, n := range []string{"B", "C", "D", "E"} {
		b.take(0, "A", n)
		b.take(0, n+"x")
		b.drop(n+"x", n, "A")
	}
	b.take(0, "Z", "A")
	b.want(TableFull)
	if b.found[0].Limit != LimitQueue {
		t.Errorf("limit %d, want the queue", b.found[0].Limit)
	}
}

func TestLeaving(t *testing.T) {
	for kind, leave := range map[Kind]func(b *bench){
		HeldAtExit: func(b *bench) { b.v.Exit(b.t, 1) },
		HeldInUser: func(b *bench) { b.v.ReturnToUser(b.t, 1) },
		HeldFreed:  func(b *bench) { b.v.Freed(b.t, b.lock("A").Addr+40, 100, 1) },
	} {
		b := newBench(t, Settings{})
		leave(b)
		b.want()
		b.take(0, "A")
		b.v.Freed(b.t, b.lock("A").Addr+48, 100, 1)
		b.want()
		leave(b)
		b.want(kind)
		if len(b.found[0].Held) != 1 {
			t.Errorf("%v: held %+v", kind, b.found[0].Held)
		}
	}
}

// TestSmall leaves out A -> C, which A -> B -> C implies.
func TestSmall(t *testing.T) {
	for _, small := range []bool{false, true} {
		b := newBench(t, Settings{Small: small})
		b.take(0, "A", "B", "C")
		b.drop("C", "B", "A")
		b.take(0, "A", "C")
		if _, ok := b.edge("A", "C"); ok == small {
			t.Errorf("small %v: A -> C %v", small, ok)
		}
	}
}

// TestWaitTypes compares the wait type kept in the stack with the rule: the context's, lowered by each lock in turn,
// replaced by an override.
func TestWaitTypes(t *testing.T) {
	for n := range 4 * 4 * 4 * 5 {
		b := newBench(t, Settings{})
		have := WaitMax
		inner := [3]WaitType{WaitType(n % 4), WaitType(n / 4 % 4), WaitType(n / 16 % 4)}
		for i, w := range inner {
			l := &Map{Addr: uint64(i + 1), Key: uint64(i+1) << 8, Inner: w}
			if i == 1 && n%3 == 0 {
				l.Type = TypeOverride
			}
			b.v.Acquire(b.t, l, Check|Try, nil, 1)
			if w != 0 && (w < have || l.Type == TypeOverride) {
				have = w
			}
		}
		need := WaitType(n/64%5) + 1
		b.v.Acquire(b.t, &Map{Addr: 9, Key: 9 << 8, Inner: need}, Check, nil, 1)
		if need <= have {
			b.want()
		} else {
			b.want(WaitContext)
		}
	}
}

// TestQueuedReaderInInterrupt: a reader that queues, over one of its class below the interrupt. No dependency goes
// across, but the stack is looked at in full. (X makes it a new chain; A alone was seen.)
func TestQueuedReaderInInterrupt(t *testing.T) {
	for mode, kinds := range map[Mode][]Kind{Shared: {RecursiveLock}, Recursive: nil} {
		b := newBench(t, Settings{})
		b.lock("A").Inner, b.lock("X").Inner = 0, 0
		b.v.HardirqsOffAt(b.t)
		b.take(IRQsOff|Shared, "A")
		b.v.EnterHardirq(b.t)
		b.v.SetThreaded(b.t)
		b.take(IRQsOff, "X")
		b.take(IRQsOff|mode, "A")
		b.want(kinds...)
	}
}

// TestUnsafeOrder has F, taken in interrupts, before P, and then U, taken with interrupts on, after P. Whether that
// is found depends on how strong the way through P is, and on what P is.
func TestUnsafeOrder(t *testing.T) {
	for _, c := range []struct {
		wanted, held Mode // of P under F, and around U
		typ          LockType
		found        bool
	}{
		{0, 0, TypeNormal, true},
		{Shared, Shared, TypeNormal, true},
		{Recursive, 0, TypeNormal, true},
		{Recursive, Shared, TypeNormal, false},
		{Recursive, Recursive, TypeNormal, false},
		{0, 0, TypePerCPU, false},
	} {
		b := newBench(t, Settings{})
		for _, n := range []string{"F", "P", "U", "Q"} {
			b.lock(n).Inner = 0
		}
		b.lock("P").Type = c.typ
		b.v.HardirqsOffAt(b.t)
		b.v.EnterHardirq(b.t)
		b.take(IRQsOff, "F")
		b.drop("F")
		b.v.ExitHardirq(b.t)
		b.take(IRQsOff, "F")
		b.take(IRQsOff|c.wanted, "P")
		b.drop("P", "F")
		// One class more on the way, so that P is not where the search begins.
		b.take(IRQsOff|c.held, "P")
		b.take(IRQsOff, "Q")
		b.drop("Q", "P")
		b.v.HardirqsOnAt(b.t, 1)
		b.take(0, "U")
		b.drop("U")
		b.v.HardirqsOffAt(b.t)
		b.take(IRQsOff, "Q", "U")
		if !c.found {
			b.want()
			b.drop("U", "Q")
			b.take(IRQsOff|c.held, "P")
			b.take(IRQsOff, "U") // and directly
			b.want()
			continue
		}
		b.want(IRQOrder)
		f := b.found[0]
		if f.Names[0].Name != "F" || f.Names[1].Name != "Q" || f.Names[2].Name != "U" || len(f.SafePath) != 3 ||
			f.Bit != InHardirqW || f.Other != HardirqOnW {
			t.Errorf("%+v", f)
		}
	}
}

// TestInversion: F becomes safe after it was held around U, which is unsafe; or U unsafe after F was safe.
func TestInversion(t *testing.T) {
	for _, back := range []bool{false, true} {
		for mode, bit := range map[Mode]UsageBit{0: HardirqOnW, Shared: HardirqOnR} {
			b := newBench(t, Settings{})
			for _, n := range []string{"F", "M", "U"} {
				b.lock(n).Inner = 0
			}
			safe := func() {
				b.v.HardirqsOffAt(b.t)
				b.v.EnterHardirq(b.t)
				b.take(IRQsOff, "F")
				b.drop("F")
				b.v.ExitHardirq(b.t)
				b.v.HardirqsOnAt(b.t, 1)
			}
			unsafe := func() {
				b.take(mode, "U")
				b.drop("U")
			}
			if back {
				safe()
			} else {
				unsafe()
			}
			b.v.HardirqsOffAt(b.t)
			b.take(IRQsOff, "F", "M", "U")
			b.drop("U", "M", "F")
			b.v.HardirqsOnAt(b.t, 1)
			b.want()
			if back {
				unsafe()
			} else {
				safe()
			}
			b.want(IRQInversion)
			f := b.found[0]
			want := [2]UsageBit{InHardirqW, bit}
			if back {
				want = [2]UsageBit{bit, InHardirqW}
			}
			if f.Bit != want[0] || f.Other != want[1] || f.Back != back || len(f.Path) != 3 || !f.Exists ||
				f.Names[0].Name != "F" || f.Names[1].Name != "M" || f.Names[2].Name != "U" {
				t.Errorf("back %v: %d %d, want %v: %+v", back, f.Bit, f.Other, want, f)
			}
		}
	}
}

// TestEnablingMarks: a lock that an interrupt takes, held while interrupts go on, is reported where they do.
func TestEnablingMarks(t *testing.T) {
	b := newBench(t, Settings{})
	b.lock("A").Inner = 0
	b.v.HardirqsOffAt(b.t)
	b.v.EnterHardirq(b.t)
	b.take(IRQsOff, "A")
	b.drop("A")
	b.v.ExitHardirq(b.t)
	b.v.Acquire(b.t, b.lock("A"), Check|IRQsOff, nil, 8)
	b.v.HardirqsOnAt(b.t, 9)
	b.want(Inconsistent)
	f := b.found[0]
	if f.Site != 9 || f.Lock.Site != 8 || f.Lock.Class.Sites[HardirqOnW] != 9 || f.Bit != HardirqOnW ||
		f.Other != InHardirqW || len(f.Held) != 1 {
		t.Errorf("%+v", f)
	}
}

// TestRelease: an interrupt cannot release what it interrupted, and an entry below others leaves alone.
func TestRelease(t *testing.T) {
	b := newBench(t, Settings{})
	b.take(0, "A", "B", "C")
	b.drop("A")
	if _, ok := b.edge("B", "C"); !ok || b.t.Depth() != 2 {
		t.Errorf("depth %d after an out-of-order release", b.t.Depth())
	}
	b.v.HardirqsOffAt(b.t)
	b.v.EnterHardirq(b.t)
	b.v.Acquire(b.t, &Map{Addr: 1, Key: 1, Name: "irq"}, Check|IRQsOff, nil, 1)
	b.drop("C")
	b.want(UnlockBalance)
}

func TestChainKey(t *testing.T) {
	// From a kernel's log: the chains 1/0 and 1/0 2/0.
	k := chainKey(initialKey, 1)
	if k != 0x784bb2a7ec10647d || chainKey(k, 2) != 0xebcef4a0e834d144 {
		t.Errorf("keys %x %x", k, chainKey(k, 2))
	}
}

// TestKnownChainsAllocateNothing holds the promise of Acquire.
func TestKnownChainsAllocateNothing(t *testing.T) {
	b := newBench(t, Settings{})
	a, c := b.lock("A"), b.lock("B")
	n := testing.AllocsPerRun(100, func() {
		b.v.Acquire(b.t, a, Check, nil, 1)
		b.v.Acquire(b.t, c, Check, nil, 2)
		b.v.HardirqsEnabled(b.t, 3)
		b.v.Release(b.t, a, 1)
		b.v.Release(b.t, c, 1)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"runtime", "sync/atomic", "unsafe", "math/bits"}
	for _, i := range p.Imports {
		if !slices.Contains(allowed, i) {
			t.Errorf("imports %s", i)
		}
	}
}
