package replay

import (
	"strings"

	"github.com/golockdep/lockdep/ktrace"
)

// what says what was observed.
type what uint8

const (
	take     what = iota + 1 // the last entry is taken while the others are held
	irqsGoOn                 // interrupts go on while the entries are held
	release                  // the last entry is released, and is none of the others
	atExit                   // the task ends
	inUser                   // the task returns to user space
	waits                    // the task waits for the event of the last entry
	commits                  // the event of the first entry came after the others were taken
)

// observation is something that was met for the first time: all that a
// verdict needs.
type observation struct {
	what  what
	state state
	file  uint16
	cpu   int16
	n     uint16 // entries pool[first:first+n]
	first uint32
	pid   int32
	time  uint64
	comm  string
	// sure: see stretch.go. again: it was made before, but was not sure then; it is
	// used if its file is broken.
	sure, again bool
}

// taken is a lock of an observation.
type taken struct {
	addr  uint64
	time  uint64
	class classID
	cpu   int16
	mode  mode
	state state
}

const maxObservations = 1 << 19

func (e *entry) taken() taken {
	return taken{addr: e.addr, time: e.time, class: e.class, cpu: e.cpu, mode: e.mode, state: e.state}
}

// observe keeps what the task holds, and e as the last one.
func (r *Replay) observe(what what, t *task, s state, ev *ktrace.Event, e *entry) int32 {
	o := r.observation(what, t.pid, s, ev)
	if o == nil {
		return -1
	}
	for i := range t.held[:t.depth] {
		r.pool = append(r.pool, t.held[i].taken())
	}
	if e != nil {
		r.pool = append(r.pool, e.taken())
	}
	o.n = uint16(len(r.pool) - int(o.first))
	return int32(len(r.seen) - 1)
}

func (r *Replay) observation(what what, pid int32, s state, ev *ktrace.Event) *observation {
	if len(r.seen) >= maxObservations {
		r.counts.ChainsLost++
		return nil
	}
	r.seen = append(r.seen, observation{
		what: what, state: s, file: uint16(len(r.files) - 1), cpu: int16(ev.CPU), first: uint32(len(r.pool)), pid: pid,
		time: ev.Time, comm: strings.Clone(ev.Comm),
	})
	return &r.seen[len(r.seen)-1]
}
