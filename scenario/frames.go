package scenario

import (
	"fmt"
	"hash/fnv"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/report/splat"
)

// frame is a function that is being run.
type frame struct {
	name, module string
	first, last  int // lines; 0: a function of the kernel, not of the scenario
	line         int
	inner        bool // a lock function, which is not where a lock is taken "at"
}

// stack is a place: the frames, the innermost first.
type stack struct {
	frames []splat.Frame
	at     int            // the first frame that is no lock function
	lines  []engine.Frame // those of the scenario's own functions, for reports in Go's words
	task   uint64
	name   string // of the task
}

// lockFrames are the functions that take a lock, the outermost first, by kind of lock. %s is what the word adds: _irq,
// _irqsave or _bh. What is inline is not here.
var lockFrames = map[string]struct{ write, read, try, tryread []string }{
	"spin":      {write: []string{"_raw_spin_lock%s"}, try: []string{"_raw_spin_trylock"}},
	"raw":       {write: []string{"_raw_spin_lock%s"}, try: []string{"_raw_spin_trylock"}},
	"seqlock":   {write: []string{"_raw_spin_lock%s"}},
	"rwlock":    {[]string{"_raw_write_lock%s"}, []string{"_raw_read_lock%s"}, []string{"_raw_write_trylock"}, []string{"_raw_read_trylock"}},
	"mutex":     {write: []string{"mutex_lock_nested", "__mutex_lock"}, try: []string{"mutex_trylock"}},
	"rwsem":     {[]string{"down_write"}, []string{"down_read"}, []string{"down_write_trylock"}, []string{"down_read_trylock"}},
	"rtmutex":   {write: []string{"rt_mutex_lock_nested"}, try: []string{"rt_mutex_trylock"}},
	"ww":        {write: []string{"ww_mutex_lock", "__ww_mutex_lock"}, try: []string{"ww_mutex_trylock"}},
	"gomutex":   {write: []string{"sync.(*Mutex).Lock"}, try: []string{"sync.(*Mutex).TryLock"}},
	"gorwmutex": {[]string{"sync.(*RWMutex).Lock"}, []string{"sync.(*RWMutex).RLock"}, []string{"sync.(*RWMutex).TryLock"}, []string{"sync.(*RWMutex).TryRLock"}},
}

// viaLock runs f in the frames of the function that takes the lock.
func (r *run) viaLock(kind string, read, try bool, suffix string, f func()) {
	l := lockFrames[kind]
	names := l.write
	switch {
	case read && try:
		names = l.tryread
	case read:
		names = l.read
	case try:
		names = l.try
	}
	if kind == "mutex" && !try && r.opts.Mode == "6.12" {
		names = names[1:]
	}
	n := len(r.t.frames)
	for _, name := range names {
		if len(name) > 2 && name[len(name)-2:] == "%s" {
			name = name[:len(name)-2] + suffix
		}
		r.t.frames = append(r.t.frames, frame{name: name, inner: true})
	}
	f()
	r.t.frames = r.t.frames[:n]
}

// via runs f in frames of the kernel, the outermost first.
func (r *run) via(f func(), names ...string) {
	n := len(r.t.frames)
	for _, name := range names {
		r.t.frames = append(r.t.frames, frame{name: name})
	}
	f()
	r.t.frames = r.t.frames[:n]
}

// address is a made-up one of a function, offset and size: the same for the same name.
func address(name, module string) (addr, offset, size uint64) {
	h := fnv.New64a()
	h.Write([]byte(name)) // a hash takes all
	n := h.Sum64()
	size = 0x40 + n%0x400&^0xf
	base := uint64(0xffffffff81000000)
	if module != "" {
		base = 0xffffffffa0000000
	}
	return base + n>>16&0xfffff0, n >> 40 % size, size
}

func (r *run) printed(f frame) splat.Frame {
	addr, offset, size := address(f.name, f.module)
	if f.first > 0 {
		offset, size = uint64(f.line-f.first), uint64(f.last-f.first+1)
	}
	p := splat.Frame{Func: f.name, Offset: fmt.Sprintf("0x%x/0x%x", offset, size), Module: f.module}
	if r.opts.Mode == "2.6" {
		p.Addr = fmt.Sprintf("%016x", addr+offset)
	}
	return p
}

