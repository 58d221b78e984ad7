package engine

import (
	"fmt"
	"strings"
	"testing"
)

// words runs operations written as words on a fresh validator and returns the
// findings above suppressed, as "kind level a->b b->a". A word is goroutine and operation:
//
//	1+A  goroutine 1 locks A     1-A  unlocks      1e  goroutine 1 ends
//	1rA  read-locks              1uA  read-unlocks
//	1tA  locks by a try          1yA  read-locks by a try     1fA  a try fails
//	1wA  is about to lock A (waits)                            1gA  gets it
//	1m2  makes goroutine 2
//
// A class is the capital letter, a digit behind it tells instances apart.
func words(t *testing.T, text string) string {
	t.Helper()
	v, _ := acts(t, text)
	return said(v)
}

// acts runs operations written as words; it returns the validator and its journal.
func acts(t *testing.T, text string) (v *Validator, journal []byte) {
	t.Helper()
	cur := 0
	goids := []uint64{0, 1, 2, 3, 4}
	var makers [5]uint64
	v = New(SmallLimits(), Host{
		Goroutine: func() (uint64, uintptr) { return goids[cur], 0 },
		Maker:     func() uint64 { return makers[cur] },
		Journal:   func(b []byte) { journal = append(journal, b...) },
	})
	var tasks [5]*Task
	for i := range tasks {
		tasks[i] = v.NewTask()
	}
	maps := map[string]*Map{}
	for _, w := range strings.Fields(text) {
		cur = int(w[0] - '0')
		k, name := tasks[cur], w[2:]
		m := maps[name]
		if m == nil && name != "" && w[1] != 'm' {
			m = newMapPtr(uint16(v.AddClass(name[:1], 0)), uint32(v.newBirth(tasks[0])))
			maps[name] = m
		}
		switch w[1] {
		case '+':
			v.AcquireWriter(k, m, testPCs[cur])
			v.Acquired(k, m, Write)
		case 'r':
			v.Acquire(k, m, testPCs[cur], Read)
			v.Acquired(k, m, Read)
		case '-':
			v.Release(k, m, Write)
		case 'u':
			v.Release(k, m, Read)
		case 't':
			v.TryAcquired(k, m, testPCs[cur], Write)
		case 'y':
			v.TryAcquired(k, m, testPCs[cur], Read)
		case 'f':
			v.TryFailed(k, m, testPCs[cur], Write)
		case 'w':
			v.AcquireWriter(k, m, testPCs[cur])
		case 'g':
			v.Acquired(k, m, Write)
		case 'm':
			k.Stretch()
			if makers[name[0]-'0'] = k.AsMaker(); makers[name[0]-'0'] == 0 {
				makers[name[0]-'0'] = makers[cur]
			}
		case 'e':
			v.EndTask(k)
			goids[cur] += 10
		default:
			t.Fatalf("word %q", w)
		}
	}
	return v, journal
}

