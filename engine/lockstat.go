package engine

import "sync/atomic"

// This file counts and times what the kernel's lock_stat does, by class and mode.
//
// Who sleeps for a lock is counted always: a sleep costs a hundred times what
// the count does. Everything else has to see each acquisition and each release,
// so it is done only where it was asked for ([Validator.Time]): then every task
// has the bit taskTimed, which sends it through the slow path from the next
// operation on. Where nobody asked, nothing on the hot path is different.
//
// Times are kept for the first locks on a held stack, as many as a task has room
// for without a further allocation. The entry of a lock that was taken before
// its task was timed is 0: a task keeps the bit, and its own stores come after
// it has seen it, so no other entry can be out of date.

// A lockStat is of one class in one mode. All fields are atomic.
type lockStat struct {
	contended uint64 // acquisitions that slept
	acquired  uint64 // while timed
	wait      timeStat
	hold      timeStat
	points    [maxPoints]point
}

// A timeStat is of times in nanoseconds; n is 0: none.
type timeStat struct{ n, total, least, most uint64 }

// A point is a place where goroutines slept.
type point struct{ pc, n uint64 }

// maxPoints is the number of places that are kept of a class and mode: those
// that came first.
const maxPoints = 4

// taskTimes says, for each lock on a held stack, since when its task waits for
// it or has it; 0: not known.
type taskTimes [inlineHeld]int64

const timesSlab = 64

// Time has acquisitions counted and the locks of all tasks timed, from now on.
func (v *Validator) Time() {
	if v.host.Now == nil {
		return
	}
	v.lock()
	if !v.timed {
		v.timed = true
		for id := uint32(1); id <= v.ntasks; id++ {
			if t := v.task(id); t != nil {
				t.setSlow(taskTimed)
			}
		}
	}
	v.unlock()
}

func (v *Validator) statOf(h *Held) *lockStat {
	return &v.stats[int(h.class())*2+int(h.mode()&1)]
}

// contended counts that a goroutine sleeps for h.
func (v *Validator) contended(h *Held) {
	if h.class() == 0 {
		return
	}
	s := v.statOf(h)
	atomic.AddUint64(&s.contended, 1)
	for i := range s.points {
		p := &s.points[i]
		pc := atomic.LoadUint64(&p.pc)
		if pc == 0 && atomic.CompareAndSwapUint64(&p.pc, 0, uint64(h.pc)) {
			pc = uint64(h.pc)
		}
		if pc == 0 { // another one came first
			pc = atomic.LoadUint64(&p.pc)
		}
		if pc == uint64(h.pc) {
			atomic.AddUint64(&p.n, 1)
			return
		}
	}
}

// timesOf returns the times of a task that is timed; nil: no memory.
func (v *Validator) timesOf(t *Task) *taskTimes {
	if t.times == nil {
		v.lock()
		if len(v.spare) == 0 {
			if more := tableOf(&v.spare, timesSlab); v.heap {
				v.spare = make([]taskTimes, timesSlab)
			} else if !v.allocate(&more) {
				v.noMemory(timesSlab)
			}
		}
		if len(v.spare) > 0 {
			t.times = &v.spare[0]
			v.spare = v.spare[1:]
		}
		v.unlock()
	}
	return t.times
}

// timePush starts the time of the entry that was pushed.
func (v *Validator) timePush(t *Task) {
	h := t.top()
	if h.flags()&heldGot != 0 {
		atomic.AddUint64(&v.statOf(h).acquired, 1)
	}
	if x := v.timesOf(t); x != nil && t.depth <= inlineHeld {
		x[t.depth-1] = v.host.Now()
	}
}

// timeAcquired ends the wait for the entry on top.
func (v *Validator) timeAcquired(t *Task) {
	if t.slow&taskTimed == 0 {
		return
	}
	h := t.top()
	s := v.statOf(h)
	atomic.AddUint64(&s.acquired, 1)
	if x := v.timesOf(t); x != nil && t.depth <= inlineHeld {
		since, now := x[t.depth-1], v.host.Now()
		if since != 0 && h.flags()&heldSlept != 0 {
			s.wait.add(now - since)
		}
		x[t.depth-1] = now
	}
}

// timeRelease ends the time of entry i, which is about to be removed.
func (v *Validator) timeRelease(t *Task, i uint32) {
	x := t.times
	if x == nil || i >= inlineHeld {
		return
	}
	if h := t.at(i); x[i] != 0 && h.flags()&heldGot != 0 {
		v.statOf(h).hold.add(v.host.Now() - x[i])
	}
	copy(x[i:], x[i+1:])
	x[inlineHeld-1] = 0 // what is above is not timed
}

func (s *timeStat) add(d int64) {
	n := uint64(max(d, 1)) // 0 is none
	atomic.AddUint64(&s.total, n)
	for o := atomic.LoadUint64(&s.most); n > o && !atomic.CompareAndSwapUint64(&s.most, o, n); {
		o = atomic.LoadUint64(&s.most)
	}
	for o := atomic.LoadUint64(&s.least); (o == 0 || n < o) && !atomic.CompareAndSwapUint64(&s.least, o, n); {
		o = atomic.LoadUint64(&s.least)
	}
	atomic.AddUint64(&s.n, 1)
}

// Times are of waits or holds, in nanoseconds.
type Times struct{ N, Total, Least, Most uint64 }

func (s *timeStat) times() Times {
	return Times{
		N: atomic.LoadUint64(&s.n), Total: atomic.LoadUint64(&s.total),
		Least: atomic.LoadUint64(&s.least), Most: atomic.LoadUint64(&s.most),
	}
}

// A LockStat is what was counted of a class in one mode. Without
// [Validator.Time] it has contentions and their places only.
type LockStat struct {
	Class        string
	Mode         string // "W" or "R"
	Contentions  uint64 // acquisitions that slept
	Acquisitions uint64
	Wait, Hold   Times // waits are those that slept
	Points       []Point
}

// A Point is a place in the program that slept for a lock so often.
type Point struct {
	At Frame
	N  uint64
}

// LockStats returns what was counted, classes without a count left out, and
// whether locks are timed.
func (v *Validator) LockStats() (list []LockStat, timed bool) {
	v.lock()
	n := v.nclasses
	timed = v.timed
	v.unlock()
	for i := uint32(2); i < n*2+2; i++ {
		s := &v.stats[i]
		l := LockStat{
			Mode: waitWords[i&1], Contentions: atomic.LoadUint64(&s.contended),
			Acquisitions: atomic.LoadUint64(&s.acquired), Wait: s.wait.times(), Hold: s.hold.times(),
		}
		if l.Contentions == 0 && l.Acquisitions == 0 {
			continue
		}
		v.lock()
		l.Class = v.ClassName(ClassID(i / 2))
		for j := range s.points {
			if pc, k := atomic.LoadUint64(&s.points[j].pc), atomic.LoadUint64(&s.points[j].n); k != 0 {
				l.Points = append(l.Points, Point{At: v.frame(v.siteAt(uintptr(pc))), N: k})
			}
		}
		v.unlock()
		list = append(list, l)
	}
	return list, timed
}
