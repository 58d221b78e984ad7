package ktrace

import (
	"bytes"
	"math"
	"strings"
)

// contention are the words of the flags of contention_begin, in the order of
// their bits (LCB_F_SPIN …, include/trace/events/lock.h, Linux 6.12).
var contention = []number{{1, "SPIN"}, {2, "READ"}, {4, "WRITE"}, {8, "RT"}, {16, "PERCPU"}, {32, "MUTEX"}}

// event reads "name: arguments". It returns what it wanted, if that is not
// there.
func (t *textSource) event(s []byte, style byte, ev *Event) (why string) {
	s = bytes.TrimLeft(s, " ")
	i := bytes.Index(s, []byte(": "))
	var name, args []byte
	switch {
	case i >= 0:
		name, args = s[:i], s[i+2:]
	case len(s) > 0 && s[len(s)-1] == ':':
		name = s[:len(s)-1]
	case len(s) > 0 && s[len(s)-1] != ':' && bytes.Contains(s, []byte(" <-")):
		// The function tracer prints "callee <-caller".
		ev.Kind, ev.Point, ev.Text = Raw, "function", string(s)
		return ""
	default:
		return t.marker(s, style, ev)
	}
	if j := bytes.LastIndexByte(name, ':'); j >= 0 && style == stylePerf {
		name = name[j+1:]
	}
	if bytes.IndexByte(name, ' ') >= 0 {
		return t.marker(s, style, ev)
	}
	// trace-cmd pads names to 20 columns. Text has spaces of its own.
	if t.padded && style == styleFtrace {
		for pad := 20 - len(name); pad > 0 && len(args) > 0 && args[0] == ' '; pad-- {
			args = args[1:]
		}
	}
	ev.Point = t.strings.get(name)
	kind, known := kinds[ev.Point]
	if !known {
		switch {
		case ev.Point == "tracing_mark_write" && style == styleFtrace:
			ev.Kind, ev.Func.Name, ev.Point, ev.Text = Print, ev.Point, "print", string(args)
		default:
			ev.Kind, ev.Text = Raw, string(bytes.TrimSpace(args))
		}
		return ""
	}
	ev.Kind = kind
	if kind == Console {
		ev.Text = string(args)
		return ""
	}
	if kind == Print {
		fn, text, ok := bytes.Cut(args, []byte(": "))
		if !ok {
			fn, text = nil, args
		}
		ev.Func.Name, ev.Text = t.strings.get(fn), string(text)
		return ""
	}
	if style == stylePerf {
		args = cutIP(args)
	}
	if !t.args(bytes.TrimSpace(args), ev) {
		return "want the arguments of " + kind.String() + " as the kernel, trace-cmd or perf print them"
	}
	return ""
}

// marker reads what is no event of a tracepoint.
func (t *textSource) marker(s []byte, style byte, ev *Event) (why string) {
	if rest, ok := bytes.CutPrefix(s, []byte("PERF_RECORD_LOST")); ok && style == stylePerf {
		ev.Kind, ev.Point, ev.Num = Lost, "lost", -1
		if i := bytes.Index(rest, []byte("lost ")); i >= 0 {
			num, _ := token(rest[i+5:])
			if n, ok := parseInt(num); ok {
				ev.Num = n
			}
		}
		return ""
	}
	if bytes.HasPrefix(s, []byte("PERF_RECORD_")) {
		name, _ := token(s)
		ev.Kind, ev.Point, ev.Text = Raw, t.strings.get(name), string(s)
		return ""
	}
	return `want "event: arguments" behind the time`
}

// cutIP takes off what perf script -F ip,sym puts behind the arguments:
// "address symbol" or "address symbol (object)".
func cutIP(s []byte) []byte {
	end := len(s)
	for range 3 {
		i := bytes.LastIndexByte(s[:end], ' ')
		if i < 0 {
			return s
		}
		word := s[i+1 : end]
		if _, ok := parseHex(word); ok && len(word) >= 8 && word[1] != 'x' {
			return bytes.TrimRight(s[:i], " ")
		}
		end = i
	}
	return s
}