// site keeps the present stack, below frames of the validator (the innermost last), and returns its number.
func (r *run) site(below ...string) kernel.Site {
	var s stack
	for i := len(below) - 1; i >= 0; i-- {
		s.frames = append(s.frames, r.printed(frame{name: below[i]}))
	}
	s.at, s.task, s.name = -1, r.t.ID, r.t.Name
	for i := len(r.t.frames) - 1; i >= 0; i-- {
		f := r.t.frames[i]
		if s.at < 0 && !f.inner {
			s.at = len(s.frames)
		}
		s.frames = append(s.frames, r.printed(f))
		if f.first > 0 {
			s.lines = append(s.lines, engine.Frame{Func: f.name, File: r.file, Line: f.line})
		}
	}
	r.stacks = append(r.stacks, s)
	return kernel.Site(len(r.stacks) - 1)
}

// acquireSite is the place of an acquisition, as the kernel saves it with a dependency.
func (r *run) acquireSite() kernel.Site {
	if r.opts.Mode == "6.12" {
		return r.site("lock_acquire")
	}
	return r.site("lock_acquire", "__lock_acquire")
}

// at is where a lock was taken: the caller of the lock function.
func (r *run) at(site kernel.Site) *splat.Frame {
	s := r.stacks[site]
	if len(s.frames) == 0 || s.at < 0 {
		return nil
	}
	f := s.frames[s.at]
	if r.opts.Mode != "6.12" {
		addr, _, _ := address(f.Func, f.Module)
		f.Addr = fmt.Sprintf("%016x", addr)
	}
	return &f
}

// judges are the functions between the lock function and the report, the innermost first, by kind of report: of an
// acquisition; Inconsistent and IRQInversion have others where interrupts go on.
var judges = map[kernel.Kind][]string{
	kernel.Circular:      {"print_circular_bug", "check_noncircular", "check_prev_add"},
	kernel.RecursiveLock: {"print_deadlock_bug"},
	kernel.IRQOrder:      {"check_irq_usage", "check_prev_add"},
	kernel.Inconsistent:  {"print_usage_bug.part.0", "mark_lock"},
	kernel.IRQInversion:  {"print_irq_inversion_bug.part.0", "mark_lock"},
	kernel.UnlockBalance: {"print_unlock_imbalance_bug", "lock_release"},
	kernel.HeldFreed:     {"debug_check_no_locks_freed"},
}

// oldJudges are those that kernels up to 4.14 have instead.
var oldJudges = map[kernel.Kind][]string{
	kernel.Circular:     {"print_circular_bug", "check_prev_add"},
	kernel.IRQOrder:     {"check_usage", "check_prev_add"},
	kernel.Inconsistent: {"print_usage_bug", "mark_lock"},
	kernel.IRQInversion: {"print_irq_inversion_bug", "check_usage_forwards", "mark_lock"},
}

// backtrace is the dump below a report, without its heading.
func (r *run) backtrace(k kernel.Kind, at kernel.Site) []string {
	today := r.opts.Mode == "6.12"
	names := []string{"dump_stack"}
	if today {
		names = []string{"dump_stack_lvl"}
	}
	if k == kernel.TornCache { // a fault, which dumps no stack of its own
		names = nil
	}
	middle := judges[k]
	if old := oldJudges[k]; !today && old != nil {
		middle = old
	}
	names = append(names, middle...)
	s := r.stacks[at]
	acquired := len(s.frames) > 0 && (s.frames[0].Func == "lock_acquire" || s.frames[0].Func == "__lock_acquire")
	switch {
	case acquired && today:
		names = append(names, "__lock_acquire")
	case !acquired && (k == kernel.Inconsistent || k == kernel.IRQInversion):
		names = append(names, "mark_held_locks")
	}
	var out []string
	for _, n := range names {
		out = append(out, " "+r.printed(frame{name: n}).String())
	}
	for _, f := range s.frames {
		out = append(out, " "+f.String())
	}
	if today {
		out = append(append([]string{" <TASK>"}, out...), " </TASK>")
	}
	return append([]string{"Call Trace:"}, out...)
}

// last is the stack of link #0 of a chain, which is that of the report: the kernel saves it deeper than the others.
func (r *run) last(site kernel.Site) []splat.Frame {
	names := []string{"check_prev_add"}
	if r.opts.Mode == "6.12" {
		names = append(names, "__lock_acquire")
	}
	var out []splat.Frame
	for _, n := range names {
		out = append(out, r.printed(frame{name: n}))
	}
	return append(out, r.stacks[site].frames...)
}
