// Package generic has type parameters.
package generic

import "sync"

type Cache[K comparable, V any] struct {
	mu sync.RWMutex
	m  map[K]V
	in *Cache[K, []V]
}

type strings struct{ Cache[string, string] }

type Locker[T any] interface {
	*T
	sync.Locker
}

func (c *Cache[K, V]) Get(k K) V {
	c.mu.RLock()
	c.in.mu.RLock()
	return c.m[k]
}

func Use[T any, P Locker[T]](s *strings, unknown P) {
	s.mu.Lock()
	new(Cache[int, T]).mu.Lock()
	var mu sync.Mutex
	mu.Lock()
	unknown.Lock()
}