func (t *textSource) args(s []byte, ev *Event) bool {
	switch ev.Kind {
	case LockAcquire, LockRelease, LockContended, LockAcquired:
		addr, name := token(s)
		if name = bytes.TrimLeft(name, " "); !pointer(addr, &ev.Addr) {
			return false
		}
		if ev.Kind == LockAcquire {
			if rest, ok := bytes.CutPrefix(name, []byte("try ")); ok {
				ev.Mode, name = ev.Mode|Try, rest
			}
			if rest, ok := bytes.CutPrefix(name, []byte("read ")); ok {
				ev.Mode, name = ev.Mode|Read, rest
			}
		}
		ev.Name = t.strings.get(name)
		return len(name) > 0
	case ContentionBegin:
		addr, rest := token(s)
		words, ok := between(rest, "(flags=", ")")
		if !ok || !pointer(addr, &ev.Addr) {
			return false
		}
		for w := range bytes.SplitSeq(words, []byte("|")) {
			bit, ok := bitOf(w, contention)
			if !ok {
				return false
			}
			ev.Num |= int64(bit)
		}
		return true
	case ContentionEnd:
		addr, rest := token(s)
		num, ok := between(rest, "(ret=", ")")
		if !ok || !pointer(addr, &ev.Addr) {
			return false
		}
		ev.Num, ok = parseInt(num)
		return ok
	case IRQDisable, IRQEnable, PreemptDisable, PreemptEnable:
		return t.symbol(s, "caller", &ev.Func) && t.symbol(s, "parent", &ev.Parent)
	case SoftirqEntry, SoftirqExit, SoftirqRaise:
		action, ok := between(s, "[action=", "]")
		ev.Name = t.strings.get(action)
		return ok && num(s, "vec", &ev.Num)
	case IRQEntry:
		i := bytes.Index(s, []byte(" name="))
		if i < 0 {
			return false
		}
		ev.Name = t.strings.get(s[i+6:])
		return num(s[:i], "irq", &ev.Num)
	case IRQExit:
		ret, ok := value(s, "ret")
		if string(ret) == "handled" {
			ev.Ret = 1
		}
		return ok && num(s, "irq", &ev.Num)
	case SchedSwitch:
		return t.sched(s, ev)
	case Fork:
		return t.taskArgs(s, "comm=", " pid=", &ev.Prev) && t.taskArgs(s, " child_comm=", " child_pid=", &ev.Next)
	case Exit:
		var prio int64
		ok := t.taskArgs(s, "comm=", " pid=", &ev.Prev) && num(s, "prio", &prio)
		ev.Prev.Prio = int32(prio)
		return ok
	case WorkQueue:
		wq, ok := between(s, "workqueue=", " req_cpu=")
		ev.Name = t.strings.get(wq)
		return ok && t.addr(s, "struct", ev) && t.symbol(s, "function", &ev.Func) && num(s, "cpu", &ev.Num)
	case WorkActivate, WorkStart, WorkEnd:
		rest, ok := bytes.CutPrefix(s, []byte("work struct "))
		addr, rest := token(rest)
		if !ok || !pointer(bytes.TrimSuffix(addr, []byte(":")), &ev.Addr) {
			return false
		}
		// Before 5.4 only execute_start had the function.
		rest = bytes.TrimLeft(rest, " ")
		if fn, ok := bytes.CutPrefix(rest, []byte("function")); ok && len(fn) > 1 {
			name, _ := token(fn[1:])
			ev.Func = t.symbolOf(name)
		}
		return true
	case TimerInit, TimerCancel, TimerExit:
		return t.addr(s, "timer", ev)
	case TimerStart:
		if flags, ok := value(s, "flags"); ok {
			ev.Name = t.strings.get(flags)
		}
		return t.addr(s, "timer", ev) && t.symbol(s, "function", &ev.Func) && num(s, "expires", &ev.Num)
	case TimerEntry:
		return t.addr(s, "timer", ev) && t.symbol(s, "function", &ev.Func) && num(s, "now", &ev.Num)
	case HrtimerInit:
		mode, ok := value(s, "mode")
		ev.Name = t.strings.get(mode)
		return ok && t.addr(s, "hrtimer", ev)
	case HrtimerStart:
		if mode, ok := value(s, "mode"); ok {
			ev.Name = t.strings.get(mode)
		}
		return t.addr(s, "hrtimer", ev) && t.symbol(s, "function", &ev.Func) && num(s, "expires", &ev.Num)
	case HrtimerEntry:
		return t.addr(s, "hrtimer", ev) && t.symbol(s, "function", &ev.Func) && num(s, "now", &ev.Num)
	case HrtimerCancel, HrtimerExit:
		return t.addr(s, "hrtimer", ev)
	}
	return false
}

// sched reads the arguments of sched_switch in the kernel's form, or in that of
// trace-cmd and old perf: "prev:1 [120] S ==> next:2 [120]".
func (t *textSource) sched(s []byte, ev *Event) bool {
	prev, next, ok := bytes.Cut(s, []byte(" ==> "))
	if !ok {
		return false
	}
	if bytes.HasPrefix(prev, []byte("prev_comm=")) {
		state, _ := value(prev, "prev_state")
		ev.PrevState = t.strings.get(state)
		var a, b int64
		ok := t.taskArgs(prev, "prev_comm=", " prev_pid=", &ev.Prev) && num(prev, "prev_prio", &a) &&
			t.taskArgs(next, "next_comm=", " next_pid=", &ev.Next) && num(next, "next_prio", &b)
		ev.Prev.Prio, ev.Next.Prio = int32(a), int32(b)
		return ok && len(state) > 0
	}
	i := bytes.LastIndexByte(prev, ' ')
	if i < 0 {
		return false
	}
	ev.PrevState = t.strings.get(prev[i+1:])
	return t.shortTask(prev[:i], &ev.Prev) && t.shortTask(next, &ev.Next)
}

