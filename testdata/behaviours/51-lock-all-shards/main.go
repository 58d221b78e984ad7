// A sharded map: get and put lock one shard, snapshot locks all 64 from the first
// to the last and frees them from the first to the last as well. One order:
// silence, and 64 held locks are no trouble.
package main

import (
	"fmt"
	"sync"
)

type shard struct {
	mu   sync.RWMutex
	vals map[int]int
}

type shardedMap struct{ shards [64]shard }

func newShardedMap() *shardedMap {
	m := &shardedMap{}
	for i := range m.shards {
		m.shards[i].vals = map[int]int{}
	}
	return m
}

func (m *shardedMap) put(k, v int) {
	s := &m.shards[k%len(m.shards)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vals[k] = v
}

func (m *shardedMap) get(k int) int {
	s := &m.shards[k%len(m.shards)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.vals[k]
}

func (m *shardedMap) snapshot() (n int) {
	for i := range m.shards {
		m.shards[i].mu.Lock()
	}
	for i := range m.shards {
		n += len(m.shards[i].vals)
	}
	for i := range m.shards {
		m.shards[i].mu.Unlock()
	}
	return n
}

func (m *shardedMap) readAll() (sum int) {
	for i := range m.shards {
		m.shards[i].mu.RLock()
		defer m.shards[i].mu.RUnlock()
	}
	for i := range m.shards {
		for _, v := range m.shards[i].vals {
			sum += v
		}
	}
	return sum
}

func main() {
	m := newShardedMap()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 50 {
				m.put(g*50+i, i)
				m.get(i)
			}
			m.snapshot()
			m.readAll()
		}()
	}
	wg.Wait()
	fmt.Println("keys:", m.snapshot(), "sum:", m.readAll())
}
