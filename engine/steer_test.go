package engine

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A town has real goroutines and locks that do nothing but exclude: what the
// instrumented package sync does, without it.
type town struct {
	v    *Validator
	mu   sync.Mutex
	ways map[*Map]*way
	over chan bool // closed: whoever waits gives up
}

// A way is a lock that is taken by sending.
type way struct {
	full    chan bool
	readers int // guarded by town.mu, as is queued
	queued  bool
}

func newTown(t *testing.T, bound time.Duration, cycle string) *town {
	w := &town{ways: map[*Map]*way{}, over: make(chan bool)}
	s := &Steer{
		Bound: int64(bound), Times: 100, Nanos: func() int64 { return time.Now().UnixNano() }, Pause: runtime.Gosched,
		Unlock: func(m *Map, mode Mode) { w.give(m, mode) },
		Lock: func(m *Map, mode Mode) {
			if !w.try(m, mode) {
				w.v.Blocked(w.v.host.Task(), m, false)
				w.wait(m, mode)
			}
		},
	}
	modes := map[byte]Mode{'W': Write, 'R': Read}
	for _, side := range strings.Fields(cycle) { // as WaRb
		s.Sides = append(s.Sides, SteerSide{HoldsMode: modes[side[0]], Holds: side[1:2], WantsMode: modes[side[2]], Wants: side[3:]})
	}
	w.v = New(SmallLimits(), Host{Steer: s, Task: nil})
	tasks := sync.Map{}
	w.v.host.Task = func() *Task {
		id := goid()
		if t, ok := tasks.Load(id); ok {
			return t.(*Task)
		}
		t := w.v.NewTask()
		tasks.Store(id, t)
		return t
	}
	return w
}

// goid is the running goroutine, as the first line of its stack says.
func goid() string {
	var b [64]byte
	return strings.Fields(string(b[:runtime.Stack(b[:], false)]))[1]
}

func (w *town) lock(name string) *Map {
	m := new(Map)
	w.ways[m] = &way{full: make(chan bool, 1)}
	w.v.SetClass(w.v.host.Task(), m, name)
	return m
}

func (w *town) try(m *Map, mode Mode) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.ways[m]
	if mode == Read && x.readers > 0 && !x.queued {
		x.readers++
		return true
	}
	if len(x.full) > 0 || x.queued {
		return false
	}
	x.full <- true
	if mode == Read {
		x.readers = 1
	}
	return true
}

func (w *town) give(m *Map, mode Mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.ways[m]
	if mode == Read {
		if x.readers--; x.readers > 0 {
			return
		}
	}
	<-x.full
}

func (w *town) wait(m *Map, mode Mode) {
	for !w.try(m, mode) {
		select {
		case <-w.over:
			runtime.Goexit()
		case <-time.After(time.Millisecond):
		}
	}
}

func (w *town) take(m *Map, mode Mode) {
	t := w.v.host.Task()
	if w.try(m, mode) {
		w.v.Taken(t, m, 1, mode)
		return
	}
	w.v.Acquire(t, m, 2, mode)
	w.v.Blocked(t, m, false)
	w.wait(m, mode)
	w.v.Acquired(t, m, mode)
}

// queue takes a lock for writing as a RWMutex does: readers that come later wait.
func (w *town) queue(m *Map) {
	t := w.v.host.Task()
	w.v.AcquireWriter(t, m, 3)
	w.mu.Lock()
	x := w.ways[m]
	x.queued = true
	w.mu.Unlock()
	w.v.Blocked(t, m, true)
	for {
		w.mu.Lock()
		if len(x.full) == 0 {
			x.full <- true
			x.queued = false
			w.mu.Unlock()
			break
		}
		w.mu.Unlock()
		select {
		case <-w.over:
			runtime.Goexit()
		case <-time.After(time.Millisecond):
		}
	}
	w.v.Acquired(t, m, Write)
}

func (w *town) release(m *Map, mode Mode) {
	w.v.Release(w.v.host.Task(), m, mode)
	w.give(m, mode)
}

// pair takes a, then b.
func (w *town) pair(a *Map, am Mode, b *Map, bm Mode) {
	w.take(a, am)
	w.take(b, bm)
	w.release(b, bm)
	w.release(a, am)
}

