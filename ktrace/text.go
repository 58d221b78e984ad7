package ktrace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// maxLine is the longest line of text that is read. The kernel prints at
	// most a page for an event; a stack or a printed buffer has several lines.
	maxLine = 64 << 10
	// maxText bounds what continuation lines add to one message.
	maxText = 256 << 10
)

// textSource reads what the kernel, trace-cmd report and perf script print.
//
// The three differ in what stands before the name of the event:
//
//	comm-pid  [cpu] flags time: event: args         ftrace; (tgid) may follow pid
//	comm-pid  [cpu] time: event:        args        trace-cmd report
//	comm-pid    cpuflags time: event:        args   trace-cmd report -l
//	comm  pid/tid [cpu] time: system:event: args    perf script
//
// A comm may hold any character, so a line is taken apart from the time
// leftwards, and the first split that fits is taken.
type textSource struct {
	r       *bufio.Reader
	name    string
	line    int64 // of the line being read, from 1
	offset  int64 // of its first byte
	next    int64 // of the line after it
	padded  bool  // trace-cmd report: names of events are padded
	columns []byte
	strings interner

	ev      Event // read, and not yet delivered: text may follow
	pending bool

	// Events that there are by the header, and those that were read. The header
	// has none if counted is not set.
	counted     bool
	want, found int64

	badFrom, badTo, badOffset int64 // run of lines that could not be read
	badWhy                    string
}

func newTextSource(r io.Reader, name string) *textSource {
	return &textSource{r: bufio.NewReaderSize(r, maxLine), name: name, columns: []byte("irhpm")}
}

func (t *textSource) run(yield func(*Event, error) bool) {
	for {
		line, err := t.readLine()
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if !t.flushBad(yield) || !t.flush(yield) {
				return
			}
			if !errors.Is(err, io.EOF) {
				yield(nil, &Error{Name: t.name, Line: t.line, Offset: t.next, Doing: "reading a line", Err: err})
			} else if t.counted && t.found != t.want {
				// Lines are missing, or are there twice.
				t.ev = Event{Kind: Lost, Point: "lost", CPU: -1, Num: max(t.want-t.found, -1), TGID: -1, Time: t.ev.Time}
				yield(&t.ev, nil)
			}
			return
		}
		if err != nil {
			if !t.bad(yield, fmt.Sprintf("want at most %d bytes in a line", maxLine)) {
				return
			}
			continue
		}
		if !t.take(line, yield) {
			return
		}
	}
}

