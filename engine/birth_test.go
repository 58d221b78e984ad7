package engine

import (
	"fmt"
	"testing"
	"unsafe"
)

// A nursery is a program whose locks are born and die at a few addresses. A
// lock is one of the class of its line of testPCs.
type nursery struct {
	t     *testing.T
	v     *Validator
	tasks []*Task
	goid  uint64
	gc    uint32
}

func newNursery(t *testing.T, lim Limits) *nursery {
	n := &nursery{t: t}
	n.v = New(lim, Host{
		Goroutine:   func() (uint64, uintptr) { return n.goid, 0 },
		Collections: func() uint32 { return n.gc },
		Name: func(fn, file string, line int, kind byte) Naming {
			return Naming{Class: fmt.Sprintf("p.T%d.mu", line)}
		},
	})
	for i := range 4 {
		n.tasks = append(n.tasks, n.v.NewTask())
		n.goid = uint64(i + 1)
		var m Map
		n.use(i, &m, 0)
	}
	return n
}

func (n *nursery) lock(g int, m *Map, class int) {
	n.goid = uint64(g + 1)
	if !n.v.Again(n.tasks[g], m, testPCs[class], ToWrite) {
		n.v.Taken(n.tasks[g], m, testPCs[class], Write)
	}
}

func (n *nursery) unlock(g int, m *Map) {
	n.goid = uint64(g + 1)
	n.v.Release(n.tasks[g], m, Write)
}

func (n *nursery) use(g int, m *Map, class int) { n.lock(g, m, class); n.unlock(g, m) }

// nest makes goroutine g take b of class y while it holds a of class x.
func (n *nursery) nest(g int, a *Map, x int, b *Map, y int) {
	n.lock(g, a, x)
	n.use(g, b, y)
	n.unlock(g, a)
}

// want checks the highest level of all findings.
func (n *nursery) want(level Level) {
	n.t.Helper()
	top, text := Suppressed, ""
	for id := FindingID(1); id <= n.v.NumFindings(); id++ {
		if f, _ := n.v.Finding(id); f.Level > top {
			top, text = f.Level, string(f.AppendText(nil, "test"))
		}
	}
	if top != level {
		n.t.Fatalf("%v, want %v\n%s", top, level, text)
	}
}

// die is what happens to the memory of an object: it is cleared for the next one.
func die(m ...*Map) {
	for _, x := range m {
		*x = Map{}
	}
}

// Pairs that never meet another one, in the same memory, in both orders: with
// every number of other locks in between at which serials come round.
func TestBirthsOfShortLived(t *testing.T) {
	births := 10_000_000
	if testing.Short() {
		births = 2_000_000
	}
	for _, classes := range [][2]int{{1, 2}, {1, 1}} {
		t.Run(fmt.Sprint(classes), func(t *testing.T) {
			n := newNursery(t, SmallLimits())
			var a, b, other [1]Map
			for i, made := 0, 0; made < births/2; i++ {
				g := i % len(n.tasks)
				n.use(g, &a[0], classes[0])
				n.use(g, &b[0], classes[1])
				if i/2%2 == 0 {
					n.nest(g, &a[0], classes[0], &b[0], classes[1])
				} else {
					n.nest(g, &b[0], classes[1], &a[0], classes[0])
				}
				fill := []int{4093, 4094, 4095, 61, 8189}[i%5]
				for range fill {
					n.use(g, &other[0], 3)
					die(&other[0])
				}
				die(&a[0], &b[0])
				made += fill + 2
			}
			if classes[0] == classes[1] {
				n.want(Suppressed)
			} else {
				n.want(Possible)
			}
		})
	}
}

// A counter that comes to an end of its parts gives out no number twice. At its
// own end it gives out none any more.
func TestBirthsComeRound(t *testing.T) {
	for _, start := range []uint64{1<<12 - 64, 1<<32 - 64, 1<<32 - 1<<12, lastBirth - 127, lastBirth - 1<<12 + 1, ^uint64(0) - 1<<13} {
		n := newNursery(t, SmallLimits())
		n.v.born.Store(start)
		n.gc = ^uint32(0)
		seen := map[uint64]bool{}
		for i := range 3 << 12 {
			b := n.v.newBirth(n.tasks[i%len(n.tasks)])
			if uint32(b)&serialMask == 0 || b >= 1<<48 || b <= lastBirth && (b <= 512 && start > 512 && i > 512 || seen[b]) {
				t.Fatalf("from %#x on: birth %#x, given before: %v", start, b, seen[b])
			}
			seen[b] = true
		}
	}
}

// A lock keeps its identity through whatever other locks do, as long as its entry has room; an
// inversion of live locks is found as such.
func TestBirthsOfLiveLocks(t *testing.T) {
	n := newNursery(t, SmallLimits())
	var a, b, other Map
	n.nest(0, &a, 1, &b, 2)
	for range 3 << 12 {
		n.use(1, &other, 3)
		die(&other)
	}
	n.gc++
	n.nest(1, &b, 2, &a, 1)
	n.want(Likely)
}

