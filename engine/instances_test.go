package engine

import (
	"math/rand/v2"
	"testing"
)

// A search costs what it may cost, whatever a program does with the instances of a class.
func TestStepsOfPairs(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   func(n *nursery, r *rand.Rand)
		most  uint64 // steps for each lock taken with another one held, on average
		level Level
		cut   bool
	}{
		{"handed over", handedOver, 64, Possible, false},
		{"keyed", keyedLocks, 64, Suppressed, false},
		{"clique in order", func(n *nursery, r *rand.Rand) { clique(n, r, 1, 200, 0) }, 256, Suppressed, false},
		{"clique in order, several goroutines", func(n *nursery, r *rand.Rand) { clique(n, r, 4, 200, 0) }, 256, Suppressed, false},
		{"clique of one goroutine, inverted", func(n *nursery, r *rand.Rand) { clique(n, r, 1, 200, 3) }, 64, Possible, false},
		{"clique under a gate, inverted", gatedClique, 256, Suppressed, false},
		{"lists of many", longLists, 256, Suppressed, false},
		{"cliques of a goroutine each, inverted", ownCliques, 2 * stepsPerPair, Possible, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNursery(t, DefaultLimits())
			c.run(n, rand.New(rand.NewPCG(1, 2)))
			pairs := n.v.pairs
			t.Logf("%d pairs, %d steps, %d cut", pairs, n.v.pairSteps, n.v.cut)
			if n.v.pairSteps > pairs*c.most {
				t.Errorf("%d pairs took %d steps, more than %d each", pairs, n.v.pairSteps, c.most)
			}
			if n.v.cut != 0 && !c.cut {
				t.Errorf("%d of %d searches were cut short", n.v.cut, n.v.searches)
			}
			n.want(c.level)
			if c.level == Possible && n.v.classes[n.v.classIn(last)].flags&classHandoff != 0 {
				return
			}
			// An inversion is found all the same, of two and of three.
			var l [5]Map
			n.nest(0, &l[0], 1, &l[1], 1)
			n.nest(1, &l[1], 1, &l[0], 1)
			n.want(Likely)
			n.nest(0, &l[2], 1, &l[3], 1)
			n.nest(1, &l[3], 1, &l[4], 1)
			n.nest(2, &l[4], 1, &l[2], 1)
			three := false
			for id := FindingID(1); id <= n.v.NumFindings(); id++ {
				f := &n.v.findings[id]
				three = three || f.n == 3 && f.level == Likely
			}
			if !three {
				t.Error("no cycle of three")
			}
		})
	}
}

// last is a lock of the class that the programs below use.
var last *Map

// handedOver takes tickets in any order, which other goroutines give back.
func handedOver(n *nursery, r *rand.Rand) {
	tickets := make([]Map, 50)
	last = &tickets[0]
	var out []int
	taken := make([]bool, len(tickets))
	for range 3000 {
		if len(out) == 20 {
			i := r.IntN(len(out))
			n.unlock(1+i%3, &tickets[out[i]])
			taken[out[i]] = false
			out = append(out[:i], out[i+1:]...)
		}
		if i := r.IntN(len(tickets)); !taken[i] {
			n.lock(0, &tickets[i], 1)
			taken[i] = true
			out = append(out, i)
		}
	}
}

// keyedLocks takes three locks each time, in the order of their keys.
func keyedLocks(n *nursery, r *rand.Rand) {
	locks := make([]Map, 3000)
	key := r.Perm(len(locks))
	last = &locks[0]
	for i := range 5000 {
		a, b, c := &locks[key[r.IntN(1000)]], &locks[key[1000+r.IntN(1000)]], &locks[key[2000+r.IntN(1000)]]
		g := i % 4
		n.lock(g, a, 1)
		n.lock(g, b, 1)
		n.use(g, c, 1)
		n.unlock(g, b)
		n.unlock(g, a)
	}
}

// clique nests each two of its instances, in an order that is not that of their
// addresses; goroutine 0 inverts some.
func clique(n *nursery, r *rand.Rand, goroutines, size, inverted int) {
	locks := make([]Map, size)
	last = &locks[0]
	key := r.Perm(size)
	all := r.Perm(size * size)
	for _, p := range all {
		i, j := p/size, p%size
		if i < j {
			n.nest(p%goroutines, &locks[key[i]], 1, &locks[key[j]], 1)
		} else if i > j && inverted != 0 && p%inverted == 0 {
			n.nest(0, &locks[key[i]], 1, &locks[key[j]], 1)
		}
	}
}

// gatedClique nests in any order, with one lock held that all have.
func gatedClique(n *nursery, r *rand.Rand) {
	var gate Map
	locks := make([]Map, 100)
	last = &locks[0]
	for p := range 8000 {
		i, j := r.IntN(100), r.IntN(100)
		if i == j {
			continue
		}
		n.lock(p%4, &gate, 2)
		n.nest(p%4, &locks[i], 1, &locks[j], 1)
		n.unlock(p%4, &gate)
	}
}

// longLists nests neighbours of lists, the lists and the neighbours in any order.
func longLists(n *nursery, r *rand.Rand) {
	locks := make([]Map, 2000)
	last = &locks[0]
	key := r.Perm(len(locks))
	for _, i := range r.Perm(len(locks) - 1) {
		n.nest(i%4, &locks[key[i]], 1, &locks[key[i+1]], 1)
	}
}

// ownCliques has a clique of each goroutine, with inversions of its own.
func ownCliques(n *nursery, r *rand.Rand) {
	var locks [4][100]Map
	last = &locks[0][0]
	for range 20000 {
		g, i, j := r.IntN(4), r.IntN(100), r.IntN(100)
		if i != j {
			n.nest(g, &locks[g][i], 1, &locks[g][j], 1)
		}
	}
}
