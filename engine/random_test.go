package engine

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

func envInt(name string, def int64) int64 {
	if s := os.Getenv(name); s != "" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	}
	return def
}

// TestTwin drives the engine and the naive twin with random operations and
// compares them after each. LOCKDEP_SEED runs one seed again, LOCKDEP_OPS sets
// the number of operations.
func TestTwin(t *testing.T) {
	if os.Getenv("LOCKDEP_SEED") != "" && os.Getenv("LOCKDEP_OPS") == "" {
		c := newConfig(envInt("LOCKDEP_SEED", 0))
		ops := draw(c)
		if f, _ := runOps(c, ops); f != "" {
			t.Fatal(report(c, ops))
		}
		return
	}
	total := envInt("LOCKDEP_OPS", 1_000_000)
	if testing.Short() {
		total = envInt("LOCKDEP_OPS", 100_000)
	}
	first := envInt("LOCKDEP_SEED", time.Now().UnixNano()&0xffffffff<<8)
	t.Logf("seeds from %d on, %d operations", first, total)
	var (
		mu     sync.Mutex
		next   = first
		did    int64
		failed []string
		wg     sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				if did >= total || len(failed) >= 3 {
					mu.Unlock()
					return
				}
				c := newConfig(next)
				next++
				did += int64(c.length)
				mu.Unlock()
				ops := draw(c)
				if f, _ := runOps(c, ops); f != "" {
					s := report(c, ops)
					mu.Lock()
					failed = append(failed, s)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for _, s := range failed {
		t.Error(s)
	}
	t.Log(fmt.Sprint("seeds ", first, " to ", next-1))
}
