package reflect

import (
	"internal/abi"
	"sync"
)

// lockdepField reports whether field i of the struct v is the validator's own
// field of a [sync.Mutex], the last of three. DeepEqual passes over it, so that
// a lock that was used once and one that never was stay equal.
func lockdepField(v Value, i int) bool {
	return i == 2 && v.typ() == abi.TypeFor[sync.Mutex]()
}
