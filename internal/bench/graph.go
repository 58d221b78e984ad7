package bench

//lint:file-ignore SA2001 a first acquisition needs nothing under it

import "testing"

//go:generate go run ./genclasses -o classes_gen.go

// A class is one lock of the generated table, the only instance of its class.
//
// Implementations that name a class by the place of its first acquisition see
// a different one for each row, since each row's first is a Lock call on a
// line of its own. After first, mu may be locked from anywhere.
type class struct {
	mu    *Mutex
	first func() // locks mu
}

// Roles of the rows of classTable.
const (
	outerClass = 0 // the pair that L measures
	innerClass = 1
	graphClass = 2                 // the first of those that L learns around the pair
	denseClass = graphClass + 1000 // the first of those that G nests
)

const (
	groupSize = 8
	nestDepth = 22

	// Class numbers: those of the other cases come first, then the rows.
	tableClass = 4
	numClasses = tableClass + tableRows
)

// touch makes row i's first acquisition.
func touch(i int) {
	c := &classTable[i]
	SetClass(c.mu, tableClass+i)
	c.first()
	c.mu.Unlock()
}

// learnt is how many classes beside the pair the process has learnt.
var learnt int

// learn adds classes to the graph until there are n beside the pair.
//
//	m0 -> m1 -> ... -> m7    m8 -> ... -> m15    groups of 8
//	 |     |            |     |            |
//	 +-----+------------+-----+------------+---> outer -> inner
//
// Each class precedes the pair, so a search that starts at the pair and runs
// towards what comes before has all of the graph before it. Two thirds of the
// dependencies come from the arrows to outer and (not drawn) to inner. Groups
// keep paths below gVisor's limit of 32.
func learn(n int) {
	for ; learnt < n; learnt++ {
		i := graphClass + learnt
		touch(i)
		stack := []int{i, outerClass, innerClass}
		if learnt%groupSize > 0 {
			stack = append([]int{i - 1}, stack...)
		}
		for _, c := range stack {
			classTable[c].mu.Lock()
		}
		for j := len(stack) - 1; j >= 0; j-- {
			classTable[stack[j]].mu.Unlock()
		}
	}
}

// graphSize is a nested pair in a process that has learnt n more classes, and
// about 3n dependencies, that lead to it.
func graphSize(n int) func(*testing.B) {
	return func(b *testing.B) {
		touch(outerClass)
		touch(innerClass)
		learn(n)
		if learnt != n {
			b.Skipf("the process has learnt %d classes already", learnt)
		}
		outer, inner := classTable[outerClass].mu, classTable[innerClass].mu
		op := func() {
			outer.Lock()
			inner.Lock()
			inner.Unlock()
			outer.Unlock()
		}
		op()
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			op()
		}
	}
}

// nested22 is 22 mutexes of 22 classes locked in one order and unlocked in the
// opposite one. Each comes after all before it: 231 dependencies, on which a
// search without a visited set is exponential.
func nested22(b *testing.B) {
	var locks [nestDepth]*Mutex
	for i := range locks {
		touch(denseClass + i)
		locks[i] = classTable[denseClass+i].mu
	}
	op := func() {
		for _, m := range &locks {
			m.Lock()
		}
		for i := len(locks) - 1; i >= 0; i-- {
			locks[i].Unlock()
		}
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}