// said has v's findings above suppressed in words.
func said(v *Validator) string {
	var out []string
	for id := FindingID(1); id <= v.NumFindings(); id++ {
		f, _ := v.Finding(id)
		if f.Level == Suppressed {
			continue
		}
		s := fmt.Sprint(f.Kind, " ", f.Level)
		for _, x := range f.Sides {
			s += " " + x.Holds.Class + "->" + x.Wants.Class
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

// TestRules has, for each rule, what must be reported beside what must not.
func TestRules(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"two orders", "1+A 1+B 1-B 1-A 2+B 2+A", "circular likely B->A A->B"},
		{"one order", "1+A 1+B 1-B 1-A 2+A 2+B", ""},
		{"one goroutine", "1+A 1+B 1-B 1-A 1+B 1+A", "circular possible B->A A->B"},
		{"other instances", "1+A1 1+B1 1-B1 1-A1 2+B2 2+A2", "circular possible B->A A->B"},
		{"a gate", "1+G 1+A 1+B 1-B 1-A 1-G 2+G 2+B 2+A", ""},
		{"a gate on one side", "1+G 1+A 1+B 1-B 1-A 1-G 2+B 2+A", "circular likely B->A A->B"},
		{"readers of a gate", "1rG 1+A 1+B 1-B 1-A 1uG 2rG 2+B 2+A", "circular likely B->A A->B"},
		{"reader and writer of a gate", "1rG 1+A 1+B 1-B 1-A 1uG 2+G 2+B 2+A", ""},
		{"readers, no writer", "1rA 1rB 1uB 1uA 2rB 2rA", ""},
		{"readers, writers come later", "1rA 1rB 1uB 1uA 2rB 2rA 2uA 2uB 3+A 3-A 3+B 3-B", "circular likely B->A A->B"},
		{"a try does not wait", "1+A 1tB 1-B 1-A 2+B 2+A", ""},
		{"a try holds", "1tA 1+B 1-B 1-A 2+B 2+A", "circular likely B->A A->B"},
		{"taken again", "1+A 1wA", "recursive proved A->A"},
		{"taken again, then released elsewhere", "1+A 1wA 2-A 1gA", ""},
		{"reader again, no writer", "1rA 1rA", ""},
		{"reader again, a writer", "1+A 1-A 2rA 2rA", "recursive-read likely A->A"},
		{"reader again, handed over later", "1+A 1-A 2rA 2rA 3uA", ""},
		{"instances, rising", "1+A1 1+A2 1-A2 1-A1 2+A2 2+A3", ""},
		{"instances, against each other", "1+A1 1+A2 1-A2 1-A1 2+A2 2+A1", "same-class likely A->A A->A"},

		// An order made by a cached chain under a gate is no order without it.
		{"a tag under a gate", "1+G1 1+A1 1+B1 1-B1 1-A1 1-G1 1+A1 1+B1 1-B1 1-A1 1+G1 1+A2 1+B2 1-B2 1-A2 1-G1 2+G1 2+B2 2+A2", "circular possible B->A A->B"},
		{"a tag without one", "1+A1 1+B1 1-B1 1-A1 1+A2 1+B2 1-B2 1-A2 2+B2 2+A2", "circular likely B->A A->B"},
		{"a tag of readers", "1+A1 1+B1 1-B1 1-A1 1rA1 1rB1 1uB1 1uA1 1rA2 1rB2 1uB2 1uA2 2rB2 2rA2", "circular possible B->A A->B"},
		// A chain that is new on a known cycle records its instances too.
		{"new chain on a known cycle", "1+A1 1+B1 1-B1 1-A1 2+B2 2+A2 2-A2 2-B2 1+C 1+A1 1+B1 1-B1 1-A1 1+A3 1+B3 1-B3 1-A3 1-C 2+B3 2+A3", "circular likely B->A A->B"},
		// A likely long cycle does not hide a possible short one.
		{"short beside long", "1+B2 1+A2 1-A2 1-B2 2+B1 2+C1 2-C1 2-B1 3+C1 3+A1 3-A1 3-C1 4+A1 4+B1", "circular possible A->B B->A; circular likely A->B B->C C->A"},
		// Equal chains of writers do not use up the places of others.
		{"many writers under a gate", "1+G 1+A 1-A 1+A 1-A 1+A 1-A 1+A 1-A 1+A 1-A 1-G 1+H 1+A 1-A 1-H 2+G 2rA 2rA", "recursive-read likely A->A"},
		// The ninth chain held less than the eight before it.
		{"a chain with fewer gates", "1+G 1+H 1+I 1+J 1+A 1+B 1-B 1-A 1-J 1+A 1+B 1-B 1-A 1-I 1+A 1+B 1-B 1-A 1+J 1+A 1+B 1-B 1-A 1-J 1-H " +
			"1+A 1+B 1-B 1-A 1+I 1+A 1+B 1-B 1-A 1+J 1+A 1+B 1-B 1-A 1-J 1-I 1+J 1+A 1+B 1-B 1-A 1-J 1-G 1+A 1+B 1-B 1-A 2+G 2+B 2+A", "circular likely B->A A->B"},
		{"dependencies below a recursion", "3+A 3-A 1+B 1yA 1rA 1uA 1uA 1-B 2rA 2+B", "recursive-read likely A->A; circular likely A->B B->A"},

		// Releases on other goroutines.
		{"released elsewhere", "1+A 2-A 1+B 1-B 2+B 2+A 2-A 2-B", ""},
		{"passed on, then released by the first", "1+A 2-A 3+A 1-A 3+B 3-B 2+B 2+A 2-A 2-B", ""},
		{"a reader left behind does not keep readers out", "1rA 1e 2rA", ""},
		{"a writer left behind", "1+A 1e 2wA", "exit-held possible A->A"},
		{"left behind, released elsewhere", "1+A 1e 2-A 3+A", ""},
		{"left behind, a try fails", "1+A 1e 2+B 2-B 2fA 2fA", "exit-held possible A->A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := words(t, c.text); got != c.want {
				t.Errorf("%s\ngot  %q\nwant %q", c.text, got, c.want)
			}
		})
	}
}

