package engine

import (
	"fmt"
	"sync"
	"testing"
)

// TestConcurrent learns and judges on eight goroutines at once. The locks are
// real, so that their maps are touched as in a live program.
func TestConcurrent(t *testing.T) {
	const workers, classes, rounds = 8, 6, 400
	lim := SmallLimits()
	lim.Observations, lim.HeldRecords, lim.Samples = 1<<14, 1<<16, 1<<16
	found := make(chan FindingID, 1<<10)
	v := New(lim, Host{Journal: func([]byte) {}, Found: func(f FindingID) { found <- f }})
	type lock struct {
		sync.RWMutex
		m Map
	}
	var locks [classes]lock
	first := v.NewTask()
	for i := range locks {
		locks[i].m = newMap(uint16(v.AddClass(fmt.Sprintf("p.c%d", i), 0)), uint32(v.newBirth(first)))
	}
	var gate sync.Mutex // the program's own order: no real deadlock
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			k := v.NewTask()
			for r := range rounds {
				a, b := &locks[(r+w)%classes], &locks[(r*w+1)%classes]
				if a == b {
					continue
				}
				gate.Lock()
				v.AcquireWriter(k, &a.m, testPCs[w%5])
				a.Lock()
				v.Acquired(k, &a.m, Write)
				v.Acquire(k, &b.m, testPCs[r%5], Read)
				b.RLock()
				v.Acquired(k, &b.m, Read)
				v.Release(k, &b.m, Read)
				b.RUnlock()
				v.Release(k, &a.m, Write)
				a.Unlock()
				gate.Unlock()
				var own Map
				v.Acquire(k, &own, testPCs[w%5], Write)
				v.Acquired(k, &own, Write)
				v.Release(k, &own, Write)
				v.Observe(&Recorded{
					Kind: obsLock, Goroutine: uint64(w), Process: "other",
					Lock: RecordedLock{Class: ClassID(w%classes + 1), Birth: 1, Addr: 1},
					Held: []RecordedLock{{Class: ClassID(r%classes + 1), Birth: 2, Addr: 2}},
				})
				if r%50 == 0 {
					v.Stats()
					v.Finding(1)
					v.EndTask(k)
				}
			}
			v.EndTask(k)
		})
	}
	wg.Wait()
	close(found)
	if len(found) == 0 {
		t.Error("nothing found")
	}
	if s := v.checkOrder(); s != "" {
		t.Error(s)
	}
	if full := v.Full(); full != nil {
		t.Errorf("full: %q", full)
	}
}
