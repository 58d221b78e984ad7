package runtime

import "unsafe"

// A LockdepWords is what stands in memory where a lock is, or was. The last two
// words are a lock's only if it is a RWMutex.
type LockdepWords struct {
	State       int32  // of the Mutex, or of the one in the RWMutex
	Sema        uint32 // and the validator's part
	ReaderCount int32
	ReaderWait  int32
}

// Offsets in a RWMutex; package sync checks them.
const (
	LockdepReaderCount = 16
	LockdepReaderWait  = 20
)

// LockdepReadLock reads the lock at address p. freed: the memory was given back,
// so there is none. !ok: nothing is known of that memory, and it was not touched.
func LockdepReadLock(p uintptr) (l LockdepWords, freed, ok bool) {
	const size = LockdepReaderWait + 4
	end := uintptr(0)
	if s := spanOf(p); s != nil {
		if st := s.state.get(); st != mSpanInUse && st != mSpanManual {
			return l, true, true
		}
		end = s.base() + s.npages*pageSize
	} else {
		for d := &firstmoduledata; d != nil && end == 0; d = d.next {
			for _, r := range [...][2]uintptr{{d.data, d.edata}, {d.bss, d.ebss}, {d.noptrdata, d.enoptrdata}, {d.noptrbss, d.enoptrbss}} {
				if r[0] <= p && p < r[1] {
					end = r[1]
				}
			}
		}
	}
	if end < p+8 {
		return l, false, false
	}
	l.State = *(*int32)(unsafe.Pointer(p))
	l.Sema = *(*uint32)(unsafe.Pointer(p + 4))
	if end >= p+size {
		l.ReaderCount = *(*int32)(unsafe.Pointer(p + LockdepReaderCount))
		l.ReaderWait = *(*int32)(unsafe.Pointer(p + LockdepReaderWait))
	}
	return l, false, true
}
