package runtime

import "internal/runtime/atomic"

// lockdepPermits are the bits of a mutex's semaphore that count; the validator
// keeps the lock's class in the others (internal/lockdep/engine, type Map).
const lockdepPermits = 1<<4 - 1

// lockdepCansemacquire is cansemacquire, for a mutex by those bits alone. A
// mutex has one permit at most: unlockSlow gives one, and no other before the
// waiter that it woke ran.
func lockdepCansemacquire(addr *uint32, reason waitReason) bool {
	if reason != waitReasonSyncMutexLock {
		return cansemacquire(addr)
	}
	for {
		v := atomic.Load(addr)
		if v&lockdepPermits == 0 {
			return false
		}
		if atomic.Cas(addr, v, v-1) {
			return true
		}
	}
}
