// A table of 64 shards; move locks the lower shard first, always. swap was
// written later and locks the higher one first. The report must name swap, the
// place that breaks the order all others keep.
package main

import (
	"fmt"
	"sync"
)

type table struct {
	shards [64]struct{ sync.Mutex }
	rows   [64]int
}

func (t *table) move(i, j int) {
	lo, hi := min(i, j), max(i, j)
	t.shards[lo].Lock()
	defer t.shards[lo].Unlock()
	t.shards[hi].Lock()
	defer t.shards[hi].Unlock()
	t.rows[i]--
	t.rows[j]++
}

func (t *table) swap(lo, hi int) {
	t.shards[hi].Lock()
	defer t.shards[hi].Unlock()
	t.shards[lo].Lock()
	defer t.shards[lo].Unlock()
	t.rows[lo], t.rows[hi] = t.rows[hi], t.rows[lo]
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	t := &table{}
	for i := range 64 {
		run(func() { t.move(i, (i+5)%64) })
	}
	run(func() { t.swap(4, 9) })
	sum := 0
	for _, n := range t.rows {
		sum += n
	}
	fmt.Println("sum:", sum)
}
