package splat

import (
	"regexp"
	"strconv"
	"strings"
)

// SyzkallerTitle is the title that syzkaller's parser of Linux reports gives
// (pkg/report, its rules as of 2025): one function and no lock, so cycles that
// are closed in one function share it, and one cycle has several. Where it finds
// no function, the last word is "corrupted", as there.
func (r *Report) SyzkallerTitle() string {
	old := r.Age != Age6
	switch r.Kind {
	case Circular:
		if old {
			return "possible deadlock in " + titleName(r.firstAt())
		}
		stacks := []Frame{}
		for _, l := range []*Lock{r.Acquire, r.Holding} {
			if l != nil && l.At != nil {
				stacks = append(stacks, *l.At)
			}
		}
		for _, l := range r.Chain {
			stacks = append(stacks, l.Stack...)
		}
		return "possible deadlock in " + titleName(unskipped(append(stacks, r.Stack()...), workqueueRE))
	case Recursive, IRQInversion:
		return "possible deadlock in " + titleName(r.firstAt())
	case IRQOrder:
		if old {
			return "possible deadlock in " + titleName(r.firstAt())
		}
		var stack []Frame
		if r.Safe != nil {
			stack = append(stack, r.Safe.Stack...)
		}
		return "possible deadlock in " + titleName(unskipped(stack, nil))
	case Inconsistent:
		if old {
			return "inconsistent lock state in " + titleName(r.firstAt())
		}
		return "inconsistent lock state in " + titleName(unskipped(r.Stack(), nil))
	case RCU:
		word := "WARNING"
		if old {
			word = "INFO"
		}
		return word + ": suspicious RCU usage in " + titleName(unskipped(r.Stack(), rcuSkipRE))
	case UnlockImbalance:
		fn := ""
		if len(r.ReleaseInline) > 0 {
			fn = r.ReleaseInline[0].Func
		} else if r.ReleaseAt != nil {
			fn = r.ReleaseAt.Func
		}
		if fn == "" || skipRE.MatchString(fn) {
			fn = unskipped(r.Stack(), nil)
		}
		return r.titleWord() + ": bad unlock balance in " + titleName(fn)
	case HeldFreed:
		return r.titleWord() + ": held lock freed in " + titleName(r.firstAt())
	case HeldExit:
		return r.titleWord() + ": still has locks held in " + titleName(r.firstAt())
	case HeldUserspace:
		return r.titleWord() + ": lock held when returning to user space in " + titleName(r.firstAt())
	case NestLock:
		return "WARNING: nested lock was not taken in " + titleName(r.unskippedRIP(nil))
	case WaitContext, Assert:
		return "WARNING: locking bug in " + titleName(r.unskippedRIP(nil))
	case NonstaticKey:
		return "INFO: trying to register non-static key in " + titleName(unskipped(r.Stack(), keySkipRE))
	}
	return strings.Trim(r.titleLine(), "[ ]")
}

func (r *Report) titleWord() string {
	if r.Age == Age6 {
		return "WARNING"
	}
	return "BUG"
}

// firstAt is the function of the first "at:" of the report.
func (r *Report) firstAt() string {
	for _, l := range []*Lock{r.Acquire, r.Holding} {
		if w := l.where(); w != "" {
			if len(l.Inline) > 0 {
				return l.Inline[0].Func
			}
			return w
		}
	}
	if r.Held != nil {
		for i := range r.Held.Locks {
			if w := r.Held.Locks[i].where(); w != "" {
				return w
			}
		}
	}
	return ""
}

// unskippedRIP looks at the frames below the first RIP line, if there is one:
// those above it are of the WARN itself.
func (r *Report) unskippedRIP(more *regexp.Regexp) string {
	var stack []Frame
	for i, l := range r.Backtrace {
		t := strings.TrimSpace(l)
		if rip := ripRE.FindStringSubmatch(t); rip != nil {
			stack = []Frame{{Func: rip[1]}}
			for _, l := range r.Backtrace[i+1:] {
				if t := strings.TrimSpace(l); isFrame(t) {
					stack = append(stack, parseFrame(t))
				}
			}
			break
		}
	}
	if fn := unskipped(stack, more); fn != "" {
		return fn
	}
	return unskipped(r.Stack(), more)
}

var ripRE = regexp.MustCompile(`^(?:RIP: (?:[0-9a-f]{4}:)?(?:\[<[0-9a-f]+>\] +(?:\[<[0-9a-f]+>\] +)?)?|pc : )([A-Za-z_][\w.]*)\+`)

