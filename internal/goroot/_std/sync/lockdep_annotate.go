package sync

import (
	"internal/lockdep"
	"unsafe"
)

func init() {
	lockdep.MutexMap = lockdepMutexMap
	lockdep.RWMutexMap = lockdepRWMutexMap
}

func lockdepMutexMap(m *Mutex) unsafe.Pointer     { return unsafe.Pointer(lockdepMap(&m.mu)) }
func lockdepRWMutexMap(m *RWMutex) unsafe.Pointer { return unsafe.Pointer(lockdepMap(&m.w.mu)) }
