//go:build lockdeprecord

package lockdep

// Record says that the synchronisation of this program is recorded.
const Record = true
