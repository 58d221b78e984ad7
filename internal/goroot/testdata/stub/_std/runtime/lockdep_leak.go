//go:build go1.26

package runtime

import "internal/runtime/atomic"

var lockdepSearch struct{ asked atomic.Bool }

func findGoroutineLeaks() bool { return lockdepFindLeaks() }
