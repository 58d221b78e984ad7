// Package syncutil has wrappers, and types which look like some.
package syncutil

import "sync"

// Mutex promotes the methods.
type Mutex struct{ sync.Mutex }

func (m *Mutex) AssertHeld() {}

// RWMutex has its own, and more than the field.
type RWMutex struct {
	mu    sync.RWMutex
	owner int
}

var registry sync.Mutex

func (m *RWMutex) Lock() {
	registry.Lock()
	registry.Unlock()
	m.mu.Lock()
}
func (m *RWMutex) Unlock()  { m.mu.Unlock() }
func (m *RWMutex) RLock()   { rw := &m.mu; rw.RLock() }
func (m *RWMutex) RUnlock() { m.mu.RUnlock() }
func (m *RWMutex) TryLock() bool {
	return m.mu.TryLock()
}
func (m *RWMutex) LockWithTimeout(int) { m.mu.Lock() }
func (m *RWMutex) WithLocked(f func()) { m.mu.Lock() }

// Traced is a wrapper of a wrapper, by its only field.
type Traced struct {
	_  [0]func()
	in *RWMutex
}

func (t *Traced) Lock()   { t.in.Lock() }
func (t *Traced) Unlock() { t.in.Unlock() }

// SpinLock is defined as a mutex.
type SpinLock sync.Mutex

func (l *SpinLock) Lock()   { (*sync.Mutex)(l).Lock() }
func (l *SpinLock) Unlock() { (*sync.Mutex)(l).Unlock() }

// Server is no wrapper, though it can be locked: it has more to do.
type Server struct {
	mu   sync.Mutex
	addr string
}

func (s *Server) Lock()   { s.mu.Lock() }
func (s *Server) Unlock() { s.mu.Unlock() }

// Block is none either: the name only ends like it, and it counts.
type Block struct{ sync.Mutex }

func (b *Block) Count() { b.Lock() }