// shortTask reads "comm:pid [prio]".
func (t *textSource) shortTask(s []byte, task *Task) bool {
	i := bytes.LastIndex(s, []byte(" ["))
	if i < 0 || s[len(s)-1] != ']' {
		return false
	}
	prio, ok := parseInt32(s[i+2 : len(s)-1])
	j := bytes.LastIndexByte(s[:i], ':')
	if !ok || j < 0 {
		return false
	}
	pid, ok := parseInt32(s[j+1 : i])
	*task = Task{PID: pid, Prio: prio, Comm: t.strings.get(s[:j])}
	return ok
}

// taskArgs reads "comm=… pid=…" with the given keys. A comm may have spaces.
func (t *textSource) taskArgs(s []byte, comm, pid string, task *Task) bool {
	name, ok := between(s, comm, pid)
	i := bytes.Index(s, []byte(pid))
	if !ok || i < 0 {
		return false
	}
	n, _ := token(s[i+len(pid):])
	task.PID, ok = parseInt32(n)
	task.Comm = t.strings.get(name)
	return ok
}

func (t *textSource) addr(s []byte, key string, ev *Event) bool {
	v, ok := value(s, key)
	return ok && pointer(v, &ev.Addr)
}

func (t *textSource) symbol(s []byte, key string, sym *Symbol) bool {
	i := bytes.Index(s, []byte(key+"="))
	if i < 0 {
		return false
	}
	s = s[i+len(key)+1:]
	name, rest := token(s)
	if mod, _ := token(rest); len(mod) > 2 && mod[0] == '[' && mod[len(mod)-1] == ']' && !bytes.ContainsRune(mod, '=') {
		name = s[:len(s)-len(rest)+1+len(mod)]
	}
	*sym = t.symbolOf(name)
	return true
}

// symbolOf is a place that was printed as a name, or as a number where the
// printer had no symbol.
func (t *textSource) symbolOf(name []byte) Symbol {
	if bytes.HasPrefix(name, []byte("0x")) {
		if v, ok := parseHex(name); ok {
			return Symbol{Addr: v, Name: t.strings.get(name)}
		}
	}
	return Symbol{Name: t.strings.get(name)}
}

// value returns the word behind "key=" or, where the key is the first part of a
// longer one ("cpu" in "req_cpu"), behind the one that stands alone.
func value(s []byte, key string) ([]byte, bool) {
	for from := 0; from < len(s); {
		i := bytes.Index(s[from:], []byte(key))
		if i < 0 {
			return nil, false
		}
		i += from
		end := i + len(key)
		if end < len(s) && s[end] == '=' && (i == 0 || s[i-1] == ' ' || s[i-1] == '[') {
			v := s[end+1:]
			if j := bytes.IndexByte(v, ' '); j >= 0 {
				v = v[:j]
			}
			return v, true
		}
		from = end
	}
	return nil, false
}

func num(s []byte, key string, to *int64) bool {
	v, ok := value(s, key)
	if !ok {
		return false
	}
	if u, isU := parseUint(v); isU && u > math.MaxInt64 {
		*to = int64(u) // an unsigned counter of the kernel, printed as such
		return true
	}
	*to, ok = parseInt(v)
	return ok
}

// pointer reads an address. Kernels hide it by default: "(____ptrval____)".
func pointer(s []byte, to *uint64) bool {
	if string(s) == "(____ptrval____)" || string(s) == "(null)" {
		return true
	}
	v, ok := parseHex(s)
	*to = v
	return ok
}

// between returns what stands between from and the first to behind it.
func between(s []byte, from, to string) ([]byte, bool) {
	i := bytes.Index(s, []byte(from))
	if i < 0 {
		return nil, false
	}
	s = s[i+len(from):]
	j := bytes.Index(s, []byte(to))
	if j < 0 {
		return nil, false
	}
	return s[:j], true
}

// bitOf is the value of a word of __print_flags, or of a number in its place.
func bitOf(w []byte, words []number) (uint64, bool) {
	for _, n := range words {
		if string(w) == n.word {
			return n.value, true
		}
	}
	if len(w) == 0 {
		return 0, true
	}
	if !strings.HasPrefix(string(w), "0x") {
		return 0, false
	}
	return parseHex(w)
}
