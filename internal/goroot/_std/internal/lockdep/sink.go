package lockdep

import (
	"runtime"
	"sync/atomic"
)

// A sink is a file that records are appended to. They are queued under a lock and
// written outside of it, by one goroutine at a time: a slow disk keeps those who
// wait for their own records, and nobody else. The file is opened for each write:
// the program's descriptors stay its own.
//
// Invariants:
//
//  1. The file, left and queue, one after the other, are what was queued, in
//     order, without a gap.
//  2. queue belongs to who has locked word; left, failures and written to who has
//     set busy.
//  3. Where queued is set, somebody is on the way to write: who queued, or who
//     writes and looks again.
type sink struct {
	name  []byte // and a zero byte; nil: there is none
	word  uint32 // see runtime.LockdepLock
	queue []byte

	queued   uint32 // queue is to be written
	busy     uint32 // somebody writes
	rounds   uint32 // writes that are over
	left     []byte // what the disk did not take yet
	failures int
	written  int
}

// add queues b.
func (s *sink) add(b []byte) {
	runtime.LockdepLock(&s.word)
	s.queue = runtime.LockdepJoin(s.queue, b)
	atomic.StoreUint32(&s.queued, 1)
	runtime.LockdepUnlock(&s.word)
}

// flush returns when what is queued is written, by this goroutine or by another
// one, or when the disk did not take it. One that may not wait leaves it to who
// writes.
func (s *sink) flush() {
	for i := 0; atomic.LoadUint32(&s.queued) != 0; i++ {
		if !s.tryWrite() {
			if !runtime.LockdepMayWait() {
				return
			}
			runtime.LockdepAwait(i)
		}
	}
	// What was queued may be in the write that goes on, and in no later one.
	round := atomic.LoadUint32(&s.rounds)
	for i := 0; atomic.LoadUint32(&s.busy) != 0 && atomic.LoadUint32(&s.rounds) == round && runtime.LockdepMayWait(); i++ {
		runtime.LockdepAwait(i)
	}
}

// tryWrite writes what is queued; false: somebody else writes.
func (s *sink) tryWrite() bool {
	if !atomic.CompareAndSwapUint32(&s.busy, 0, 1) {
		return false
	}
	runtime.LockdepLock(&s.word)
	if len(s.left) == 0 {
		s.left, s.queue = s.queue, s.left
	} else {
		s.left = runtime.LockdepJoin(s.left, s.queue)
		s.queue = s.queue[:0]
	}
	atomic.StoreUint32(&s.queued, 0)
	runtime.LockdepUnlock(&s.word)
	if len(s.left) != 0 {
		n := max(runtime.LockdepAppend(s.name, s.left), 0)
		s.written += n
		if n != len(s.left) {
			s.failures++
		}
		if n != 0 { // a disk that takes nothing costs a try, and no copy of all that is left
			s.left = runtime.LockdepJoin(s.left[:0], s.left[n:])
		}
	}
	atomic.AddUint32(&s.rounds, 1)
	atomic.StoreUint32(&s.busy, 0)
	return true
}