// readLine returns the next line without its end. A line that is too long is
// passed over, with bufio.ErrBufferFull.
func (t *textSource) readLine() ([]byte, error) {
	t.offset = t.next
	t.line++
	b, err := t.r.ReadSlice('\n')
	t.next += int64(len(b))
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			b, err = t.r.ReadSlice('\n')
			t.next += int64(len(b))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, bufio.ErrBufferFull
	}
	if err != nil && (len(b) == 0 || !errors.Is(err, io.EOF)) {
		return nil, err
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// take reads one line. It reports false when the consumer wants no more.
func (t *textSource) take(line []byte, yield func(*Event, error) bool) bool {
	var ev Event
	ev.TGID = -1
	if bytes.IndexByte(line, 0) >= 0 {
		return t.bad(yield, "want text, not zeros")
	}
	rest, style := t.prefix(line, &ev)
	if style == 0 {
		return t.other(line, yield)
	}
	if !t.flushBad(yield) || !t.flush(yield) {
		return false
	}
	if why := t.event(rest, style, &ev); why != "" {
		return t.bad(yield, why)
	}
	t.ev, t.pending = ev, true
	t.found++
	if ev.Kind == Console || ev.Kind == Print || ev.Kind == Raw {
		return true // lines of text may follow
	}
	return t.flush(yield)
}

// flush delivers the event that waits.
func (t *textSource) flush(yield func(*Event, error) bool) bool {
	if !t.pending {
		return true
	}
	t.pending = false
	return yield(&t.ev, nil)
}

// bad notes that the current line cannot be read. Neighbours become one error.
func (t *textSource) bad(yield func(*Event, error) bool, why string) bool {
	if t.badFrom != 0 && (t.badTo != t.line-1 || t.badWhy != why) && !t.flushBad(yield) {
		return false
	}
	if t.badFrom == 0 {
		if !t.flush(yield) {
			return false
		}
		t.badFrom, t.badOffset, t.badWhy = t.line, t.offset, why
	}
	t.badTo = t.line
	return true
}

func (t *textSource) flushBad(yield func(*Event, error) bool) bool {
	if t.badFrom == 0 {
		return true
	}
	e := &Error{Name: t.name, Line: t.badFrom, Offset: t.badOffset, Doing: "reading a line of text", Err: errors.New(t.badWhy)}
	if n := t.badTo - t.badFrom + 1; n > 1 {
		e.Doing = fmt.Sprintf("reading %d lines of text", n)
	}
	t.badFrom = 0
	return yield(nil, e)
}

// other handles lines that are not of an event.
func (t *textSource) other(line []byte, yield func(*Event, error) bool) bool {
	if cpu, n, ok := lostLine(line); ok {
		if !t.flushBad(yield) || !t.flush(yield) {
			return false
		}
		t.ev = Event{Kind: Lost, Point: "lost", CPU: cpu, Num: n, TGID: -1, Time: t.ev.Time}
		return yield(&t.ev, nil)
	}
	trimmed := bytes.TrimSpace(line)
	switch {
	case t.pending && (t.ev.Kind == Console || t.ev.Kind == Print) && message(line):
		// The message had a newline in it.
		if len(t.ev.Text)+len(line) < maxText {
			t.ev.Text += "\n" + string(line)
		}
		return true
	case len(trimmed) == 0, trimmed[0] == '#':
		t.header(trimmed)
		return true
	case t.ev.Kind != 0 && (bytes.HasPrefix(trimmed, []byte("=>")) || bytes.HasPrefix(trimmed, []byte("<stack trace>"))):
		return true
	case t.ev.Kind != 0 && line[0] == '\t' && frame(trimmed):
		return true // a line of perf script's call chain
	case bytes.HasPrefix(line, []byte("cpus=")):
		t.padded = true
		return true
	case bytes.HasPrefix(line, []byte("version = ")), bytes.HasPrefix(line, []byte("CPU ")) && bytes.HasSuffix(line, []byte(" is empty")),
		bytes.HasPrefix(line, []byte("trace.dat")), bytes.HasPrefix(line, []byte("trace-cmd ")):
		t.padded = true
		return true
	}
	return t.bad(yield, `want "comm-pid [cpu] flags time: event: …" or "comm pid [cpu] time: system:event: …"`)
}

// message reports whether a line can be one of a message, and is no damaged line of an event.
func message(line []byte) bool {
	return !bytes.Contains(line, []byte(": lock_")) && !bytes.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' && c != 0x1b })
}

// header learns from the picture over a trace which flag columns there are: a
// real-time kernel has more of them.
func (t *textSource) header(line []byte) {
	if n, ok := between(line, "entries-in-buffer/entries-written: ", "/"); ok {
		if v, ok := parseUint(n); ok && v < 1<<48 {
			t.want += int64(v) // files may follow each other
			t.counted = true
		}
		return
	}
	i := bytes.Index(line, []byte("=> "))
	if i < 0 {
		return
	}
	what := line[i+3:]
	for _, c := range []struct {
		prefix string
		column byte
	}{
		{"irqs-off", 'i'},
		{"need-resched-lazy", '-'},
		{"need-resched", 'r'},
		{"hardirq/softirq", 'h'},
		{"preempt-depth", 'p'},
		{"preempt-lazy-depth", '-'},
		{"migrate-disable", 'm'},
	} {
		if bytes.HasPrefix(what, []byte(c.prefix)) {
			if c.column == 'i' {
				t.columns = nil
			}
			if len(t.columns) < 8 {
				t.columns = append(t.columns, c.column)
			}
			return
		}
	}
}

// frame reports whether s is "address symbol" of a call chain.
func frame(s []byte) bool {
	addr, _, _ := bytes.Cut(s, []byte(" "))
	_, ok := parseHex(addr)
	return ok
}

// lostLine reads what stands in the place of lost records:
//
//	CPU:1 [LOST 12 EVENTS]      the kernel; the number may be missing
//	CPU:1 [12 EVENTS DROPPED]   trace-cmd report; likewise
//	[LOST 12 EVENTS]            without a CPU: of any, -1
func lostLine(line []byte) (cpu int32, n int64, ok bool) {
	line = bytes.TrimSpace(line)
	c, isNum := uint64(math.MaxUint32), true // -1: of any CPU
	rest, ok := bytes.CutPrefix(line, []byte("["))
	if !ok {
		if rest, ok = bytes.CutPrefix(line, []byte("CPU:")); !ok {
			return 0, 0, false
		}
		var num []byte
		num, rest, ok = bytes.Cut(rest, []byte(" ["))
		if c, isNum = parseUint(num); !ok || !isNum || c > math.MaxInt32 {
			return 0, 0, false
		}
	}
	rest, ok = bytes.CutSuffix(rest, []byte("]"))
	if !ok {
		return 0, 0, false
	}
	n = -1
	words := bytes.Fields(rest)
	known := 0
	for _, w := range words {
		switch string(w) {
		case "LOST", "EVENTS", "DROPPED":
			known++
		default:
			v, isNum := parseUint(w)
			if !isNum || v > math.MaxInt64 {
				return 0, 0, false
			}
			n = int64(v)
		}
	}
	return int32(c), n, known == 2
}

// Styles of what stands before the event's name.
const (
	styleFtrace byte = 'f' // also trace-cmd's
	stylePerf   byte = 'p'
)

// prefix reads what stands before the event's name and returns the rest. A
// style of 0 means that the line is none of an event.
func (t *textSource) prefix(line []byte, ev *Event) (rest []byte, style byte) {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return t.latencyPrefix(line, ev)
		}
		i += from
		from = i + 1
		j := from
		for j < len(line) && isDigit(line[j]) {
			j++
		}
		if j == from || j-from > 9 || j >= len(line) || line[j] != ']' {
			continue
		}
		after := bytes.TrimLeft(line[j+1:], " ")
		tok, tail := token(after)
		now, ok := parseTime(tok)
		var flags []byte
		if !ok {
			flags = tok
			tok, tail = token(tail)
			if now, ok = parseTime(tok); !ok || !t.flags(flags, ev) {
				continue
			}
		}
		if style = t.task(bytes.TrimRight(line[:i], " "), ev); style == 0 {
			continue
		}
		cpu, _ := parseUint(line[i+1 : j])
		ev.CPU, ev.Time = int32(cpu), now
		return tail, style
	}
}

