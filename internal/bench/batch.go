package bench

//lint:file-ignore SA2001 empty critical sections are what is measured

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// Sizes of the batch cases, and of the same under -short.
const (
	freshLocks      = 1e6
	freshLocksShort = 1e4
	goroutinesAlive = 1e5
	goroutinesShort = 1e3

	raceGoroutines = 8128 // the race detector's own limit
)

// A meter adds up the batches of one benchmark and reports them per lock or
// goroutine, instead of per batch.
type meter struct {
	time   time.Duration
	allocs uint64
	bytes  uint64
	ops    int
}

// measure runs batch, which makes ops operations, on the clock.
func (m *meter) measure(b *testing.B, ops int, batch func()) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.StartTimer()
	start := time.Now()
	batch()
	m.time += time.Since(start)
	b.StopTimer()
	runtime.ReadMemStats(&after)
	m.allocs += after.Mallocs - before.Mallocs
	m.bytes += after.TotalAlloc - before.TotalAlloc
	m.ops += ops
}

// report replaces the numbers that testing would give per batch.
func (m *meter) report(b *testing.B) {
	n := float64(m.ops)
	b.ReportAllocs()
	b.ReportMetric(float64(m.time.Nanoseconds())/n, "ns/op")
	b.ReportMetric(float64(m.allocs)/n, "allocs/op")
	b.ReportMetric(float64(m.bytes)/n, "B/op")
}

// liveHeap is the size of what is reachable, in bytes. Three collections let
// finalizers, cleanups and weak pointers go.
func liveHeap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// freshBatches runs b.N batches over n objects that alloc makes, of two locks
// each if nested, and reports the live heap of the first batch, where nothing
// is left of another:
//
//	obj-B/lock   of the objects themselves, before the first Lock
//	live-B/lock  what the first Lock of each added, with all of them reachable
//	kept-B/lock  what of it is still there when none is reachable any more
func freshBatches[T any](b *testing.B, locksEach int, alloc func() *T, lock func([]*T)) {
	b.StopTimer()
	lock([]*T{alloc()})
	locks := int(freshLocks)
	if testing.Short() {
		locks = freshLocksShort
	}
	var m meter
	for i := range b.N {
		objs := make([]*T, locks/locksEach)
		empty := liveHeap()
		for i := range objs {
			objs[i] = alloc()
		}
		made := liveHeap()
		m.measure(b, locks, func() { lock(objs) })
		if i == 0 {
			live := liveHeap()
			clear(objs)
			kept := liveHeap()
			b.ReportMetric(float64(made-empty)/float64(locks), "obj-B/lock")
			b.ReportMetric(float64(live-made)/float64(locks), "live-B/lock")
			b.ReportMetric(float64(kept-empty)/float64(locks), "kept-B/lock")
		}
		runtime.KeepAlive(objs)
	}
	m.report(b)
}

// fresh is the first Lock, with its Unlock, of a million mutexes that were
// allocated one by one. ns/op is per mutex.
func fresh(b *testing.B) {
	freshBatches(b, 1,
		func() *Mutex { return new(Mutex) },
		func(locks []*Mutex) {
			for _, m := range locks {
				m.Lock()
				m.Unlock()
			}
		})
}

// A nest is two locks of two classes, one taken under the other.
type nest struct{ outer, inner Mutex }

func newNest() *nest {
	n := new(nest)
	SetClass(&n.outer, 0)
	SetClass(&n.inner, 1)
	return n
}

// pair locks both and unlocks both.
func (n *nest) pair() {
	n.outer.Lock()
	n.inner.Lock()
	n.inner.Unlock()
	n.outer.Unlock()
}

// freshNested is the first Lock, with its Unlock, of a million mutexes, each
// second one taken under the one before it. ns/op is per mutex.
func freshNested(b *testing.B) {
	freshBatches(b, 2, newNest, func(nests []*nest) {
		for _, n := range nests {
			n.pair()
		}
	})
}

// goroutines is 100,000 goroutines that are all alive and each make one nested
// pair of their own. ns/op is per goroutine, from waking them until the last
// is through; it does not contain starting them. Memory that an implementation
// keeps for a goroutine shows as live-B/goroutine where it is on the heap; the
// runtime's own caches move that number by some 20 bytes either way.
func goroutines(b *testing.B) {
	n := int(goroutinesAlive)
	if testing.Short() {
		n = goroutinesShort
	}
	if raceEnabled && n > raceGoroutines {
		b.Skipf("the race detector dies at more than %d goroutines alive", raceGoroutines)
	}
	b.StopTimer()
	newNest().pair()
	var m meter
	for i := range b.N {
		var (
			start, finish         = make(chan struct{}), make(chan struct{})
			alive, locked, exited sync.WaitGroup
			nests                 = make([]nest, n)
		)
		for i := range nests {
			p := &nests[i]
			SetClass(&p.inner, 1)
			alive.Add(1)
			locked.Add(1)
			exited.Go(func() {
				alive.Done()
				<-start
				p.pair()
				locked.Done()
				<-finish
			})
		}
		alive.Wait()
		made := liveHeap()
		m.measure(b, n, func() {
			close(start)
			locked.Wait()
		})
		if i == 0 {
			b.ReportMetric(float64(liveHeap()-made)/float64(n), "live-B/goroutine")
		}
		close(finish)
		exited.Wait()
	}
	m.report(b)
}
