// Package arrays has locks in elements.
package arrays

import "sync"

type shard struct {
	mu   sync.Mutex
	deep struct{ mu sync.Mutex }
	up   *shard
}

type T struct {
	shards [4]shard
	ptrs   []*shard
	keyed  map[string]*sync.Mutex
	locks  []sync.RWMutex
	anon   []struct{ mu sync.Mutex }
	grid   [2][2]sync.Mutex
}

var table [8]sync.Mutex

func (t *T) f(i int) {
	t.shards[i].mu.Lock()
	t.shards[i].deep.mu.Lock()
	s := &t.shards[i]
	s.mu.Lock()
	t.keyed["k"].Lock()
	t.locks[i].RLock()
	t.anon[i].mu.Lock()
	t.grid[i][i].Lock()
	table[i].Lock()
	l := &table[i]
	l.Lock()
	for _, m := range t.keyed {
		m.Lock()
	}
	local := make([]sync.Mutex, 2)
	local[i].Lock()
	part := t.locks[:i]
	part[0].Lock()
}

// plain locks lie behind a pointer: the element is not the lock's place.
func (t *T) plain(i int) {
	t.ptrs[i].mu.Lock()
	t.shards[i].up.mu.Lock()
	for _, s := range t.ptrs {
		s.mu.Lock()
	}
	if s, ok := map[int]*shard{}[i]; ok {
		s.mu.Lock()
	}
}