// latencyPrefix reads "comm-pid  cpuflags time:".
func (t *textSource) latencyPrefix(line []byte, ev *Event) (rest []byte, style byte) {
	end := 0
	var prev []byte
	prevAt := 0
	for end < len(line) {
		for end < len(line) && line[end] == ' ' {
			end++
		}
		at := end
		for end < len(line) && line[end] != ' ' {
			end++
		}
		tok := line[at:end]
		now, ok := parseTime(tok)
		if ok && len(prev) > 0 && prevAt > 0 {
			d := 0
			for d < len(prev) && isDigit(prev[d]) {
				d++
			}
			// The digits of the CPU may run into depths that are digits too,
			// but the columns before those never are.
			cpu, isNum := parseUint(prev[:d])
			if isNum && cpu <= math.MaxInt32 && t.flags(prev[d:], ev) {
				if style = t.task(bytes.TrimRight(line[:prevAt], " "), ev); style != 0 {
					ev.CPU, ev.Time = int32(cpu), now
					return line[end:], style
				}
			}
		}
		prev, prevAt = tok, at
	}
	return nil, 0
}

// task reads "comm-pid", "comm-pid (tgid)", "comm pid" or "comm pid/tid".
func (t *textSource) task(s []byte, ev *Event) (style byte) {
	if n := len(s); n > 0 && s[n-1] == ')' {
		if i := bytes.LastIndexByte(s, '('); i > 0 {
			in := bytes.TrimSpace(s[i+1 : n-1])
			if v, ok := parseInt32(in); ok {
				ev.TGID = v
				s = bytes.TrimRight(s[:i], " ")
			} else if len(bytes.Trim(in, "-")) == 0 {
				s = bytes.TrimRight(s[:i], " ")
			}
		}
	}
	// perf prints a task that the kernel has taken out of its tables as ":-1  -1/-1" or ":-1  76/-1".
	if head, ok := bytes.CutSuffix(s, []byte("/-1")); ok {
		i := bytes.LastIndexByte(head, ' ')
		if v, ok := parseInt32(head[i+1:]); ok && i >= 0 {
			ev.PID, ev.TGID, ev.Comm = -1, v, t.strings.get(bytes.TrimSpace(head[:i]))
			return stylePerf
		}
	}
	i := len(s)
	for i > 0 && (isDigit(s[i-1]) || s[i-1] == '/') {
		i--
	}
	num := s[i:]
	if i == 0 || len(num) == 0 {
		return 0
	}
	switch {
	case s[i-1] == ' ' || s[i-1] == '-' && i >= 2 && s[i-2] == ' ' && bytes.HasPrefix(bytes.TrimSpace(s), []byte(":-")):
		// perf gives a task that it does not know the comm ":-1".
		pid, tid, both := bytes.Cut(num, []byte("/"))
		v, ok := parseInt32(pid)
		if !ok {
			return 0
		}
		ev.PID = v
		if both {
			if ev.TGID = v; s[i-1] == '-' {
				ev.TGID = -v
			}
			if ev.PID, ok = parseInt32(tid); !ok {
				return 0
			}
		} else if s[i-1] == '-' {
			ev.PID = -v
		}
		ev.Comm = t.strings.get(bytes.TrimSpace(bytes.TrimRight(s[:i], "-")))
		return stylePerf
	case s[i-1] == '-':
		v, ok := parseInt32(num)
		if !ok {
			return 0
		}
		ev.PID = v
		ev.Comm = t.strings.get(bytes.TrimLeft(s[:i-1], " "))
		return styleFtrace
	}
	return 0
}

