package lockdep

import (
	"runtime"
	"sync/atomic"
)

// The program's own function for reports. It runs on a goroutine of its own,
// one report at a time: the goroutine that made the finding holds locks that
// the function may want, and is about to wait for one of them.
var listener struct {
	word    uint32 // lock over the rest, see runtime.LockdepLock
	f       func(text string)
	queue   []string
	running bool
	untold  uint32 // reports queued or being told
}

func lockListener() { runtime.LockdepLock(&listener.word) }

func unlockListener() { runtime.LockdepUnlock(&listener.word) }

// onReport sets the program's function; nil removes it.
func onReport(f func(text string)) {
	lockListener()
	listener.f = f
	unlockListener()
}

// tell hands a report to the program's function, if it has one.
func tell(text []byte) {
	lockListener()
	start := false
	if listener.f != nil {
		listener.queue = append(listener.queue, string(text))
		atomic.AddUint32(&listener.untold, 1)
		start = !listener.running
		listener.running = true
	}
	unlockListener()
	if start {
		go telling()
	}
}

func telling() {
	defer told()
	for {
		lockListener()
		f := listener.f
		if len(listener.queue) == 0 || f == nil {
			unlockListener()
			return
		}
		text := listener.queue[0]
		listener.queue = listener.queue[1:]
		unlockListener()
		f(text)
		atomic.AddUint32(&listener.untold, ^uint32(0))
	}
}

// told ends a goroutine that told reports: its work is done, or the program's
// function ended it, as testing's FailNow does. Then another one goes on.
func told() {
	lockListener()
	if listener.f == nil {
		listener.queue = nil
	}
	n := len(listener.queue)
	atomic.StoreUint32(&listener.untold, uint32(n))
	listener.running = n > 0
	unlockListener()
	if n > 0 {
		go telling()
	}
}

// awaitTold gives the program's function time to hear of what was found last,
// when the process ends: it may be stuck, so not more than a second.
func awaitTold() {
	for end := runtime.LockdepNanos() + 1e9; atomic.LoadUint32(&listener.untold) != 0 && runtime.LockdepNanos() < end; {
		runtime.LockdepPause()
	}
}
