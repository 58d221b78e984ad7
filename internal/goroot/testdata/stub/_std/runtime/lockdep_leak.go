//go:build go1.26

package runtime

import "internal/runtime/atomic"

var lockdepSearch struct{ asked atomic.Bool }

func findGoroutineLeaks() bool { return lockdepFindLeaks() }

func (gp *g) isMaybeRunnable() bool { return gp.lockdepIsMaybeRunnable() }

//go:nosplit
func (gp *g) internalBlocked() bool { return gp.lockdepInternalBlocked() }

//go:nosplit
func (w waitReason) isChanWait() bool { return w.lockdepIsChanWait() }

//go:nosplit
func (w waitReason) isSyncWait() bool { return w.lockdepIsSyncWait() }
