package scenario

import (
	"slices"
	"strconv"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
)

// word is an entry of the tables: the pattern of its arguments (see match), whether it has a body, and its lowering.
type word struct {
	args string
	body bool
	do   func(r *run, s *stmt) error
}

func names(m map[string]word) []string {
	var out []string
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

var declarations, words map[string]word

// declareLock declares locks of a kind, each a class of its own, or all of the class that is named.
func declareLock(kind string) word {
	return word{"new* class=text? key=text? sub=sub? validate=no?", false, func(r *run, s *stmt) error {
		for _, a := range s.args {
			class := s.option("class")
			if strings.Contains(a.text, "=") {
				continue
			}
			if o := r.objects[a.text]; o != nil {
				return r.fail(a.pos, "%s is declared twice", a.text)
			}
			if class == "" {
				class = a.text
			}
			o := &object{kind: "lock", of: kind, lock: r.lock(kind, a.text, class, s.option("key"))}
			if n, err := strconv.Atoi(s.option("sub")); err == nil {
				r.v.InitSub(r.v.NewTask(0, "swapper"), o.lock, uint8(n), 0)
			}
			if s.option("validate") == "no" {
				o.lock.Key = noValidate
			}
			if kind == "seqlock" {
				o.seq = r.lock("map", a.text+".seqcount", class+".seqcount", "")
			}
			r.objects[a.text] = o
		}
		return nil
	}}
}

// simple makes a word of a lowering that cannot fail.
func simple(args string, do func(r *run, s *stmt)) word {
	return word{args, false, func(r *run, s *stmt) error { do(r, s); return nil }}
}

func (r *run) arg(s *stmt, i int) *object { return r.objects[s.args[i].text] }

// readMode is how a reader takes the lock: those of rwlocks queue behind writers but in interrupts.
func (r *run) readMode(o *object) kernel.Mode {
	inInterrupt := r.t.Context&(kernel.InHardirq|kernel.InSoftirq) != 0 || r.t.BHDisabled()
	if o.of == "rwlock" && (inInterrupt || r.opts.Mode != "6.12") {
		return kernel.Recursive
	}
	return kernel.Shared
}

// locking makes a word that takes a lock; before is what happens to irqs or bottom halves first.
func locking(read, try bool, suffix string, before func(r *run) error) word {
	return word{"lock sub=sub? nest=lock?", false, func(r *run, s *stmt) error {
		if err := before(r); err != nil {
			return err
		}
		o := r.arg(s, 0)
		mode := kernel.Check
		if n, err := strconv.Atoi(s.option("sub")); err == nil {
			mode |= kernel.Mode(n)
		}
		if try {
			mode |= kernel.Try
		}
		var nest *kernel.Map
		if n := s.option("nest"); n != "" {
			nest = r.objects[n].lock
		}
		if read && o.of == "seqlock" {
			r.touch(o.seq, kernel.Recursive|kernel.IRQsOff)
			return nil
		}
		if read {
			if o.of != "rwlock" && o.of != "rwsem" && o.of != "gorwmutex" {
				return r.fail(s.pos, "%s is a %s, which has no readers; want an rwlock, rwsem, seqlock or gorwmutex", s.args[0].text, o.of)
			}
			mode |= r.readMode(o)
		}
		r.viaLock(o.of, read, try, suffix, func() { r.take(o.lock, mode, nest) })
		if o.seq != nil {
			r.take(o.seq, kernel.Check, nil)
		}
		return nil
	}}
}

func unlocking(after func(r *run) error) word {
	return word{"lock", false, func(r *run, s *stmt) error {
		o := r.arg(s, 0)
		if o.seq != nil {
			r.drop(o.seq)
		}
		r.drop(o.lock)
		return after(r)
	}}
}

func nothing(*run) error   { return nil }
func irqsOff(r *run) error { return r.irqs(false) }
func irqsOn(r *run) error  { return r.irqs(true) }
func bhOff(r *run) error   { r.bh(false); return nil }
func bhOn(r *run) error    { r.bh(true); return nil }

func irqSave(r *run) error {
	r.t.flags = append(r.t.flags, r.t.Context&kernel.HardirqsOn != 0)
	return r.irqs(false)
}

func irqRestore(r *run) error {
	n := len(r.t.flags)
	if n == 0 {
		return r.fail(r.now.pos, "%s: no flags are saved, want lock_irqsave or irq save before", r.now.word)
	}
	on := r.t.flags[n-1]
	r.t.flags = r.t.flags[:n-1]
	if !on {
		return nil
	}
	return r.irqs(true)
}

// wake is try_to_wake_up: the task's pi_lock, then its run queue.
func (r *run) wake() {
	pi, rq := r.builtin("&p->pi_lock"), r.builtin("&rq->__lock")
	was := r.t.Context
	r.v.HardirqsOffAt(r.t.Task)
	r.via(func() {
		r.viaLock("raw", false, false, "_irqsave", func() { r.take(pi, kernel.Check, nil) })
		r.viaLock("raw", false, false, "_nested", func() { r.take(rq, kernel.Check, nil) })
		r.drop(rq)
		r.drop(pi)
	}, "try_to_wake_up")
	r.t.Context = was
}

// flush is what flush, drain and destroy of a queue do: they wait for its works. The policy says when not.
func (r *run) flush(q *object) {
	r.look(q)
	switch {
	case r.policy == "always" || r.policy == "used" && q.used || r.policy == "empty" && q.pending > 0:
		r.touch(q.lock, 0)
	default:
		r.really(request{op: opTouch, lock: q.lock}) // it waits, whatever is annotated
	}
	r.touch(r.builtin("&wq->mutex"), 0)
}

// callback runs the function of a work or timer under maps, the last of them as a copy: the function may free what it
// belongs to. The options say otherwise: uncopied takes the map itself, as kernels before 2.6.24 do; torn copies it
// with its cache, as up to 3.4; and during=FUNC is what another task does while the copy is made.
func (r *run) callback(s *stmt, fn string, maps ...*kernel.Map) error {
	last := len(maps) - 1
	how := "copied"
	if len(s.args) > 1 && !strings.Contains(s.args[1].text, "=") {
		how = s.args[1].text
	}
	var err error
	meanwhile := func() {
		if during := s.option("during"); during != "" {
			err = r.elsewhere(during)
		}
	}
	// On the stack, far from all declared locks.
	addr := 0xffffc90000000000 + lockSize*uint64(len(r.stacks))
	switch how {
	case "copied":
		meanwhile()
		c := kernel.CopyMap(maps[last], addr)
		if r.sched != nil {
			r.sched.origin[&c] = maps[last]
		}
		maps[last] = &c
	case "torn":
		c := kernel.TearMap(maps[last], addr, meanwhile)
		maps[last] = &c
	default:
		meanwhile()
	}
	if err != nil {
		return err
	}
	for _, m := range maps {
		r.take(m, kernel.Check, nil)
	}
	err = r.call(fn)
	for i := last; i >= 0; i-- {
		r.drop(maps[i])
	}
	return err
}

// elsewhere runs a function on a task of its own, on another CPU.
func (r *run) elsewhere(fn string) error {
	was, now := r.t, r.now
	if r.other == nil {
		r.other = &task{Task: r.v.NewTask(uint64(len(r.objects)+100), "other"), cpu: 1}
	}
	if r.other == was {
		return r.fail(now.pos, "during= stands in what runs during another copy")
	}
	r.t = r.other
	r.t.frames = nil
	err := r.call(fn)
	r.t, r.now = was, now
	return err
}

// inSoftirq runs f as the work of a softirq.
func (r *run) inSoftirq(s *stmt, f func() error) error {
	t := r.t
	if t.Context&kernel.SoftirqsOn == 0 || t.Context&kernel.HardirqsOn == 0 || t.Context&(kernel.InHardirq|kernel.InSoftirq) != 0 {
		return r.fail(s.pos, "%s: no softirq can come here, want irqs and bottom halves on", s.word)
	}
	r.bh(false)
	r.v.EnterSoftirq(t.Task)
	err := r.boundary(f)
	r.v.ExitSoftirq(t.Task)
	r.bh(true)
	return err
}

// rcuUnlock ends a reader. The outermost one tells the grace period that waits for it. Where irqs, bottom halves or
// preemption are off, kernels of today put that off until they are on; "4.14" and "2.6" do not.
func (r *run) rcuUnlock() {
	t := r.t
	t.readers = max(t.readers-1, 0)
	if r.opts.Mode != "6.12" {
		r.quiescent()
	}
	r.drop(r.builtin("rcu_read_lock"))
	r.deferredQuiescent()
}

// quiescent reports the end of the reader that a grace period waits for: it takes the node's lock and wakes a task.
func (r *run) quiescent() {
	t := r.t
	if t.readers > 0 || !t.special {
		return
	}
	t.special = false
	rnp := r.builtin("rcu_node_0")
	was := t.Context
	r.v.HardirqsOffAt(t.Task)
	r.via(func() {
		r.viaLock("raw", false, false, "_irqsave", func() { r.take(rnp, kernel.Check, nil) })
		r.wake()
		r.drop(rnp)
	}, "rcu_read_unlock_special")
	t.Context = was
}

// deferredQuiescent is quiescent where nothing keeps the scheduler out.
func (r *run) deferredQuiescent() {
	t := r.t
	if r.opts.Mode == "6.12" && t.Context&kernel.HardirqsOn != 0 && t.Context&inIRQ == 0 && !t.BHDisabled() && t.preempt == 0 {
		r.quiescent()
	}
}

// preempt turns preemption off or on.
func (r *run) preempt(s *stmt, on bool) error {
	if !on {
		r.t.preempt++
		return nil
	}
	if r.t.preempt == 0 {
		return r.fail(s.pos, "preemption is on, want preempt off before")
	}
	r.t.preempt--
	r.deferredQuiescent()
	return nil
}

func (r *run) reader(name string, body []*stmt) error {
	r.take(r.builtin(name), kernel.Recursive, nil)
	err := r.block(body)
	r.drop(r.builtin(name))
	return err
}

// synchronize asserts what synchronize_rcu does, and waits for the readers.
func (r *run) synchronize() {
	r.really(request{op: opTouch, lock: r.builtin("rcu_read_lock")})
	for _, n := range []string{"rcu_read_lock_bh", "rcu_read_lock", "rcu_read_lock_sched"} {
		if r.v.Held(r.t.Task, r.builtin(n)) {
			r.suspicious("Illegal synchronize_rcu() in RCU read-side critical section!")
		}
	}
}

// printk takes the console. Its release may wake who waits for it: "wake" says that it does, "quiet" that it does not;
// without either an exploration tries both, and else nobody waits. Whoever does not get the console leaves the message
// to its owner, so nobody waits for it.
func (r *run) printk(s *stmt) {
	con, owner := r.builtin("console_lock"), r.builtin("console_owner")
	wake := len(s.args) > 0 && s.args[0].text == "wake"
	if len(s.args) == 0 && r.sched != nil && r.sched.unreal == 0 {
		wake = r.sched.ask(request{op: opChoice}) == 1
	}
	r.via(func() {
		r.annotate(func() {
			r.take(con, kernel.Check|kernel.Try, nil)
			r.touch(owner, 0)
			r.drop(con)
		})
		if wake {
			r.wake()
		}
	}, "vprintk_emit", "console_unlock")
}

// runTimer runs a timer's function in a softirq.
func (r *run) runTimer(s *stmt, t *object) (err error) {
	return r.inSoftirq(s, func() error {
		r.via(func() { err = r.callback(s, t.runs, t.lock) }, "handle_softirqs", "call_timer_fn")
		return err
	})
}

// timerBase is what starting or deleting a timer takes: the lock of its base.
func (r *run) timerBase() {
	base := r.builtin("&base->lock")
	was := r.t.Context
	r.v.HardirqsOffAt(r.t.Task)
	r.viaLock("raw", false, false, "_irqsave", func() { r.touch(base, 0) })
	r.t.Context = was
}

func init() {
	declarations = map[string]word{
		"scenario": {"text", false, func(r *run, s *stmt) error { r.name = s.args[0].text; return nil }},
		"explore":  {"", true, func(*run, *stmt) error { return nil }}, // run.all comes to it
		"policy":   {"always|used|empty", false, func(r *run, s *stmt) error { r.policy, r.declared = s.args[0].text, s.args[0].text; return nil }},
		"mode":     {strings.Join(Modes, "|"), false, func(*run, *stmt) error { return nil }}, // Run has looked at it
		"func": {"new as=text? module=text?", true, func(r *run, s *stmt) error {
			r.objects[s.args[0].text] = &object{kind: "func", fn: s}
			return nil
		}},
		"task": {"text pid=number? cpu=number? frame=no?", true, func(r *run, s *stmt) error {
			name := s.args[0].text
			o := r.objects[name]
			if o != nil && o.kind != "task" {
				return r.fail(s.args[0].pos, "%s is a %s already, want another name", name, o.kind)
			}
			if o == nil {
				pid := 1
				for _, o := range r.objects {
					if o.kind == "task" {
						pid++
					}
				}
				if p := s.option("pid"); p != "" {
					pid, _ = strconv.Atoi(p) // match has seen that it is a number
				}
				r.objects[name] = &object{kind: "task", task: &task{Task: r.v.NewTask(uint64(pid), name)}}
			}
			if c := s.option("cpu"); c != "" {
				r.objects[name].task.cpu, _ = strconv.Atoi(c)
			}
			return nil
		}},
		"workqueue": {"new single|rescuer? class=text?", false, func(r *run, s *stmt) error {
			n, class := s.args[0].text, s.option("class")
			if class == "" {
				class = n
			}
			single := len(s.args) > 1 && !strings.Contains(s.args[1].text, "=")
			r.objects[n] = &object{kind: "workqueue", single: single, lock: r.lock("map", n, "(wq_completion)"+class, "")}
			return nil
		}},
		"work": {"new workqueue func", false, func(r *run, s *stmt) error {
			n := s.args[0].text
			r.objects[n] = &object{kind: "work", queue: r.arg(s, 1), runs: s.args[2].text, lock: r.lock("map", n, "(work_completion)(&"+n+")", "")}
			return nil
		}},
		"timer": {"new func", false, func(r *run, s *stmt) error {
			n := s.args[0].text
			r.objects[n] = &object{kind: "timer", runs: s.args[1].text, lock: r.lock("map", n, "(&"+n+")", "")}
			return nil
		}},
		"completion": {"new", false, func(r *run, s *stmt) error {
			n := s.args[0].text
			r.objects[n] = &object{kind: "completion", lock: r.lock("map", n, "(complete)&"+n, "")}
			return nil
		}},
	}
	for _, k := range []string{
		"spin", "raw", "rwlock", "seqlock", "local", "mutex", "rwsem", "rtmutex", "ww", "wwctx", "map", "srcu", "gomutex", "gorwmutex",
	} {
		declarations[k] = declareLock(k)
	}

	words = map[string]word{
		// Locks.
		"lock": locking(false, false, "", nothing), "lock_irq": locking(false, false, "_irq", irqsOff),
		"lock_irqsave": locking(false, false, "_irqsave", irqSave), "lock_bh": locking(false, false, "_bh", bhOff),
		"read": locking(true, false, "", nothing), "read_irq": locking(true, false, "_irq", irqsOff),
		"read_irqsave": locking(true, false, "_irqsave", irqSave), "read_bh": locking(true, false, "_bh", bhOff),
		"trylock": locking(false, true, "", nothing), "tryread": locking(true, true, "", nothing),
		"unlock": unlocking(nothing), "unlock_irq": unlocking(irqsOn),
		"unlock_irqrestore": unlocking(irqRestore), "unlock_bh": unlocking(bhOn),
		"downgrade":  simple("lock", func(r *run, s *stmt) { r.v.Downgrade(r.t.Task, r.arg(s, 0).lock, r.site()) }),
		"might_lock": simple("lock", func(r *run, s *stmt) { r.maybe(func() { r.touch(r.arg(s, 0).lock, 0) }) }),
		"free": {"text", false, func(r *run, s *stmt) error {
			o := r.arg(s, 0)
			if o == nil || o.lock == nil {
				return r.fail(s.args[0].pos, "free: %s is no lock, work, timer, workqueue or completion", s.args[0].text)
			}
			r.v.Freed(r.t.Task, o.lock.Addr, lockSize, r.site())
			return nil
		}},
		"exit": simple("", func(r *run, _ *stmt) { r.v.Exit(r.t.Task, r.site()) }),
		"user": simple("", func(r *run, _ *stmt) { r.v.ReturnToUser(r.t.Task, r.site()); r.invariant() }),
		// Locks that change their class, and classes that go.
		"set_class": {"lock text sub=sub?", false, func(r *run, s *stmt) error {
			o, class := r.arg(s, 0), s.args[1].text
			n, _ := strconv.Atoi(s.option("sub"))
			r.v.SetClass(r.t.Task, o.lock, r.key(o.of, class+" "), class, uint8(n), r.site())
			return nil
		}},
		"unregister": simple("lock", func(r *run, s *stmt) { r.v.FreeRange(r.arg(s, 0).lock.Key, 8) }),
		"pin":        simple("lock", func(r *run, s *stmt) { r.v.Pin(r.t.Task, r.arg(s, 0).lock, pinCookie, r.site()) }),
		"unpin":      simple("lock", func(r *run, s *stmt) { r.v.Unpin(r.t.Task, r.arg(s, 0).lock, pinCookie, r.site()) }),

		// Interrupts.
		"irq": {"on|off|save|restore", false, func(r *run, s *stmt) error {
			return map[string]func(*run) error{"on": irqsOn, "off": irqsOff, "save": irqSave, "restore": irqRestore}[s.args[0].text](r)
		}},
		"bh": {"on|off", false, func(r *run, s *stmt) error {
			if s.args[0].text == "on" && !r.t.BHDisabled() {
				return r.fail(s.pos, "bottom halves are on, want bh off before")
			}
			r.bh(s.args[0].text == "on")
			return nil
		}},
		"preempt": {"on|off", false, func(r *run, s *stmt) error { return r.preempt(s, s.args[0].text == "on") }},
		"hardirq": {"threaded|nothread?", true, func(r *run, s *stmt) error {
			if r.t.Context&kernel.HardirqsOn == 0 {
				return r.fail(s.pos, "hardirq: interrupts are off here, want irq on before")
			}
			return r.interrupt("asm_common_interrupt", s, len(s.args) == 0 || s.args[0].text == "threaded")
		}},
		"softirq": {"", true, func(r *run, s *stmt) error {
			return r.inSoftirq(s, func() error { return r.inFrame("handle_softirqs", s, s.body) })
		}},
		// An IPI comes at once, or when irqs go on. Its handler is never a thread.
		"ipi": {"", true, func(r *run, s *stmt) error {
			if r.t.Context&kernel.HardirqsOn == 0 {
				r.t.ipis = append(r.t.ipis, s)
				return nil
			}
			return r.interrupt("sysvec_call_function_single", s, false)
		}},
		// Outside of interrupts a raised softirq wakes ksoftirqd.
		"raise_softirq": simple("", func(r *run, _ *stmt) {
			if r.t.Context&(kernel.InHardirq|kernel.InSoftirq) == 0 && !r.t.BHDisabled() {
				r.wake()
			}
		}),

		// Workqueues (kernel/workqueue.c).
		"queue_work": simple("work", func(r *run, s *stmt) {
			w := r.arg(s, 0)
			r.look(w)
			if w.pending > 0 {
				return
			}
			w.pending = 1
			w.queue.pending++
			w.queue.used = true
			if r.sched != nil {
				r.launch(w, "", "worker of "+s.args[0].text, func() error {
					w.pending--
					w.queue.pending--
					return r.runWork(&stmt{pos: s.pos, word: "run_work"}, w)
				})
			}
		}),
		"run_work": {"work copied|uncopied|torn? during=func?", false, func(r *run, s *stmt) error {
			w := r.arg(s, 0)
			if r.sched != nil {
				return r.fail(s.pos, "run_work: in explore works run by themselves, want queue_work alone")
			}
			if w.pending == 0 {
				return r.fail(s.pos, "run_work: %s is not queued, want queue_work before", s.args[0].text)
			}
			w.pending = 0
			w.queue.pending--
			return r.runWork(s, w)
		}},
		"flush_work":        simple("work", func(r *run, s *stmt) { r.flushWork(r.arg(s, 0), false) }),
		"cancel_work_sync":  simple("work", func(r *run, s *stmt) { r.flushWork(r.arg(s, 0), true) }),
		"flush_workqueue":   simple("workqueue", func(r *run, s *stmt) { r.flush(r.arg(s, 0)) }),
		"drain_workqueue":   simple("workqueue", func(r *run, s *stmt) { r.flush(r.arg(s, 0)) }),
		"destroy_workqueue": simple("workqueue", func(r *run, s *stmt) { r.flush(r.arg(s, 0)) }),
		// alloc_workqueue takes cpu_hotplug_lock for reading.
		"alloc_workqueue": simple("workqueue", func(r *run, _ *stmt) {
			names := []string{"__alloc_workqueue"}
			if r.opts.Mode != "6.12" {
				names = []string{"__alloc_workqueue_key", "apply_workqueue_attrs"}
			}
			r.via(func() { r.cpusLock(kernel.Shared); r.drop(r.builtin("cpu_hotplug_lock")) }, names...)
		}),

		// Timers (kernel/time/timer.c). Callbacks are run in softirqs.
		"run_timer": {"timer copied|uncopied|torn? during=func?", false, func(r *run, s *stmt) error {
			if r.sched != nil {
				return r.fail(s.pos, "run_timer: in explore timers fire by themselves, want mod_timer")
			}
			return r.runTimer(s, r.arg(s, 0))
		}},
		"mod_timer": simple("timer", func(r *run, s *stmt) {
			r.via(r.timerBase, "__mod_timer")
			if t := r.arg(s, 0); r.sched != nil {
				r.launch(t, "softirq", "timer "+s.args[0].text, func() error { return r.runTimer(&stmt{pos: s.pos, word: "run_timer"}, t) })
			}
		}),
		"timer_delete": simple("timer", func(r *run, _ *stmt) { r.via(r.timerBase, "timer_delete") }),
		"timer_delete_sync": simple("timer", func(r *run, s *stmt) {
			t := r.arg(s, 0)
			if r.sched != nil {
				r.sched.ask(request{op: opCancel, obj: t})
			}
			r.via(func() { r.touch(t.lock, kernel.IRQsOff); r.timerBase() }, "timer_delete_sync")
		}),

		// Completions are tracked by cross-release alone, which 4.14 had before its release.
		"wait_for_completion": simple("completion", func(r *run, s *stmt) {
			if r.opts.Mode == "4.14" {
				r.via(func() { r.wait(r.arg(s, 0)) }, "wait_for_completion", "wait_for_common")
			}
			r.really(request{op: opWait, obj: r.arg(s, 0)})
		}),
		"complete": simple("completion", func(r *run, s *stmt) {
			r.complete(r.arg(s, 0))
			r.really(request{op: opComplete, obj: r.arg(s, 0)})
		}),
		"complete_all": simple("completion", func(r *run, s *stmt) {
			r.complete(r.arg(s, 0))
			r.really(request{op: opComplete, obj: r.arg(s, 0), mode: 1})
		}),

		// RCU (kernel/rcu).
		"rcu_read_lock": simple("", func(r *run, _ *stmt) {
			r.t.readers++
			r.take(r.builtin("rcu_read_lock"), kernel.Recursive, nil)
		}),
		"rcu_read_unlock": simple("", func(r *run, _ *stmt) { r.rcuUnlock() }),
		// Sleepable RCU: each srcu_struct has a map of its own, and waiting for its readers is a write that is over at once.
		"srcu_read_lock":   simple("lock", func(r *run, s *stmt) { r.take(r.arg(s, 0).lock, kernel.Check|kernel.Recursive, nil) }),
		"srcu_read_unlock": simple("lock", func(r *run, s *stmt) { r.drop(r.arg(s, 0).lock) }),
		"synchronize_srcu": simple("lock", func(r *run, s *stmt) {
			mode := kernel.Check
			if r.t.Context&kernel.HardirqsOn == 0 {
				mode |= kernel.IRQsOff
			}
			r.via(func() { r.v.Sync(r.t.Task, r.arg(s, 0).lock, mode, nil, r.acquireSite()) }, "__synchronize_srcu")
		}),
		"rcu_sched": {"", true, func(r *run, s *stmt) error { return r.reader("rcu_read_lock_sched", s.body) }},
		"rcu_bh": {"", true, func(r *run, s *stmt) error {
			r.bh(false)
			err := r.reader("rcu_read_lock_bh", s.body)
			r.bh(true)
			return err
		}},
		// The handler of an expedited grace period's IPI asks a reader to report its end.
		"expedite":        simple("", func(r *run, _ *stmt) { r.t.special = r.t.readers > 0 }),
		"synchronize_rcu": simple("", func(r *run, _ *stmt) { r.synchronize() }),
		"rcu_callback": {"func", false, func(r *run, s *stmt) error {
			return r.inSoftirq(s, func() error {
				r.take(r.builtin("rcu_callback"), kernel.Check, nil)
				err := r.call(s.args[0].text)
				r.drop(r.builtin("rcu_callback"))
				return err
			})
		}},
		"rcu_dereference": simple("", func(r *run, _ *stmt) {
			if !r.v.Held(r.t.Task, r.builtin("rcu_read_lock")) {
				r.suspicious("suspicious rcu_dereference_check() usage!")
			}
		}),

		// Waking, printing, faulting, allocating.
		"wake_up":    simple("", func(r *run, _ *stmt) { r.wake() }),
		"might_wake": simple("", func(r *run, _ *stmt) { r.maybe(r.wake) }),
		"printk":     simple("wake|quiet?", func(r *run, s *stmt) { r.printk(s) }),
		"might_fault": simple("", func(r *run, _ *stmt) {
			r.via(func() { r.maybe(func() { r.touch(r.builtin("&mm->mmap_lock"), kernel.Shared) }) }, "__might_fault")
		}),
		// Whoever signals a dma_fence holds a recursive reader that nobody writes, by trylock; whoever waits for one
		// takes it without.
		"dma_fence": {"", true, func(r *run, s *stmt) error {
			m := r.builtin("dma_fence_map")
			r.take(m, kernel.Check|kernel.Shared|kernel.Try, nil)
			err := r.block(s.body)
			r.drop(m)
			return err
		}},
		"dma_fence_wait": simple("", func(r *run, _ *stmt) {
			r.via(func() { r.touch(r.builtin("dma_fence_map"), 0) }, "__dma_fence_might_wait")
		}),
		"might_alloc": simple("", func(r *run, _ *stmt) {
			r.maybe(func() {
				r.touch(r.builtin("fs_reclaim"), 0)
				r.touch(r.builtin("mmu_notifier_invalidate_range_start"), 0)
			})
		}),
		"fs_reclaim": {"", true, func(r *run, s *stmt) error {
			m := r.builtin("fs_reclaim")
			r.take(m, kernel.Check, nil)
			err := r.block(s.body)
			r.drop(m)
			return err
		}},

		// CPU hotplug: the thread that works for the initiator holds the map that the initiator touches.
		"cpus_read_lock":    simple("", func(r *run, _ *stmt) { r.cpusLock(kernel.Shared) }),
		"cpus_read_unlock":  simple("", func(r *run, _ *stmt) { r.drop(r.builtin("cpu_hotplug_lock")) }),
		"cpus_write_lock":   simple("", func(r *run, _ *stmt) { r.cpusLock(0) }),
		"cpus_write_unlock": simple("", func(r *run, _ *stmt) { r.drop(r.builtin("cpu_hotplug_lock")) }),
		"cpuhp_wait":        simple("up|down", func(r *run, s *stmt) { r.touch(r.builtin("cpuhp_state-"+s.args[0].text), 0) }),
		"cpuhp_thread": {"up|down", true, func(r *run, s *stmt) error {
			m := r.builtin("cpuhp_state-" + s.args[0].text)
			r.take(m, kernel.Check, nil)
			err := r.inFrame("cpuhp_thread_fun", s, s.body)
			r.drop(m)
			return err
		}},
	}
}

// pinCookie is what pins are made and taken back with.
const pinCookie = 1

func (r *run) cpusLock(mode kernel.Mode) {
	name := "cpus_write_lock"
	if mode != 0 {
		name = "cpus_read_lock"
	}
	n := len(r.t.frames)
	r.t.frames = append(r.t.frames, frame{name: name, inner: true})
	r.take(r.builtin("cpu_hotplug_lock"), kernel.Check|mode, nil)
	r.t.frames = r.t.frames[:n]
}

// runWork runs a work as a worker does, which has no past then.
func (r *run) runWork(s *stmt, w *object) (err error) {
	r.invariant()
	w.running++
	r.via(func() { err = r.callback(s, w.runs, w.queue.lock, w.lock) }, "process_one_work")
	w.running--
	return err
}

// flushWork waits for a work that is queued or runs. A queue that runs one work at a time waits for all others, too.
func (r *run) flushWork(w *object, cancel bool) {
	if cancel && r.sched != nil {
		r.sched.ask(request{op: opCancel, obj: w})
	}
	r.look(w)
	if w.pending == 0 && w.running == 0 {
		return
	}
	r.touch(w.lock, 0)
	if w.queue.single && !cancel {
		r.touch(w.queue.lock, 0)
	}
}
