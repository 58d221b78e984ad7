// Package bubbles has tests in synctest bubbles, and some that fail or skip.
package bubbles

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleepers(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var rw sync.RWMutex
			n := 0
			for i := range 100 {
				go func() {
					time.Sleep(time.Duration(i) * time.Minute)
					mu.Lock()
					defer mu.Unlock()
					rw.RLock()
					defer rw.RUnlock()
					n++
				}()
			}
			time.Sleep(100 * time.Minute)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if n != 100 {
				t.Errorf("%d of 100 woke", n)
			}
		})
	}
}

func TestContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 1000 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Second)
			wg.Go(func() {
				defer cancel()
				<-ctx.Done()
			})
		}
		wg.Wait()
	})
}

func TestCond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		ready := false
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				mu.Lock()
				defer mu.Unlock()
				for !ready {
					c.Wait()
				}
			})
		}
		synctest.Wait()
		mu.Lock()
		ready = true
		c.Broadcast()
		mu.Unlock()
		wg.Wait()
	})
}

func TestParallel(t *testing.T) {
	var mu sync.Mutex
	for range 50 {
		t.Run("sub", func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { mu.Lock(); mu.Unlock() })
			for range 100 {
				mu.Lock()
				mu.Unlock()
			}
		})
	}
}

func TestFails(t *testing.T) {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	t.Run("in", func(t *testing.T) { t.Fatal("as it must") })
}

func TestSkips(t *testing.T) { t.Skip("as it must") }
