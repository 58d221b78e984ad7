//go:build !go1.26

package runtime

// The collector does not look for leaked goroutines before Go 1.26.
func lockdepLeaked([]LockdepStuckG, bool) (n, others int, ok bool) { return 0, 0, false }

// LockdepHung cannot tell before Go 1.26.
func LockdepHung(limit int) (gs []LockdepStuckG, others int, ok bool) { return nil, 0, false }
