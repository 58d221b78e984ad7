package reflect

import (
	"internal/abi"
	isync "internal/sync"
)

// lockdepField reports whether field i of the struct v is the semaphore of a
// mutex, which holds the lock's class in an instrumented GOROOT. DeepEqual passes
// over it, so that a lock that was used once and one that never was stay equal.
func lockdepField(v Value, i int) bool {
	return i == 1 && v.typ() == abi.TypeFor[isync.Mutex]()
}
