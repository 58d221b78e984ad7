// Package contexts takes and releases locks in every context in which Go code
// may, while the validator's own lock is contended. Each test passes in plain Go;
// it has to pass under lockdep, and nothing may be found but in TestFound.
package contexts

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A node is a lock of one class with all its like: nested pairs of new ones are
// new to the validator each time.
type node struct {
	mu       sync.Mutex
	children []*node
}

// A guard and a table are two more classes, always taken in this order.
type (
	guard struct{ mu sync.RWMutex }
	table struct{ mu sync.Mutex }
)

// contend keeps the validator busy: goroutines that learn all the time, until
// stop is called.
func contend() (stop func()) {
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !done.Load() {
				nest()
				p, cancel := context.WithCancel(context.Background())
				_, cancelChild := context.WithCancel(p)
				cancel()
				cancelChild()
			}
		}()
	}
	return func() {
		done.Store(true)
		wg.Wait()
	}
}

// nest teaches something: an instance pair that is new.
func nest() {
	p, c := new(node), new(node)
	p.mu.Lock()
	c.mu.Lock()
	p.children = append(p.children, c)
	c.mu.Unlock()
	p.mu.Unlock()
}

// A hand hands locks over to a goroutine that releases them.
type hand struct {
	locks chan *sync.Mutex
	done  chan bool
}

func newHand() *hand {
	h := &hand{locks: make(chan *sync.Mutex, 4), done: make(chan bool)}
	go func() {
		defer close(h.done)
		for m := range h.locks {
			m.Unlock()
		}
	}()
	return h
}

func (h *hand) close() { close(h.locks); <-h.done }

// over takes a new lock that another goroutine releases.
func (h *hand) over() {
	n := new(node)
	n.mu.Lock()
	h.locks <- &n.mu
}

// leave makes a lock whose goroutine ends holding it.
func leave() *sync.Mutex {
	n := new(node)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		n.mu.Lock()
	}()
	<-ended
	return &n.mu
}

// A work is what runs in a context. prepare runs outside of it, and do in it:
// every slow path of the hooks that does not block. A lock that two goroutines may
// want at a time cannot be taken while pinned.
type work struct {
	hand *hand
	left *sync.Mutex
	g    guard
	t    table
	once sync.Once
	wg   sync.WaitGroup
	full chan int
	cond *sync.Cond
}

func newWork() *work {
	w := &work{hand: newHand(), full: make(chan int, 1)}
	w.cond = sync.NewCond(&w.t.mu)
	return w
}

func (w *work) close() { w.hand.close() }

func (w *work) prepare(i int) {
	w.hand.over()
	p := new(sync.Pool)
	p.Put(p) // the first Put unlocks while pinned; all pools share a lock, so it is not for do
	w.hand.over()
	if i%64 == 0 {
		w.left = leave()
	}
	w.once = sync.Once{}
	w.wg.Add(1)
}

func (w *work) do() {
	nest()
	if w.left.TryLock() {
		panic("the lock is not held")
	}
	w.g.mu.RLock()
	w.t.mu.Lock()
	w.cond.Signal()
	w.wg.Done()
	w.wg.Wait()
	w.t.mu.Unlock()
	w.g.mu.RUnlock()
	w.once.Do(func() { w.t.mu.Lock(); w.t.mu.Unlock() })
	if w.g.mu.TryLock() {
		w.g.mu.Unlock()
	}
	select {
	case w.full <- 1:
		<-w.full
	default:
	}
}

// rounds is how often a test enters its context.
const rounds = 300

// try runs w in a context, again and again, under contention.
func try(in func(f func())) {
	stop := contend()
	defer stop()
	var wg sync.WaitGroup
	for range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := newWork()
			defer w.close()
			for i, end := 0, time.Now().Add(400*time.Millisecond); i < rounds && time.Now().Before(end); i++ {
				w.prepare(i)
				in(w.do)
				runtime.Gosched()
			}
		}()
	}
	wg.Wait()
}
