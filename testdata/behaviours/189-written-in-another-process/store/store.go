// Package store has a lock that one package's tests read twice and another one's
// write. The two run in processes of their own, so nobody was seen writing the very
// lock that is read: possible.
package store

import "sync"

// A Store counts.
type Store struct {
	mu sync.RWMutex
	n  int
}

// Get returns the count.
func (s *Store) Get() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.n
}

// Twice reads it twice.
func (s *Store) Twice() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.Get() + s.Get()
}

// Add writes it.
func (s *Store) Add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
}
