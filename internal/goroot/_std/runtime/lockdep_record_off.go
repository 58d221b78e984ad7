//go:build !lockdeprecord

package runtime

const lockdepRecord = false

// A lockdepBirth is when a goroutine was made: nobody asks.
type lockdepBirth struct{}

func (*lockdepBirth) set() {}

func (*lockdepBirth) tell() (uint64, bool) { return 0, false }