// flags reads the flag columns.
func (t *textSource) flags(s []byte, ev *Event) bool {
	cols := t.columns
	if len(s) != len(cols) {
		// Without a header the number of columns tells which they are.
		switch len(s) {
		case 4:
			cols = []byte("irhp")
		case 5:
			cols = []byte("irhpm")
		case 6:
			cols = []byte("ir-hpm")
		case 7:
			cols = []byte("ir-hp-m")
		default:
			return false
		}
	}
	var f Flags
	var preempt, migrate uint8
	for i, c := range s {
		if c == '.' {
			continue
		}
		switch cols[i] {
		case 'i':
			switch c {
			case 'd':
				f |= IRQsOff
			case 'b':
				f |= BHOff
			case 'D':
				f |= IRQsOff | BHOff
			case 'X':
			default:
				return false
			}
		case 'r':
			switch c {
			case 'n':
				f |= NeedResched
			case 'p':
				f |= PreemptResched
			case 'N':
				f |= NeedResched | PreemptResched
			case 'l':
				f |= LazyResched
			case 'L':
				f |= LazyResched | PreemptResched
			case 'b':
				f |= LazyResched | NeedResched
			case 'B':
				f |= LazyResched | NeedResched | PreemptResched
			default:
				return false
			}
		case 'h':
			switch c {
			case 'h':
				f |= HardIRQ
			case 's':
				f |= SoftIRQ
			case 'H':
				f |= HardIRQ | SoftIRQ
			case 'z':
				f |= NMI
			case 'Z':
				f |= NMI | HardIRQ
			default:
				return false
			}
		case 'p', 'm':
			v, ok := parseHex(s[i : i+1])
			if !ok {
				return false
			}
			if cols[i] == 'p' {
				preempt = uint8(v)
			} else {
				migrate = uint8(v)
			}
		}
	}
	ev.Flags, ev.Preempt, ev.Migrate = f|FlagsKnown, preempt, migrate
	return true
}

// token cuts the first word off.
func token(s []byte) (tok, rest []byte) {
	s = bytes.TrimLeft(s, " ")
	if i := bytes.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i:]
	}
	return s, nil
}

// parseTime reads "seconds.fraction:" as nanoseconds, or "ticks:" of a clock
// that does not count seconds.
func parseTime(s []byte) (uint64, bool) {
	n := len(s) - 1
	if n < 1 || s[n] != ':' || !isDigit(s[0]) {
		return 0, false
	}
	whole, frac, hasFrac := bytes.Cut(s[:n], []byte("."))
	v, ok := parseUint(whole)
	if !ok {
		return 0, false
	}
	if !hasFrac {
		return v, true
	}
	if len(frac) == 0 || len(frac) > 9 {
		return 0, false
	}
	f, ok := parseUint(frac)
	if !ok {
		return 0, false
	}
	for i := len(frac); i < 9; i++ {
		f *= 10
	}
	if v > math.MaxUint64/1_000_000_000-1 {
		return 0, false
	}
	return v*1e9 + f, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func parseUint(s []byte) (uint64, bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	var v uint64
	for _, c := range s {
		if !isDigit(c) || v > (math.MaxUint64-9)/10 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, true
}

func parseInt(s []byte) (int64, bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	v, ok := parseUint(s)
	if !ok || v > math.MaxInt64 {
		return 0, false
	}
	if neg {
		return -int64(v), true
	}
	return int64(v), true
}

func parseInt32(s []byte) (int32, bool) {
	v, ok := parseInt(s)
	return int32(v), ok && v >= math.MinInt32 && v <= math.MaxInt32
}

// parseHex reads a hexadecimal number, with or without 0x.
func parseHex(s []byte) (uint64, bool) {
	if len(s) > 2 && s[0] == '0' && s[1] == 'x' {
		s = s[2:]
	}
	if len(s) == 0 || len(s) > 16 {
		return 0, false
	}
	var v uint64
	for _, c := range s {
		switch {
		case isDigit(c):
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		case 'A' <= c && c <= 'F':
			v = v<<4 | uint64(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
