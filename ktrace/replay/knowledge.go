package replay

import "strings"

// What the source of Linux 6.12 says of locks with a name, where no event
// does. Only names that are fixed there are listed.
var known = map[string]evidence{
	// RCU's maps: lock_acquire(map, 0, 0, 2, 0, …), recursive and not checked
	// (include/linux/rcupdate.h); their callbacks hold a map as writers.
	"rcu_read_lock":       unchecked | recursive,
	"rcu_read_lock_bh":    unchecked | recursive,
	"rcu_read_lock_sched": unchecked | recursive,
	"rcu_callback":        unchecked,
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
	switch {
	case strings.HasSuffix(name, "-wait-type-override"): // DEFINE_WAIT_OVERRIDE_MAP
		return override
	case strings.HasSuffix(name, "seqcount"), strings.HasSuffix(name, "srcu"):
		return recursive // seqcount_acquire_read, srcu_lock_acquire
	}
	return known[name]
}
