package main

import (
	"fmt"
	"io"
)

// The limits of time are lockdep's own, set before the first line of it was
// written and published with the table in docs/performance.md:
//
//   - an uncontended pair costs at most 1.5 times plain sync's, and never more
//     than 8 ns on top of it: a program that takes a lock once in a microsecond
//     then runs within one percent of its speed;
//   - four nested pairs cost at most 1.6 times, RLock and RUnlock at most 1.5
//     times plain sync's;
//   - an operation on a channel that nobody waits at, with no lock held, costs at
//     most 3 ns more; no operation on a channel or a WaitGroup and no contended
//     lock, with and without a lock held, more than 1.3 times plain Go's;
//   - none of them allocates;
//   - the cost is flat in the number of locks held elsewhere, of instances, and
//     of classes and dependencies learnt;
//   - the first Lock of a fresh mutex takes less than 40 ns. The case's number
//     has the Unlock in it, which is on the safe side.
//
// flatShare is this package's: a cost is flat if what lockdep adds to plain
// sync in the large case exceeds what it adds in the small one by at most this
// share of its time in the small one. A virtual machine's noise is about 10 %
// for either.
const (
	pairRatio    = 1.5
	pairExtra    = 8.0 // ns
	nested4Ratio = 1.6
	rlockRatio   = 1.5
	freshNanos   = 40.0
	eventExtra   = 3.0 // ns
	eventRatio   = 1.3
	flatShare    = 0.2
)

// A limit is what one number of lockdep's may be.
type limit struct {
	caseName string
	what     string
	unit     string
	max      float64
	stat     stat
}

var timeLimits = []limit{
	{"A_Uncontended", "ratio to plain sync", "x", pairRatio, ratio},
	{"B_Nested4", "ratio to plain sync", "x", nested4Ratio, ratio},
	{"E_RLock", "ratio to plain sync", "x", rlockRatio, ratio},
	{"E_RLockShared2", "ratio to plain sync", "x", rlockRatio, ratio},
	{"A_Uncontended", "over plain sync", " ns", pairExtra, extra},
	{"H_Held100", "over plain sync", " ns", pairExtra, extra},
	{"H_Held1000", "over plain sync", " ns", pairExtra, extra},
	{"I_DeepStack32", "over plain sync", " ns", pairExtra, extra},
	{"K_Instances1", "over plain sync", " ns", pairExtra, extra},
	{"K_Instances1e3", "over plain sync", " ns", pairExtra, extra},
	{"K_Instances1e6", "over plain sync", " ns", pairExtra, extra},
	{"M_ChanBuffered", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_ChanBufferedHeld", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_ChanUnbuffered", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_ChanUnbufferedHeld", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_Select2", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_Select2Held", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_Select8", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_Select8Held", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_Select2Waits", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_Select2WaitsHeld", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_WaitGroup", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_WaitGroupHeld", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_WaitGroupGo", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_WaitGroupGoHeld", "ratio to plain Go", "x", eventRatio, ratio},
	{"D_Contended2", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_ContendedHeld2", "ratio to plain Go", "x", eventRatio, ratio},
	{"M_ChanBuffered", "over plain Go", " ns", eventExtra, extra},
	{"M_Select2", "over plain Go", " ns", eventExtra, extra},
	{"F_Fresh1e6", "first Lock with its Unlock", " ns", freshNanos, nanos},
}

// flatPairs are a small and a large case each.
var flatPairs = []struct{ small, large, in string }{
	{"A_Uncontended", "H_Held100", "locks held elsewhere"},
	{"A_Uncontended", "H_Held1000", "locks held elsewhere"},
	{"K_Instances1", "K_Instances1e3", "instances"},
	{"K_Instances1", "K_Instances1e6", "instances"},
	{"L_Graph0", "L_Graph100", "size of the graph"},
	{"L_Graph0", "L_Graph1000", "size of the graph"},
}

// noAllocs are the cases in which lockdep must not allocate: the three that
// the limits name, and what repeats them under other circumstances.
var noAllocs = []string{
	"A_Uncontended", "B_Nested4", "E_RLock", "E_RLockShared2", "G_Nested22", "H_Held100", "H_Held1000", "I_DeepStack32",
	"K_Instances1", "K_Instances1e3", "K_Instances1e6", "L_Graph0", "L_Graph100", "L_Graph1000",
}

// writeLimits prints a line for each limit on what was measured: PASS, MISS for
// a limit of time, FAIL for an allocation. It returns whether there was a FAIL.
func (r *results) writeLimits(w io.Writer) (allocated bool) {
	fmt.Fprint(w, "\nLimits on lockdep. MISS is a limit of time exceeded, for information; FAIL is an allocation.\n\n")
	if _, ok := r.mutexBytes[lockdep]; !ok {
		fmt.Fprint(w, "Not measured: lockdep was not among the implementations.\n")
		return false
	}
	for _, l := range timeLimits {
		if v, ok := r.median(l.caseName, lockdep, l.stat); ok {
			verdict(w, v <= l.max, "MISS", "%s: %s%s %s (limit %s%s)", l.caseName, number(v), l.unit, l.what, number(l.max), l.unit)
		}
	}
	for _, f := range flatPairs {
		base, ok := r.median(f.small, lockdep, nanos)
		small, ok1 := r.median(f.small, lockdep, extra)
		large, ok2 := r.median(f.large, lockdep, extra)
		if ok && ok1 && ok2 {
			growth := flatShare * base
			verdict(w, large-small <= growth, "MISS", "%s: flat in %s, %s ns over plain sync against %s ns in %s (limit %s ns more)",
				f.large, f.in, signed(large), signed(small), f.small, number(growth))
		}
	}
	for _, c := range noAllocs {
		// The worst round counts: an allocation is not noise.
		if each := r.each(c, lockdep, value(allocsPerOp)); len(each) > 0 {
			worst := each[len(each)-1]
			if !verdict(w, worst == 0, "FAIL", "%s: %s allocs/op (limit 0)", c, number(worst)) {
				allocated = true
			}
		}
	}
	return allocated
}

// verdict prints one line and returns ok.
func verdict(w io.Writer, ok bool, otherwise, format string, args ...any) bool {
	word := "PASS"
	if !ok {
		word = otherwise
	}
	fmt.Fprintf(w, "- %s %s\n", word, fmt.Sprintf(format, args...))
	return ok
}
