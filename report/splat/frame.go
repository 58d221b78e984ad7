package splat

import (
	"regexp"
	"strings"
)

var (
	frameRE = regexp.MustCompile(`^(?:\[<([0-9a-f]*)>\] |\[\](?: |$))?(\? )?([^\s()]+?)(?:\+(0x[0-9a-f]+/0x[0-9a-f]+))?(?: \[([^\]\s]+)\])?(?: ([^\s()]+:(?:-?\d+|\?)))?( \[inline\])?$`)
	// Frames of other forms: ARM's, symbolised by decode_stacktrace.sh, s390's.
	looseRE  = regexp.MustCompile(`(?:^|[\s(>\]])([A-Za-z_$][\w.$:<>]*)\+(0x[0-9a-f]+/0x[0-9a-f]+)`)
	sourceRE = regexp.MustCompile(`^(?:\[<[0-9a-f]*>\] )?(\? )?([A-Za-z_$][\w.$]*) \((\S*:(?:\d+|\?)[^()]*)\)`)
)

// parseFrame reads a line of a stack trace, or what stands behind "at: ".
func parseFrame(s string) Frame {
	s = strings.TrimSpace(s)
	var f Frame
	if m := frameRE.FindStringSubmatch(s); m != nil {
		f = Frame{
			Addr: m[1], NoAddr: m[1] == "" && strings.HasPrefix(s, "["), Guess: m[2] != "",
			Func: m[3], Offset: m[4], Module: m[5], Source: m[6], Inline: m[7] != "",
		}
		if f.Module == "inline" {
			f.Module, f.Inline = "", true
		}
	} else if m := sourceRE.FindStringSubmatch(s); m != nil {
		f = Frame{Guess: m[1] != "", Func: m[2], Source: firstWord(m[3])}
	} else if m := looseRE.FindStringSubmatch(s); m != nil {
		f = Frame{Func: m[1], Offset: m[2], Guess: strings.HasPrefix(s, "? ")}
	}
	if f.String() != s {
		f.Text = s
	}
	return f
}

// isFrame reports whether a trimmed line is one of a stack trace.
func isFrame(t string) bool {
	if t == "" || len(t) > 1000 {
		return false
	}
	if m := frameRE.FindStringSubmatch(t); m != nil {
		return m[4] != "" || m[7] != "" || strings.HasPrefix(t, "[<") || strings.HasPrefix(t, "[]") ||
			strings.HasPrefix(m[3], "0x") || (m[6] != "" && strings.Contains(m[6], ".")) || isAsm(m[3])
	}
	if sourceRE.MatchString(t) {
		return true
	}
	m := looseRE.FindStringIndex(t)
	return m != nil && (m[0] <= 2 || strings.HasPrefix(t, "[<") || strings.HasPrefix(t, "([<") || t[0] == '<')
}

// isAsm: symbols that are printed without offset at the end of old traces.
func isAsm(s string) bool { return strings.HasPrefix(s, "0x") }

// String is the frame as the kernel prints it, without indentation.
func (f Frame) String() string {
	if f.Text != "" {
		return f.Text
	}
	var b strings.Builder
	switch {
	case f.Addr != "":
		b.WriteString("[<" + f.Addr + ">] ")
	case f.NoAddr:
		b.WriteString("[] ")
	}
	if f.Guess {
		b.WriteString("? ")
	}
	b.WriteString(f.Func)
	if f.Offset != "" {
		b.WriteString("+" + f.Offset)
	}
	if f.Module != "" {
		b.WriteString(" [" + f.Module + "]")
	}
	if f.Source != "" {
		b.WriteString(" " + f.Source)
	}
	if f.Inline {
		b.WriteString(" [inline]")
	}
	return b.String()
}

// Place is function, offset and size: "foo+0x17/0x50".
func (f *Frame) Place() string {
	if f == nil {
		return ""
	}
	if f.Offset == "" {
		return f.Func
	}
	return f.Func + "+" + f.Offset
}

// machineryRE matches the functions that stand between a lock operation and
// the code that wanted it: the validator and the primitives.
var machineryRE = regexp.MustCompile(`^(?:_*lock_acquire|_*lock_release|lockdep_\w+|lock_sync|mark_\w+|validate_chain|check_\w*(?:deadlock|noncircular|prev\w*|usage\w*|irq_usage|chain\w*|path|flags|redundant)` +
	`|__bfs|add_lock_to_list|save_trace|save_stack_trace|print_\w+(?:bug|dependencies|held_locks)\w*|valid_state|register_lock_class|_*reacquire_held_locks|rcu_lock_acquire|rcu_lock_release|lock_map_acquire\w*` +
	`|_*dump_stack\w*|show_stack\w*|dump_backtrace|unwind_backtrace|walk_stackframe|show_trace\w*` +
	`|_*(?:raw_)*(?:spin|read|write)_(?:un)?(?:try)?lock\w*|_*(?:raw_)*seqcount_\w+|_*do_raw_(?:spin|read|write)_\w+` +
	`|_*(?:ww_|rt_)?mutex_(?:un|try)?(?:lock|acquire)\w*|_*rt_(?:spin|read|write)_(?:un|try)?lock\w*` +
	`|_*(?:down|up)_(?:read|write)\w*|down|down_interruptible|_*rwsem_\w+|rwsem_acquire\w*|_*percpu_(?:down|up)_\w+|percpu_rwsem_\w+|_*rtlock_\w+|lock_sock\w*|_*lock_sock_nested` +
	`|_*bh_lock_sock\w*|seqcount_lockdep_\w+|local_lock\w*|_*local_bh_(?:en|dis)able\w*|trace_(?:hard|soft)irqs_\w+` +
	`|lock_timer_base|lock_hrtimer_base|cpus_read_lock|get_online_cpus|wait_for_common|wait_for_completion\w*|assign_lock_key|look_up_lock_class)(?:\.|$)`)

// lockMachinery reports whether a function belongs to the validator or is a
// primitive of locking.
func lockMachinery(fn string) bool { return machineryRE.MatchString(fn) }

// firstOutside is the index of the first sure frame outside the machinery, or
// -1. With inline functions printed, the function that they are part of decides.
func firstOutside(stack []Frame) int {
	for i := range stack {
		f := &stack[i]
		if f.Func == "" || f.Guess || strings.HasPrefix(f.Func, "0x") || lockMachinery(f.Func) {
			continue
		}
		return i
	}
	return -1
}

// Outer is the first function of a stack trace that is no lock machinery, or "".
func Outer(stack []Frame) string {
	if i := firstOutside(stack); i >= 0 {
		return stack[i].Func
	}
	return ""
}

// Stack is the final backtrace as frames; what is no frame is left out.
func (r *Report) Stack() []Frame {
	var out []Frame
	for _, l := range r.Backtrace {
		t := strings.TrimSpace(l)
		// "<IRQ>  [<addr>] f": the mark and a frame on one line.
		if i := strings.Index(t, "> "); strings.HasPrefix(t, "<") && i > 0 && i < 12 {
			t = strings.TrimSpace(t[i+1:])
		}
		if isFrame(t) && !strings.HasPrefix(t, "RIP") {
			out = append(out, parseFrame(t))
		}
	}
	return out
}
