package replay

import (
	"strings"
	"unsafe"
)

// What the source of Linux 6.12 says of locks with a name, where no event
// does. Only names that are fixed there are listed.
var known = map[string]evidence{
	// RCU's maps: lock_acquire(map, 0, 0, 2, 0, …), recursive and not checked
	// (include/linux/rcupdate.h); their callbacks hold a map as writers.
	"rcu_read_lock":       unchecked | recursive,
	"rcu_read_lock_bh":    unchecked | recursive,
	"rcu_read_lock_sched": unchecked | recursive,
	"rcu_callback":        unchecked,
	// rcu_try_lock_acquire, by srcu_read_lock_nmisafe (kernel/printk/printk.c).
	"console_srcu": unchecked | recursive,
	// lockdep_set_novalidate_class (drivers/base/core.c).
	"&dev->mutex": unchecked,
	// Per-CPU reader/writer semaphores: their readers queue
	// (include/linux/percpu-rwsem.h), and no event follows the acquisition.
	"cpu_hotplug_lock":         queued,
	"cgroup_threadgroup_rwsem": queued,
	"sb_writers":               queued,
	"sb_pagefaults":            queued,
	"sb_internal":              queued,
	"dup_mmap_sem":             queued,
	"file_rwsem":               queued,
}

// knowledge returns what is known of a name.
func knowledge(name string) evidence {
	if ev, ok := known[name]; ok {
		return ev
	}
	switch {
	case strings.HasSuffix(name, "-wait-type-override"): // DEFINE_WAIT_OVERRIDE_MAP
		return override
	case strings.HasSuffix(name, "seqcount"), strings.HasSuffix(name, "srcu"):
		return recursive // seqcount_acquire_read, srcu_lock_acquire
	}
	return 0
}

// caller says what a function that turns interrupts on or off is known for.
type caller uint8

const (
	someCaller  caller = iota
	userReturn         // it returns to user space
	spinLock           // it takes a lock next
	spinLockIRQ        // so, and knows that interrupts are on
	spinUnlock         // it has just released one
)

// callerOf finds that out by its name, "function+0x10/0x20".
func callerOf(fn string) caller {
	if i := strings.IndexByte(fn, '+'); i >= 0 {
		fn = fn[:i]
	}
	switch fn {
	case "syscall_exit_to_user_mode", "irqentry_exit_to_user_mode", "exit_to_user_mode_prepare", "exit_to_user_mode":
		return userReturn
	case "_raw_spin_lock_irq", "_raw_read_lock_irq", "_raw_write_lock_irq":
		return spinLockIRQ
	case "_raw_spin_lock_irqsave", "_raw_read_lock_irqsave", "_raw_write_lock_irqsave":
		return spinLock
	case "_raw_spin_unlock_irq", "_raw_spin_unlock_irqrestore", "_raw_read_unlock_irq", "_raw_read_unlock_irqrestore",
		"_raw_write_unlock_irq", "_raw_write_unlock_irqrestore":
		return spinUnlock
	}
	return someCaller
}

// callers remembers callerOf by the memory of the name: readers give the same
// string for the same function.
type callers [256]struct {
	name string
	c    caller
}

func (t *callers) of(fn string) caller {
	if fn == "" {
		return someCaller
	}
	p := uintptr(unsafe.Pointer(unsafe.StringData(fn)))
	e := &t[(p>>4^p>>12)&255]
	if len(e.name) != len(fn) || unsafe.StringData(e.name) != unsafe.StringData(fn) {
		e.name, e.c = fn, callerOf(fn)
	}
	return e.c
}
