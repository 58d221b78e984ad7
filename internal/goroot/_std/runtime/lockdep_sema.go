package runtime

import "internal/runtime/atomic"

// lockdepPermits are the bits of a mutex's semaphore that count; the validator
// keeps the lock's class in the others (internal/lockdep/engine, type Map).
const lockdepPermits = 1<<4 - 1

// lockdepCansemacquire is cansemacquire, for a mutex by those bits alone. A
// mutex has one permit at most: unlockSlow gives one, and no other before the
// waiter that it woke ran.
//
// In a word that somebody else wrote, with package unsafe say, there may be any
// number of permits. In plain Go each of them wakes a waiter without need, which
// finds the mutex locked and waits again; a starving mutex dies of it ("inconsistent
// mutex state"). Here that happens as often as the 4 bits say, which is less, and
// once if the word is written before the mutex is used (Map.set of the engine). Bits that are
// written while the mutex is in use, its class being one that exists, are not
// looked at: fifteen permits and one that counts then carry into the serial, and
// the waiter that was to be woken sleeps on.
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
