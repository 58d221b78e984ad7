package scenario

import "github.com/golockdep/lockdep/engine/kernel"

// Cross-release, the part of 4.14's validator that follows completions. Whoever completes has to get that far first:
// what it took since the wait began is what the wait depends on. So each task keeps a history of what it took, and
// complete makes its newest part dependencies of the completion.

// historySize is the length of a history, MAX_XHLOCKS_NR: older acquisitions are overwritten.
const historySize = 64

// taken is an acquisition that a completion may depend on.
type taken struct {
	lock *kernel.Map
	mode kernel.Mode
	site kernel.Site
	gen  int
	irq  kernel.Context // whether it was in a hardirq or softirq
}

const inIRQ = kernel.InHardirq | kernel.InSoftirq

// remember adds an acquisition to the history: one that may wait, by a lock that others may wait for.
func (r *run) remember(l *kernel.Map, mode kernel.Mode) {
	t := r.t
	if r.opts.Mode != "4.14" || mode&(kernel.Try|kernel.Recursive) != 0 || mode&kernel.Check == 0 {
		return
	}
	if len(t.history) == historySize {
		t.history = t.history[1:]
		for i := range t.marks {
			t.marks[i] = max(t.marks[i]-1, 0)
		}
	}
	t.history = append(t.history, taken{l, mode, r.site(), r.gen, t.Context & inIRQ})
}

// boundary runs an interrupt: what it took is no history of the task that it interrupts.
func (r *run) boundary(f func() error) error {
	t := r.t
	t.marks = append(t.marks, len(t.history))
	err := f()
	n := len(t.marks) - 1
	t.history, t.marks = t.history[:t.marks[n]], t.marks[:n]
	return err
}

// invariant is a point where a task has no past: a worker's before each work, and the return to user space. Without it,
// what one work took would be a dependency of what the next completes.
func (r *run) invariant() {
	r.t.history = nil
	clear(r.t.marks)
}

// wait begins a wait. The completion itself is no history.
func (r *run) wait(c *object) {
	r.acquire(r.t.Task, c.lock, kernel.Check, nil, r.acquireSite())
	r.annotate(func() { r.drop(c.lock) })
	if c.waits == 0 {
		r.gen++
		c.waits, c.at = r.gen, r.acquireSite()
	}
}

// complete is the commit, the newest acquisition first, up to where the wait began or the context changed.
func (r *run) complete(c *object) {
	if c.waits == 0 || r.opts.Mode != "4.14" {
		return
	}
	for i := len(r.t.history) - 1; i >= 0; i-- {
		h := r.t.history[i]
		if h.gen < c.waits || h.irq != r.t.Context&inIRQ {
			break
		}
		// A task of its own that holds the completion: the dependency is of the wait, not of what is held here.
		t := r.v.NewTask(r.t.ID, r.t.Name)
		t.Context = r.t.Context
		r.commits = true
		r.acquire(t, c.lock, kernel.Check, nil, c.at)
		r.acquire(t, h.lock, h.mode, nil, h.site)
		r.commits = false
	}
	c.waits = 0
}
