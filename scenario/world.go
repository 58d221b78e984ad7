package scenario

import "github.com/golockdep/lockdep/engine/kernel"

// judge is what the words are lowered to: a *kernel.Validator, in tests together with a model of it.
type judge interface {
	Acquire(t *kernel.Task, m *kernel.Map, mode kernel.Mode, nest *kernel.Map, site kernel.Site)
	Sync(t *kernel.Task, m *kernel.Map, mode kernel.Mode, nest *kernel.Map, site kernel.Site)
	Release(t *kernel.Task, m *kernel.Map, site kernel.Site)
	Downgrade(t *kernel.Task, m *kernel.Map, site kernel.Site)
	SetClass(t *kernel.Task, m *kernel.Map, key uint64, name string, sub uint8, site kernel.Site)
	InitSub(t *kernel.Task, m *kernel.Map, sub uint8, site kernel.Site)
	FreeRange(from, size uint64)
	Pin(t *kernel.Task, m *kernel.Map, cookie uint32, site kernel.Site)
	Unpin(t *kernel.Task, m *kernel.Map, cookie uint32, site kernel.Site)
	Freed(t *kernel.Task, from, size uint64, site kernel.Site)
	Exit(t *kernel.Task, site kernel.Site)
	ReturnToUser(t *kernel.Task, site kernel.Site)

	HardirqsOnAt(t *kernel.Task, site kernel.Site)
	HardirqsOffAt(t *kernel.Task)
	EnterHardirq(t *kernel.Task)
	ExitHardirq(t *kernel.Task)
	SetThreaded(t *kernel.Task)
	EnterSoftirq(t *kernel.Task)
	ExitSoftirq(t *kernel.Task)
	DisableBH(t *kernel.Task)
	EnableBH(t *kernel.Task, site kernel.Site)

	NewTask(id uint64, name string) *kernel.Task
	Held(t *kernel.Task, m *kernel.Map) bool
	HeldBy(t *kernel.Task) []kernel.HeldInfo
	Off() bool
	TurnOff()
}

// world is a validator and the locks that it judges.
type world struct {
	v     judge
	maps  map[string]*kernel.Map // by kind and name
	keys  map[string]uint64      // of classes
	kinds map[*kernel.Map]string
	old   bool // classes have their names of 4.14
}

func newWorld(v judge) *world {
	return &world{v: v, maps: map[string]*kernel.Map{}, keys: map[string]uint64{}, kinds: map[*kernel.Map]string{}}
}

// kinds are the kinds of locks: what waiting for one does, outside and inside (see kernel.WaitType), and its type.
var kinds = map[string]struct {
	inner, outer kernel.WaitType
	typ          kernel.LockType
}{
	"spin":    {inner: kernel.WaitConfig},
	"raw":     {inner: kernel.WaitSpin},
	"rwlock":  {inner: kernel.WaitConfig},
	"seqlock": {inner: kernel.WaitConfig},
	"local":   {inner: kernel.WaitConfig, typ: kernel.TypePerCPU},
	"mutex":   {inner: kernel.WaitSleep},
	"rwsem":   {inner: kernel.WaitSleep},
	"rtmutex": {inner: kernel.WaitSleep},
	"ww":      {inner: kernel.WaitSleep},
	"wwctx":   {},
	"map":     {},
	"srcu":    {inner: kernel.WaitConfig, outer: kernel.WaitFree},
	// Go's locks: waiting parks the goroutine.
	"gomutex":   {inner: kernel.WaitSleep},
	"gorwmutex": {inner: kernel.WaitSleep},
	// The RCU flavours: readers wait for nothing, and what may be taken in them differs.
	"rcu":       {inner: kernel.WaitConfig, outer: kernel.WaitFree},
	"rcu_sched": {inner: kernel.WaitSpin, outer: kernel.WaitFree},
}

// builtins are the maps that the kernel itself has, by the name of their class.
var builtins = map[string]string{
	"rcu_read_lock": "rcu", "rcu_read_lock_bh": "rcu", "rcu_read_lock_sched": "rcu_sched", "rcu_callback": "map",
	"fs_reclaim": "map", "mmu_notifier_invalidate_range_start": "map",
	"&p->pi_lock": "raw", "&rq->__lock": "raw", "rcu_node_0": "raw",
	"console_lock": "map", "console_owner": "map", "&mm->mmap_lock": "rwsem",
	"&base->lock": "raw", "dma_fence_map": "map",
	"cpu_hotplug_lock": "rwsem", "cpuhp_state_mutex": "mutex", "cpuhp_state-up": "map", "cpuhp_state-down": "map",
	"&wq->mutex": "mutex",
}

const (
	firstLock = 0xffff888000001000
	firstKey  = 0xffffffff83000000
	lockSize  = 0x100
	// noValidate is the key of locks that are not checked.
	noValidate = firstKey - 0x10
)

// lock returns the lock of the kind and name, made at its first mention.
// Locks with the same class and key have one class; another key makes another class of the same name.
func (w *world) lock(kind, name, class, key string) *kernel.Map {
	id := kind + " " + name
	l := w.maps[id]
	if l == nil {
		k := kinds[kind]
		l = &kernel.Map{
			Addr: firstLock + lockSize*uint64(len(w.maps)), Key: w.key(kind, class+" "+key), Name: class,
			Inner: k.inner, Outer: k.outer, Type: k.typ,
		}
		if w.old { // wait types are of 5.8
			l.Inner, l.Outer, l.Type = 0, 0, 0
		}
		w.maps[id] = l
		w.kinds[l] = kind
	}
	return l
}

// key returns the key of a class.
func (w *world) key(kind, class string) uint64 {
	key := w.keys[kind+" "+class]
	if key == 0 {
		key = firstKey + 0x10*uint64(len(w.keys))
		w.keys[kind+" "+class] = key
	}
	return key
}

// oldNames are the names of builtins up to 4.14.
var oldNames = map[string]string{
	"&mm->mmap_lock": "&mm->mmap_sem", "cpu_hotplug_lock": "cpu_hotplug_lock.rw_sem", "&rq->__lock": "&rq->lock",
	"cpuhp_state-up": "cpuhp_state", "cpuhp_state-down": "cpuhp_state",
}

func (w *world) builtin(name string) *kernel.Map {
	kind := builtins[name]
	if n := oldNames[name]; w.old && n != "" {
		name = n
	}
	return w.lock(kind, name, name, "")
}

// acquire takes a lock as the hooks in the lock functions do: they note whether irqs are off.
func (w *world) acquire(t *kernel.Task, l *kernel.Map, mode kernel.Mode, nest *kernel.Map, site kernel.Site) {
	if t.Context&kernel.HardirqsOn == 0 {
		mode |= kernel.IRQsOff
	}
	w.v.Acquire(t, l, mode, nest, site)
}
