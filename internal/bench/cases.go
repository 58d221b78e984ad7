package bench

//lint:file-ignore SA2001 empty critical sections are what is measured

import (
	"sync"
	"testing"
)

// A Case is one way of using locks.
//
// Run obeys b.N. Before it starts the timer it makes the case's acquisitions
// once, so that what an implementation learns of them is learnt; only a Batch
// measures learning. A case leaves no lock held and no goroutine behind.
type Case struct {
	Name string
	// Batch is set where b.N counts batches of a fixed, large number of locks
	// and ns/op is nonetheless per lock or goroutine, as the case says.
	Batch bool
	Run   func(b *testing.B)
}

// Cases are all cases, in the order in which they are shown.
//
// Each wants a process of its own where absolute numbers matter: L learns a
// graph that stays learnt, and F fills the tables of implementations that
// remember instances.
var Cases = []Case{
	{Name: "A_Uncontended", Run: uncontended},
	{Name: "B_Nested4", Run: nested4},
	{Name: "C_Private2", Run: private(2)},
	{Name: "C_Private8", Run: private(8)},
	{Name: "D_Contended2", Run: contended(2)},
	{Name: "D_Contended8", Run: contended(8)},
	{Name: "E_RLock", Run: rlock},
	{Name: "E_RLockShared2", Run: rlockShared(2)},
	{Name: "F_Fresh1e6", Batch: true, Run: fresh},
	{Name: "F_FreshNested1e6", Batch: true, Run: freshNested},
	{Name: "G_Nested22", Run: nested22},
	{Name: "H_Held100", Run: held(100)},
	{Name: "H_Held1000", Run: held(1000)},
	{Name: "I_DeepStack32", Run: deepStack32},
	{Name: "J_Goroutines1e5", Batch: true, Run: goroutines},
	{Name: "K_Instances1", Run: instances(1)},
	{Name: "K_Instances1e3", Run: instances(1e3)},
	{Name: "K_Instances1e6", Run: instances(1e6)},
	{Name: "L_Graph0", Run: graphSize(0)},
	{Name: "L_Graph100", Run: graphSize(100)},
	{Name: "L_Graph1000", Run: graphSize(1000)},
	{Name: "M_ChanBuffered", Run: underLock(false, chanBuffered)},
	{Name: "M_ChanBufferedHeld", Run: underLock(true, chanBuffered)},
	{Name: "M_ChanUnbuffered", Run: underLock(false, chanUnbuffered)},
	{Name: "M_ChanUnbufferedHeld", Run: underLock(true, chanUnbuffered)},
	{Name: "M_Select2", Run: underLock(false, select2)},
	{Name: "M_Select2Held", Run: underLock(true, select2)},
	{Name: "M_Select8", Run: underLock(false, select8)},
	{Name: "M_Select8Held", Run: underLock(true, select8)},
	{Name: "M_Select2Waits", Run: underLock(false, select2Waits)},
	{Name: "M_Select2WaitsHeld", Run: underLock(true, select2Waits)},
	{Name: "M_WaitGroup", Run: underLock(false, waitGroup)},
	{Name: "M_WaitGroupHeld", Run: underLock(true, waitGroup)},
	{Name: "M_WaitGroupGo", Run: underLock(false, waitGroupGo)},
	{Name: "M_WaitGroupGoHeld", Run: underLock(true, waitGroupGo)},
	{Name: "M_ContendedHeld2", Run: contendedHeld2},
}

// A padded lock shares no cache line with its neighbours.
type padded struct {
	mu Mutex
	_  [128]byte
}

// uncontended is one Lock and Unlock of one mutex by one goroutine.
func uncontended(b *testing.B) {
	p := new(padded)
	p.mu.Lock()
	p.mu.Unlock()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		p.mu.Lock()
		p.mu.Unlock()
	}
}

// nested4 is four mutexes of four classes locked in one order and unlocked in
// the opposite one.
func nested4(b *testing.B) {
	var p struct{ a, b, c, d Mutex }
	for i, m := range []*Mutex{&p.a, &p.b, &p.c, &p.d} {
		SetClass(m, i)
	}
	op := func() {
		p.a.Lock()
		p.b.Lock()
		p.c.Lock()
		p.d.Lock()
		p.d.Unlock()
		p.c.Unlock()
		p.b.Unlock()
		p.a.Unlock()
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}

// onEach runs op on n goroutines, about b.N times together. ns/op is wall time
// per op over all of them.
func onEach(b *testing.B, n int, op func(goroutine, times int)) {
	for g := range n {
		op(g, 1)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for g := range n {
		times := b.N / n
		if g < b.N%n {
			times++
		}
		wg.Go(func() { op(g, times) })
	}
	wg.Wait()
}

// private is n goroutines with a mutex each: whatever they wait for belongs to
// the implementation.
func private(n int) func(*testing.B) {
	return func(b *testing.B) {
		locks := make([]padded, n)
		onEach(b, n, func(g, times int) {
			p := &locks[g]
			for range times {
				p.mu.Lock()
				p.mu.Unlock()
			}
		})
	}
}

// contended is n goroutines and one mutex.
func contended(n int) func(*testing.B) {
	return func(b *testing.B) {
		p := new(padded)
		onEach(b, n, func(_, times int) {
			for range times {
				p.mu.Lock()
				p.mu.Unlock()
			}
		})
	}
}

// rlock is one RLock and RUnlock by one goroutine.
func rlock(b *testing.B) {
	rw := new(RWMutex)
	rw.RLock()
	rw.RUnlock()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		rw.RLock()
		rw.RUnlock()
	}
}

// rlockShared is n goroutines that read under one lock.
func rlockShared(n int) func(*testing.B) {
	return func(b *testing.B) {
		rw := new(RWMutex)
		onEach(b, n, func(_, times int) {
			for range times {
				rw.RLock()
				rw.RUnlock()
			}
		})
	}
}

// held is one uncontended pair while n parked goroutines hold a lock each that
// has nothing to do with it.
func held(n int) func(*testing.B) {
	return func(b *testing.B) {
		var holding, done sync.WaitGroup
		release := make(chan struct{})
		others := make([]padded, n)
		for i := range others {
			p := &others[i]
			SetClass(&p.mu, 1)
			holding.Add(1)
			done.Go(func() {
				p.mu.Lock()
				holding.Done()
				<-release
				p.mu.Unlock()
			})
		}
		holding.Wait()
		uncontended(b)
		b.StopTimer()
		close(release)
		done.Wait()
	}
}

// deepStack32 is a pair under 32 frames beyond those of the benchmark. The
// calls are part of the time.
func deepStack32(b *testing.B) {
	p := new(padded)
	pairUnder(p, 32)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		pairUnder(p, 32)
	}
}

//go:noinline
func pairUnder(p *padded, frames int) {
	if frames > 1 {
		pairUnder(p, frames-1)
		return
	}
	p.mu.Lock()
	p.mu.Unlock()
}

// instances is a pair on each of n mutexes of one class in turn.
//
// They lie in memory in the order of use, so that the processor fetches them
// ahead: the case is about the implementation's tables, not about the memory
// that a mutex itself takes. That size is obj-B/lock of F.
func instances(n int) func(*testing.B) {
	return func(b *testing.B) {
		locks := make([]Mutex, n)
		for i := range locks {
			locks[i].Lock()
			locks[i].Unlock()
		}
		b.ReportAllocs()
		b.ResetTimer()
		i := 0
		for range b.N {
			locks[i].Lock()
			locks[i].Unlock()
			if i++; i == n {
				i = 0
			}
		}
	}
}
