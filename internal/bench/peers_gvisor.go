//go:build bench_gvisor && lockdep

package bench

import (
	"reflect"
	"sync"

	"gvisor.dev/gvisor/pkg/sync/locking"
)

// gVisor generates a mutex type for each class from a template
// (generic_mutex.go of pkg/sync/locking) whose methods call AddGLock before
// locking and DelGLock after unlocking, with the class in a package variable.
// The types below make the same calls and take the class from the lock, which
// adds one load from a line that Lock touches anyway. Without the tag lockdep
// both calls are empty; the build constraint above asks for both tags.

// Mutex is the mutual exclusion lock under test.
type Mutex struct {
	mu    sync.Mutex
	class uint16
}

// RWMutex is the reader/writer lock under test.
type RWMutex struct {
	mu    sync.RWMutex
	class uint16
}

// gvisorClasses are the classes by number.
var gvisorClasses = func() (c [numClasses]*locking.MutexClass) {
	for i := range c {
		// The type only names the class in reports; arrays of different
		// length are different types.
		c[i] = locking.NewMutexClass(reflect.ArrayOf(i, reflect.TypeFor[sync.Mutex]()), nil)
	}
	return c
}()

// SetClass puts m, which must not be held, into lock class i.
func SetClass(m *Mutex, i int) { m.class = uint16(i) }

// Lock locks m.
func (m *Mutex) Lock() {
	locking.AddGLock(gvisorClasses[m.class], -1)
	m.mu.Lock()
}

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	locking.DelGLock(gvisorClasses[m.class], -1)
	m.mu.Unlock()
}

// Lock locks m for writing.
func (m *RWMutex) Lock() {
	locking.AddGLock(gvisorClasses[m.class], -1)
	m.mu.Lock()
}

// Unlock undoes one Lock.
func (m *RWMutex) Unlock() {
	locking.DelGLock(gvisorClasses[m.class], -1)
	m.mu.Unlock()
}

// RLock locks m for reading.
func (m *RWMutex) RLock() {
	locking.AddGLock(gvisorClasses[m.class], -1)
	m.mu.RLock()
}

// RUnlock undoes one RLock.
func (m *RWMutex) RUnlock() {
	locking.DelGLock(gvisorClasses[m.class], -1)
	m.mu.RUnlock()
}