// Who lost the place in the table is found again, which holds until the next collection.
func TestBirthsEvicted(t *testing.T) {
	lim := SmallLimits()
	lim.Births = birthWays
	for _, collect := range []bool{false, true} {
		n := newNursery(t, lim)
		var a, b Map
		var other [64]Map
		churn := func() {
			for i := range other {
				n.use(2, &other[i], 3)
			}
		}
		n.nest(0, &a, 1, &b, 2)
		churn()
		n.nest(1, &b, 2, &a, 1) // the first order was seen with births that are gone
		n.nest(0, &a, 1, &b, 2) // and now again
		if !collect {
			n.want(Likely)
			continue
		}
		n = newNursery(t, lim)
		a, b, other = Map{}, Map{}, [64]Map{}
		n.nest(0, &a, 1, &b, 2)
		churn()
		die(&a, &b)
		n.gc++
		a, b = other[0], other[1] // copies: their serials are from elsewhere
		n.nest(1, &b, 2, &a, 1)
		n.want(Suppressed) // their classes, too
	}
}

// Copies of a lock that was used, each in the memory of the one before: the
// serial is that of the original, always.
func TestBirthsOfCopies(t *testing.T) {
	n := newNursery(t, SmallLimits())
	var first, second, a, b Map
	n.use(0, &first, 1)
	n.use(0, &second, 2)
	for i := range 100 {
		a, b = first, second
		if i%2 == 0 {
			n.nest(i%4, &a, 1, &b, 2)
		} else {
			n.nest(i%4, &b, 2, &a, 1)
		}
		n.gc++ // nobody has a and b any more: their memory is used again
	}
	n.want(Possible)

	// A copy that lives on is one lock.
	n = newNursery(t, SmallLimits())
	first, second, a, b = Map{}, Map{}, Map{}, Map{}
	n.use(0, &first, 1)
	n.use(0, &second, 2)
	a, b = first, second
	n.nest(0, &a, 1, &b, 2)
	n.nest(1, &b, 2, &a, 1)
	n.want(Likely)

	// A copy is not its original.
	n = newNursery(t, SmallLimits())
	first, second, a, b = Map{}, Map{}, Map{}, Map{}
	n.nest(0, &first, 1, &second, 2)
	a, b = first, second
	n.nest(1, &b, 2, &a, 1)
	n.want(Possible)

	// Nor if it is made while the original is held.
	n = newNursery(t, SmallLimits())
	first, second, a, b = Map{}, Map{}, Map{}, Map{}
	n.lock(0, &first, 1)
	n.lock(0, &second, 2)
	a, b = first, second
	n.unlock(0, &second)
	n.unlock(0, &first)
	n.nest(1, &b, 2, &a, 1)
	n.want(Possible)
}

// An object that goes through a pool keeps its lock, so it is the same lock.
func TestBirthsInAPool(t *testing.T) {
	n := newNursery(t, SmallLimits())
	var a, b Map
	n.nest(0, &a, 1, &b, 2)
	n.gc += 2 // the pool keeps it
	n.nest(1, &b, 2, &a, 1)
	n.want(Likely)
}

// A tag of other locks with the same addresses and serials is not believed.
func TestBirthsInTags(t *testing.T) {
	n := newNursery(t, SmallLimits())
	var a, b Map
	at := func(m *Map, birth uint64, class int) {
		*m = *newMapPtr(uint16(n.v.AddClass(fmt.Sprintf("p.C%d", class), 0)), uint32(birth)&serialMask)
		c := n.v.cradleOf(uintptr(unsafe.Pointer(m)))
		c.bear(birth)
	}
	for round := uint64(0); round < 3; round++ {
		at(&a, 1<<20+round<<12+1, 1)
		at(&b, 1<<20+round<<12+2, 2)
		// Each chain is known after the first round, so only its tag can tell.
		if round < 2 {
			n.nest(0, &a, 1, &b, 2)
		} else {
			n.nest(1, &b, 2, &a, 1)
		}
	}
	n.want(Possible)
	n = newNursery(t, SmallLimits())
	for round := uint64(0); round < 2; round++ {
		at(&a, 1<<20+round<<12+1+round*7, 1)
		at(&b, 1<<20+round<<12+2+round*7, 2)
		n.nest(0, &a, 1, &b, 2)
	}
	n.nest(1, &b, 2, &a, 1)
	n.want(Likely)
}

// The table under several goroutines: who looks a lock up has a birth of that very lock, or a new one.
func TestBirthsTogether(t *testing.T) {
	lim := SmallLimits()
	lim.Births = 4 * birthWays
	v := New(lim, Host{})
	var locks [64]Map
	done := make(chan map[[2]uint64]int)
	for g := range 4 {
		task := v.NewTask()
		go func() {
			mine := map[[2]uint64]int{}
			for i := range 100_000 {
				x := (i*7 + g*16) % len(locks)
				addr := uintptr(unsafe.Pointer(&locks[x]))
				if x/16 == g && i%3 == 0 { // its own locks die and are born
					c := v.cradleOf(addr)
					c.bear(v.newBirth(task))
				}
				b := v.birthOf(addr, uint32(x)+1)
				mine[[2]uint64{uint64(addr), b}] = x
			}
			done <- mine
		}()
	}
	at := map[[2]uint64]int{}
	for range 4 {
		for k, x := range <-done {
			if y, ok := at[k]; ok && x != y {
				t.Fatalf("birth %#x of locks %d and %d", k[1], x, y)
			}
			at[k] = x
		}
	}
}

func BenchmarkBirth(b *testing.B) {
	n := newNursery(nil, SmallLimits())
	var m Map
	b.Run("first use", func(b *testing.B) {
		for b.Loop() {
			n.use(0, &m, 1)
			die(&m)
		}
	})
	b.Run("look up", func(b *testing.B) {
		n.use(0, &m, 1)
		for b.Loop() {
			n.v.birthOf(uintptr(unsafe.Pointer(&m)), m.serial())
		}
	})
}
