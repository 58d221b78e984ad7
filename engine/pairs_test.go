package engine

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// flood nests new locks of class c in new locks of it, in memory that is used again.
func (n *nursery) flood(g, pairs, c int) {
	a, b := new([2]Map), new([2]Map)
	for i := range pairs {
		x, y := &a[i%2], &b[i/2%2]
		n.nest(g, x, c, y, c)
		die(x, y)
	}
}

// The inversion that comes after any number of pairs of its class, or of
// another one, is found as the first one would be.
func TestManyPairs(t *testing.T) {
	pairs := 300_000
	if testing.Short() {
		pairs = 30_000
	}
	for _, c := range []struct {
		name        string
		flood, x, y int
		before      bool // the first half comes before the flood
		alive       int  // pairs in the flood that live
		full        bool
	}{
		{"same class", 1, 1, 1, false, 0, false},
		{"other class", 2, 1, 1, false, 0, false},
		{"two classes", 2, 1, 3, false, 0, false},
		{"same class, live pair first", 1, 1, 1, true, 0, false},
		{"other class, live pair first", 2, 1, 1, true, 0, false},
		{"two classes, live pair first", 2, 1, 3, true, 0, false},
		{"live pairs in the flood", 1, 1, 1, true, 3 * maxSamplesSelf, false},
		{"more live pairs than there are marks", 1, 1, 1, false, 5 << pastBits >> 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.full && testing.Short() {
				t.Skip("300,000 pairs")
			}
			var file bytes.Buffer
			tree := make([]Map, c.alive+1)
			n := newNursery(t, DefaultLimits())
			n.v.host.Journal = func(b []byte) { file.Write(b) }
			if c.alive != 0 {
				n.v.host.Word = func(p uintptr) (uint32, bool) {
					return tree[(p-uintptr(unsafe.Pointer(&tree[0])))/unsafe.Sizeof(tree[0])].sema, true
				}
			}
			var a, b Map
			if c.before {
				n.nest(0, &a, c.x, &b, c.y)
			}
			for i := range tree[1:] { // more of them than the class has room for
				n.nest(2, &tree[i], c.flood, &tree[i+1], c.flood)
				if i%maxSamplesSelf == maxSamplesSelf/2 {
					n.gc += 3
				}
			}
			n.flood(2, pairs, c.flood)
			if !c.before {
				n.nest(0, &a, c.x, &b, c.y)
			}
			n.want(Suppressed)
			n.nest(1, &b, c.y, &a, c.x)
			n.want(Likely)
			if full := n.v.Full(); len(full) != 0 != c.full {
				t.Errorf("full: %v", full)
			}
			if st := n.v.Stats(); st.Observations > 3*maxSamplesSelf || st.Samples > 4*maxSamplesSelf {
				t.Errorf("%+v", st)
			}
			if file.Len() > 1<<16 {
				t.Errorf("the graph file has %d bytes", file.Len())
			}
			if s := replayed(n.v, file.Bytes()); s != "" {
				t.Error(s)
			}
		})
	}
}

// A goroutine that holds many new locks of one class at once fills no table either,
// however often it does.
func TestManyHeld(t *testing.T) {
	lim := DefaultLimits()
	lim.HeldRecords = 250_000
	n := newNursery(t, lim)
	locks := make([]Map, 60)
	for range 1000 {
		for i := range locks {
			n.lock(0, &locks[i], 1)
		}
		for i := range locks {
			n.unlock(0, &locks[len(locks)-1-i])
			die(&locks[len(locks)-1-i])
		}
	}
	if full := n.v.Full(); len(full) != 0 {
		t.Errorf("full: %v", full)
	}
}