// TestWantedOnce: who tries a lock again and again that was left behind does
// not fill the tables.
func TestWantedOnce(t *testing.T) {
	r := newRig(SmallLimits(), Host{}, 2, 1)
	r.lock(0, 0, Write)
	r.v.EndTask(r.tasks[0])
	for range 10000 {
		r.v.TryFailed(r.tasks[1], &r.maps[0], testPCs[0], Write)
	}
	if n := r.v.Stats().Observations; n != 1 {
		t.Errorf("%d observations", n)
	}
}

// TestHandoffComesBack: a graph file that says late that a class is handed over
// lowers the findings before it, as it did live.
func TestHandoffComesBack(t *testing.T) {
	v := New(SmallLimits(), Host{})
	a, b := v.AddClass("a", 0), v.AddClass("b", 0)
	for g, o := range [][2]ClassID{{a, b}, {b, a}} {
		v.Observe(&Recorded{
			Kind: obsLock, Goroutine: uint64(g + 1),
			Lock: RecordedLock{Class: o[1], Birth: uint64(o[1]), Addr: 1},
			Held: []RecordedLock{{Class: o[0], Birth: uint64(o[0]), Addr: 1}},
		})
	}
	if l := v.Level(1); l != Likely {
		t.Fatalf("level %v", l)
	}
	v.AddClass("a", classHandoff)
	if l := v.Level(1); l != Possible {
		t.Errorf("level %v after the hand-over", l)
	}
}

// TestLiveNames: locks get their classes from the host, at the first acquisition.
func TestLiveNames(t *testing.T) {
	var cur *Task
	names := map[byte]Naming{'L': {Class: "p.T.mu", Array: true}, 'O': {Class: "p.once"}}
	v := New(SmallLimits(), Host{
		Task:  func() *Task { return cur },
		Names: true,
		Name:  func(_, _ string, _ int, kind byte) Naming { return names[kind] },
	})
	cur = v.NewTask()
	var mu, once Map
	if v.Acquire(nil, &mu, testPCs[0], Write) != cur {
		t.Fatal("not the host's task")
	}
	v.Acquired(cur, &mu, Write)
	v.AcquireOnce(cur, &once, testPCs[1])
	v.Acquired(cur, &once, Write)
	cur.SetTest(v.Test("TestX"))
	v.Wait(cur, testPCs[2])
	v.Release(nil, &once, Write)
	v.Release(nil, &mu, Write)
	if got := v.ClassName(ClassID(mu.class() &^ slowBit)); got != "p.T.mu" {
		t.Errorf("class %q", got)
	}
	if got := v.ClassName(ClassID(once.class() &^ slowBit)); got != "p.once" {
		t.Errorf("class %q", got)
	}
	v.Touch(cur, &once, testPCs[1])
	if s := v.Stats(); s.Dependencies != 1 || s.Observations != 2 || cur.depth != 0 {
		t.Errorf("%+v", s)
	}
	// A lock without a name is weak and gets a name where there is one.
	names['L'] = Naming{}
	var weak Map
	v.Acquire(cur, &weak, testPCs[3], Write)
	v.Release(cur, &weak, Write)
	if v.classes[weak.class()&^slowBit].flags&classWeak == 0 || weak.class()&slowBit == 0 {
		t.Error("not weak")
	}
	serial := weak.serial()
	names['L'] = Naming{Class: "p.U.mu"}
	v.Acquire(cur, &weak, testPCs[4], Write)
	v.Release(cur, &weak, Write)
	if got := v.ClassName(ClassID(weak.class() &^ slowBit)); got != "p.U.mu" || weak.serial() != serial {
		t.Errorf("class %q serial %d, was %d", got, weak.serial(), serial)
	}
	// A class that is not judged leaves nothing.
	names['L'] = Naming{Class: "p.no", NoValidate: true}
	n := v.Stats().Observations
	var no Map
	pc := somePCs()[0] - 1
	v.Acquire(cur, &mu, testPCs[0], Write)
	v.Acquire(cur, &no, pc, Write)
	v.Acquire(cur, &weak, testPCs[4], Write)
	v.Release(cur, &mu, Write)
	v.Release(cur, &weak, Write)
	v.Release(cur, &no, Write)
	if s := v.Stats(); s.Observations != n+1 || cur.depth != 0 {
		t.Errorf("%+v", s)
	}
}