// Names that syzkaller passes over, matched anywhere in a name: what a fault is
// met in, and not where it is.
var (
	skipRE = regexp.MustCompile(strings.Join([]string{
		`^__sanitizer`, `__asan`, `kasan`, `__msan`, `kmsan`, `kcsan`, `check_memory_region`, `check_region_inline`, `fortify`,
		`dump_stack`, `dump_backtrace`, `show_stack`, `show_trace`, `walk_stackframe`, `stack_trace`, `^print_`, `report_bug`, `fixup_bug`, `^panic`, `^__?warn`, `warn_slowpath`, `warn_alloc`, `warn_bogus`,
		`invalid_op`, `do_error`, `_trap`, `^do_trap`, `exc_`, `handle_bug`, `^brk_handler`, `^bug_handler`, `call_break_hook`, `do_debug_exception`, `^el1_`, `^el1h_`,
		`k?v?[mzc]alloc`, `krealloc`, `kmem_cache`, `allocate_slab`, `slab_`, `alloc_pages?`, `vmalloc`, `vzalloc`, `^slob_`, `___?slab_`, `^kfree$`, `kvfree`, `kmemdup`, `^__kmalloc`,
		`debug_object`, `debug_check_no`, `timer_is_static_object`, `work_is_static_object`, `check_preemption_disabled`, `debug_smp_processor_id`, `__this_cpu_preempt_check`,
		`lockdep`, `lock_acquire`, `lock_release`, `lock_class`, `perf_trace`, `reacquire_held_locks`, `check_deadlock`, `check_noncircular`, `check_prev`, `check_usage`, `check_irq`, `check_lock`, `validate_chain`, `mark_lock`, `mark_usage`, `mark_held`, `valid_state`, `hlock_class`, `lock_downgrade`, `lock_set_class`, `find_lock_delay`, `save_trace`, `look_up_lock`, `add_lock_to_list`, `__bfs`, `lock_is_held`,
		`spin_(?:un|try)?lock`, `spin_is_lock`, `raw_spin`, `read_(?:un|try)?lock`, `write_(?:un|try)?lock`, `_lock_irq`, `_lock_bh`, `queued_spin`, `queued_read`, `queued_write`, `rwlock`, `^_?_?mutex_`, `__mutex`, `rt_mutex`, `rwsem`, `^_?_?down`, `^_?_?up(?:_|$)`, `percpu_down`, `percpu_up`, `downgrade_write`,
		`completion`, `seqcount`, `local_bh_`, `_local_lock`, `lock_sock`, `^bh_lock_sock`, `release_sock`, `printk`, `lock_timer`,
		`^_*(?:arch_|raw_)?atomic\d*_`, `refcount_`, `kref_`, `page_ref_`, `^iput`, `__might_`, `might_fault`, `might_sleep`, `copy_to_user`, `copy_from_user`, `put_user`, `get_user`, `copy_user`, `clear_user`,
		`^_?_?str(?:n|l|s|r|c)*(?:cmp|len|cpy|cat|chr|str|dup)`, `^_?_?mem(?:cpy|set|move|cmp|dup|chr)`, `snprintf`, `^vsn?printf`, `^number$`, `^string$`, `^pointer$`, `^format_decode`,
		`^list_`, `__list_`, `^hlist_`, `rb_(?:erase|insert|next|first)`, `^__rb_`, `^debug_`, `_indirect_thunk_`, `^kobject_`, `^rcu_read_`, `^arch_stack_`, `^unwind_`, `^stack_`, `_raw_`, `^irq_work`, `hardirqs_o`, `softirqs_o`,
		`^__bad_area`, `^bad_area`, `^preempt_`, `^trace_`, `__tracepoint`, `^copy_`, `^__get_user`, `^_?test_and_`, `^instrument_`, `^ref_tracker`,
	}, `|`))
	workqueueRE = regexp.MustCompile(`^process_one_work|^process_scheduled_works|flush_work|drain_workqueue|destroy_workqueue|flush_workqueue|touch_w[qo]`)
	rcuSkipRE   = regexp.MustCompile(`rcu|kmem|slab`)
	keySkipRE   = regexp.MustCompile(`stack|lock|IRQ|irq_save|flush_work|cancel_work|cancel_delayed|del_timer|timer_delete|try_to_del_timer|complete|wake_up|prepare_to_wait`)
)

// unskipped is the first sure function of a stack that neither list matches.
func unskipped(stack []Frame, more *regexp.Regexp) string {
	for _, f := range stack {
		if f.Func == "" || f.Guess || strings.HasPrefix(f.Func, "0x") || skipRE.MatchString(f.Func) || more != nil && more.MatchString(f.Func) {
			continue
		}
		return f.Func
	}
	return ""
}

var wrapperRE = regexp.MustCompile(`^__(?:x64|x32|ia32|arm64|arm|s390x?|riscv|powerpc|mips|se|do)_((?:compat_)?sys_\w+)$`)

// titleName is a function as titles name it.
func titleName(fn string) string {
	if fn == "" {
		return "corrupted"
	}
	fn = demangle(fn)
	if i := strings.IndexAny(fn, ".+"); i > 0 {
		fn = fn[:i]
	}
	if m := wrapperRE.FindStringSubmatch(fn); m != nil {
		fn = m[1]
	}
	return fn
}

// demangle reads the plain forms of mangled C++ and Rust names: _Z3fooi is foo,
// _ZN3foo3bar17h0123456789abcdefE is foo::bar. Others stay as they are.
func demangle(s string) string {
	rest, ok := strings.CutPrefix(s, "_Z")
	if !ok {
		return s
	}
	nested := strings.HasPrefix(rest, "N")
	rest = strings.TrimPrefix(rest, "N")
	var parts []string
	for rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		k := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.Atoi(rest[:k])
		if err != nil || n > len(rest)-k {
			return s
		}
		parts = append(parts, rest[k:k+n])
		rest = rest[k+n:]
		if !nested {
			break
		}
	}
	if n := len(parts); n > 1 && len(parts[n-1]) == 17 && parts[n-1][0] == 'h' {
		parts = parts[:n-1] // Rust's hash
	}
	if len(parts) == 0 {
		return s
	}
	return strings.Join(parts, "::")
}