// A pair that is in use is kept among any number of others, also where something else
// is held, so that the table past could not say enough of it.
func TestPairInUseIsKept(t *testing.T) {
	n := newNursery(t, DefaultLimits())
	var gate, x, y Map
	n.v.host.Word = func(p uintptr) (uint32, bool) {
		for _, m := range []*Map{&x, &y} {
			if p == uintptr(unsafe.Pointer(&m.sema)) {
				return m.sema, true
			}
		}
		return 0, false
	}
	n.lock(0, &gate, 2)
	for range 2 * maxSamples { // the first of their chain stay
		n.nest(0, new(Map), 1, new(Map), 1)
	}
	n.nest(0, &x, 1, &y, 1)
	for i := range 3 * maxSamplesSelf / 2 { // not more than the births table has room for, with words of 32 bits
		a, b := new(Map), new(Map)
		n.nest(0, a, 1, b, 1)
		if i%(maxSamplesSelf/8) == 0 {
			n.gc++
		}
	}
	n.unlock(0, &gate)
	n.want(Suppressed)
	n.nest(1, &y, 1, &x, 1)
	n.want(Likely)
	if full := n.v.Full(); len(full) != 0 {
		t.Errorf("full: %v", full)
	}
}

// Short-lived locks on a cycle of classes take no room from those that live.
func TestManyOnACycle(t *testing.T) {
	var file bytes.Buffer
	n := newNursery(t, DefaultLimits())
	n.v.host.Journal = func(b []byte) { file.Write(b) }
	var x, y, a, b Map
	for i := range 30_000 {
		if i%2 == 0 {
			n.nest(i%4, &a, 1, &b, 2)
		} else {
			n.nest(i%4, &b, 2, &a, 1)
		}
		die(&a, &b)
	}
	n.want(Possible)
	n.nest(0, &x, 1, &y, 2)
	n.nest(1, &y, 2, &x, 1)
	n.want(Likely)
	if file.Len() > 1<<16 || len(n.v.Full()) != 0 || n.v.Stats().Observations > 1000 {
		t.Errorf("%d bytes, full %v, %+v", file.Len(), n.v.Full(), n.v.Stats())
	}
	if s := replayed(n.v, file.Bytes()); s != "" {
		t.Error(s)
	}
}

// A pair costs the same whether it is the first or the millionth.
func TestPairsAreLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	n := newNursery(t, DefaultLimits())
	part := func() time.Duration {
		start := time.Now()
		n.flood(0, 50_000, 1)
		return time.Since(start)
	}
	part()
	first := part()
	for range 6 {
		part()
	}
	if last := min(part(), part(), part()); last > 3*first {
		t.Errorf("50,000 pairs took %v, later %v", first, last)
	}
}

func BenchmarkFreshPair(b *testing.B) {
	n := newNursery(nil, DefaultLimits())
	b.ReportAllocs()
	n.flood(0, 10_000, 1)
	b.ResetTimer()
	n.flood(0, b.N, 1)
}

// A full table says what is not judged any more, once, wherever it is read.
func TestFullSays(t *testing.T) {
	for tab := tabNone + 1; tab < numTables; tab++ {
		if s := (FullTable{Table: tab}).String(); lost[tab] == "" || !strings.HasSuffix(s, "full: "+lost[tab]) {
			t.Errorf("%v: %q", tab, s)
		}
	}
	var said []string
	lim := SmallLimits()
	lim.Classes = 4
	v := New(lim, Host{Full: func(f FullTable) { said = append(said, f.String()) }})
	for _, c := range []string{"a", "b", "c", "d", "e", "f"} {
		v.AddClass(c, 0)
	}
	v.lock()
	for range 3 {
		v.fullOf(tabPairs, 7, 2)
		v.fullOf(tabPairs, 7, 1)
	}
	v.unlock()
	want := []string{
		"the table of classes was full (limit 4): locks of further classes are not judged",
		"the table of instance pairs was full (class b, limit 7): " + lost[tabPairs],
		"the table of instance pairs was full (class a, limit 7): " + lost[tabPairs],
	}
	if !slices.Equal(said, want) {
		t.Errorf("said %q", said)
	}
	if all := v.FullTables(); len(all) != 3 || all[1].Class != "a" || len(v.Full()) != 2 {
		t.Errorf("%+v, %v", all, v.Full())
	}
}
