//go:build lockdeprecord

package runtime

const lockdepRecord = true

// A lockdepBirth is when a goroutine was made, by recorded events.
type lockdepBirth struct {
	born uint64
	told bool
}

func (b *lockdepBirth) set() { *b = lockdepBirth{born: lockdepRecordedNow()} }

func (b *lockdepBirth) tell() (uint64, bool) {
	first := !b.told
	b.told = true
	return b.born, first
}