// Each program runs its goroutines a little apart, so that nothing happens by
// itself. The cycle is given by hand: what cannot happen must not happen.
func TestSteer(t *testing.T) {
	later := func() { time.Sleep(20 * time.Millisecond) }
	for _, c := range []struct {
		name, cycle string
		want        bool
		run         func(w *town, start func(func()))
	}{
		{"abba", "WaWb WbWa", true, func(w *town, start func(func())) {
			a, b := w.lock("a"), w.lock("b")
			start(func() { w.pair(a, Write, b, Write) })
			start(func() { later(); w.pair(b, Write, a, Write) })
		}},
		{"ring of three", "WaWb WbWc WcWa", true, func(w *town, start func(func())) {
			a, b, c := w.lock("a"), w.lock("b"), w.lock("c")
			start(func() { w.pair(a, Write, b, Write) })
			start(func() { later(); w.pair(b, Write, c, Write) })
			start(func() { later(); later(); w.pair(c, Write, a, Write) })
		}},
		{"reader and writer", "RaWb WbWa", true, func(w *town, start func(func())) {
			a, b := w.lock("a"), w.lock("b")
			start(func() { w.pair(a, Read, b, Write) })
			start(func() { later(); w.take(b, Write); w.queue(a) })
		}},
		{"read again behind a writer", "RaRa", true, func(w *town, start func(func())) {
			a := w.lock("a")
			start(func() { w.pair(a, Read, a, Read) })
			start(func() { later(); w.queue(a); w.release(a, Write) })
		}},
		{"readers that queue behind writers", "RaRb RbRa", true, func(w *town, start func(func())) {
			a, b := w.lock("a"), w.lock("b")
			start(func() { w.pair(a, Read, b, Read) })
			start(func() { later(); w.pair(b, Read, a, Read) })
			start(func() { later(); later(); w.queue(a); w.release(a, Write) })
			start(func() { later(); later(); w.queue(b); w.release(b, Write) })
		}},
		{"read again without a writer", "RaRa", false, func(w *town, start func(func())) {
			a := w.lock("a")
			start(func() { w.pair(a, Read, a, Read) })
		}},
		{"other instances", "WaWb WbWa", false, func(w *town, start func(func())) {
			a, b, x, y := w.lock("a"), w.lock("b"), w.lock("a"), w.lock("b")
			start(func() { w.pair(a, Write, b, Write) })
			start(func() { w.pair(y, Write, x, Write) })
		}},
		{"gate", "WaWb WbWa", false, func(w *town, start func(func())) {
			g, a, b := w.lock("g"), w.lock("a"), w.lock("b")
			start(func() { w.take(g, Write); w.pair(a, Write, b, Write); w.release(g, Write) })
			start(func() { w.take(g, Write); w.pair(b, Write, a, Write); w.release(g, Write) })
		}},
		{"address order", "WaWa WaWa", false, func(w *town, start func(func())) {
			a, b := w.lock("a"), w.lock("a")
			start(func() { w.pair(a, Write, b, Write) })
			start(func() { w.pair(a, Write, b, Write) })
		}},
		{"tree, parents first", "WaWa WaWa", false, func(w *town, start func(func())) {
			root, l, r := w.lock("a"), w.lock("a"), w.lock("a")
			start(func() { w.pair(root, Write, l, Write); w.pair(root, Write, r, Write) })
			start(func() { w.pair(root, Write, r, Write); w.pair(root, Write, l, Write) })
		}},
		{"one after the other", "WaWb WbWa", false, func(w *town, start func(func())) {
			a, b := w.lock("a"), w.lock("b")
			first := make(chan bool)
			start(func() { w.pair(a, Write, b, Write); close(first) })
			start(func() { <-first; w.pair(b, Write, a, Write) })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bound := 200 * time.Millisecond
			if c.want {
				bound = 10 * time.Second
			}
			w := newTown(t, bound, c.cycle)
			var all sync.WaitGroup
			c.run(w, func(f func()) { all.Go(f) })
			done := make(chan bool)
			go func() { all.Wait(); close(done) }()
			for ended := false; !ended && !w.proved(); {
				select {
				case <-done:
					ended = true
				case <-time.After(time.Millisecond):
				}
			}
			close(w.over)
			<-done
			st := w.v.SteerStats()
			if w.proved() != c.want || (st.Met == 1) != c.want {
				t.Errorf("proved: %v, want %v; %+v", w.proved(), c.want, st)
			}
			if st.Stood[0] == 0 {
				t.Error("nobody stood")
			}
		})
	}
}

func (w *town) proved() bool {
	w.v.lock()
	defer w.v.unlock()
	for i := uint32(1); i <= w.v.nfindings; i++ {
		if w.v.findings[i].level == Proved {
			return true
		}
	}
	return false
}
