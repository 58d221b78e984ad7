package ktrace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// format is a tracepoint as its file describes it: the kernel's "format" of an event. Where a field lies is read from
// there and never assumed.
type format struct {
	id     int
	system string
	name   string
	fields []field

	kind  Kind
	slots [maxSlots]field // of the fields that the kind has, in the order of wanted
	need  int             // bytes that a record has at least
	words []number        // of __print_symbolic or __print_flags
}

// field is a field of a record.
type field struct {
	name         string
	offset, size int
	signed       bool
	kind         fieldKind
	elem         int // size of an element of an array of numbers
}

type fieldKind uint8

const (
	fieldNone   fieldKind = iota // the format has no such field
	fieldNumber                  // an integer
	fieldChars                   // a string in place, up to its zero or the end
	fieldLoc                     // offset in the low 16 bits and length in the high ones, of the data
	fieldRelLoc                  // the same, counted from behind the field
	fieldArray                   // numbers
)

const maxSlots = 7

// wanted are the fields of each kind, by slot; names of other kernel versions stand behind a bar. A question mark is for a field that
// may be missing.
var wanted = map[Kind][]string{
	LockAcquire: {"lockdep_addr", "name", "flags"}, LockRelease: {"lockdep_addr", "name"},
	LockContended: {"lockdep_addr", "name"}, LockAcquired: {"lockdep_addr", "name"},
	ContentionBegin: {"lock_addr", "flags"}, ContentionEnd: {"lock_addr", "ret"},
	IRQDisable: {"caller_offs", "parent_offs"}, IRQEnable: {"caller_offs", "parent_offs"},
	PreemptDisable: {"caller_offs", "parent_offs"}, PreemptEnable: {"caller_offs", "parent_offs"},
	SoftirqEntry: {"vec"}, SoftirqExit: {"vec"}, SoftirqRaise: {"vec"},
	IRQEntry: {"irq", "name"}, IRQExit: {"irq", "ret"},
	SchedSwitch: {"prev_comm", "prev_pid", "prev_prio", "prev_state", "next_comm", "next_pid", "next_prio"},
	Fork:        {"parent_comm", "parent_pid", "child_comm", "child_pid"}, Exit: {"comm", "pid", "prio"},
	WorkQueue: {"work", "function", "workqueue?", "cpu"}, WorkActivate: {"work", "function?"},
	WorkStart: {"work", "function?"}, WorkEnd: {"work", "function?"},
	TimerInit: {"timer"}, TimerCancel: {"timer"}, TimerExit: {"timer"},
	TimerStart: {"timer", "function", "expires", "flags?"}, TimerEntry: {"timer", "function?", "now"},
	HrtimerInit: {"hrtimer", "mode"}, HrtimerStart: {"hrtimer", "function", "expires", "mode?"},
	HrtimerEntry: {"hrtimer", "function?", "now"}, HrtimerExit: {"hrtimer"}, HrtimerCancel: {"hrtimer"},
	Console: {"msg|text"}, Print: {"ip", "buf"},
}

// texts are the wanted fields that may be strings. The others are numbers, and missing where a format has them as
// something else.
var texts = map[string]bool{
	"name": true, "prev_comm": true, "next_comm": true, "parent_comm": true, "child_comm": true, "comm": true,
	"workqueue": true, "msg": true, "text": true, "buf": true,
}

// parseFormat reads an event's format. big says that the trace is of a big-endian machine.
func parseFormat(system string, text []byte) (*format, error) {
	f := &format{system: system, id: -1}
	printed := ""
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		key, value, _ := bytes.Cut(line, []byte(":"))
		switch string(key) {
		case "name":
			f.name = string(bytes.TrimSpace(value))
		case "ID":
			id, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || id < 0 || id > 1<<24 {
				return nil, fmt.Errorf("format of %s: want a number behind ID:, not %.20q", f.name, value)
			}
			f.id = id
		case "field":
			fd, err := parseField(string(line))
			if err != nil {
				return nil, fmt.Errorf("format of %s: %w", f.name, err)
			}
			f.fields = append(f.fields, fd)
		case "print fmt":
			printed = string(value)
		}
	}
	if f.name == "" || f.id < 0 {
		return nil, errors.New("want lines name: and ID: in a format")
	}
	f.kind = Raw
	if k, ok := kinds[f.name]; ok && (k != Print || system == "ftrace") {
		f.kind = k
	}
	for i, w := range wanted[f.kind] {
		names, optional := strings.CutSuffix(w, "?")
		for name := range strings.SplitSeq(names, "|") {
			if fd := f.field(name); fd.kind == fieldNumber || fd.kind != fieldNone && texts[name] {
				f.slots[i] = fd
				f.need = max(f.need, fd.offset+fd.size)
			}
		}
		if f.slots[i].kind == fieldNone && !optional {
			f.kind = Raw // a kernel whose event is another than we know
			break
		}
	}
	switch f.kind {
	case SoftirqEntry, SoftirqExit, SoftirqRaise, SchedSwitch, TimerStart, HrtimerInit, HrtimerStart:
		f.words = parseWords(printed)
	}
	return f, nil
}

func (f *format) field(name string) field {
	for _, fd := range f.fields {
		if fd.name == name {
			return fd
		}
	}
	return field{}
}

// parseField reads "field:unsigned int flags;	offset:8;	size:4;	signed:0;".
func parseField(line string) (field, error) {
	var fd field
	typ := ""
	for part := range strings.SplitSeq(line, ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			continue
		}
		n := 0
		if key != "field" {
			var err error
			if n, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || n < 0 || n > 1<<16 {
				return fd, fmt.Errorf("field %s: want a number from 0 to 65536 behind %s:, not %.20q", fd.name, key, value)
			}
		}
		switch key {
		case "field":
			value = strings.TrimSpace(value)
			i := strings.LastIndexAny(value, " *")
			if i < 0 {
				return fd, fmt.Errorf("want a type and a name in field %.40q", value)
			}
			typ, fd.name = value[:i+1], value[i+1:]
		case "offset":
			fd.offset = n
		case "size":
			fd.size = n
		case "signed":
			fd.signed = n != 0
		}
	}
	name, index, array := strings.Cut(fd.name, "[")
	fd.name = name
	switch {
	case name == "":
		return fd, fmt.Errorf("want a name in field %.40q", line)
	case strings.HasPrefix(typ, "__data_loc"):
		fd.kind = fieldLoc
	case strings.HasPrefix(typ, "__rel_loc"):
		fd.kind = fieldRelLoc
	case array && (strings.HasPrefix(strings.TrimPrefix(typ, "const "), "char") || strings.HasPrefix(typ, "unsigned char")):
		fd.kind = fieldChars
	case array:
		fd.kind = fieldArray
		if n, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil && n > 0 {
			fd.elem = fd.size / n
		}
	default:
		fd.kind = fieldNumber
	}
	switch {
	case fd.kind == fieldNumber && fd.size != 1 && fd.size != 2 && fd.size != 4 && fd.size != 8,
		(fd.kind == fieldLoc || fd.kind == fieldRelLoc) && fd.size != 4:
		fd.kind, fd.elem = fieldArray, 1 // a structure, or a size that this kind has not
	}
	return fd, nil
}

// parseWords reads the pairs { value, "word" } of a print format's last list. Values that are names are left out.
func parseWords(printed string) (out []number) {
	if i := strings.LastIndex(printed, "__print_"); i >= 0 {
		printed = printed[i:]
	}
	for {
		i := strings.Index(printed, "{ ")
		if i < 0 {
			return out
		}
		value, rest, ok := strings.Cut(printed[i+2:], ",")
		if !ok {
			return out
		}
		printed = rest
		word := strings.TrimLeft(rest, " ")
		if len(word) == 0 || word[0] != '"' {
			continue
		}
		word, _, ok = strings.Cut(word[1:], `"`)
		v, err := strconv.ParseUint(strings.TrimSpace(value), 0, 64)
		if ok && err == nil {
			out = append(out, number{v, word})
		}
	}
}

// hrtimerModes are the bits of enum hrtimer_mode; a format has their names only.
var hrtimerModes = []number{{2, "PINNED"}, {4, "SOFT"}, {8, "HARD"}}

func (f *format) hrtimerMode(v uint64) string {
	for _, w := range f.words {
		if w.value == v {
			return w.word
		}
	}
	s := "ABS"
	if v&1 != 0 {
		s = "REL"
	}
	for _, m := range hrtimerModes {
		if v&m.value != 0 {
			s += "|" + m.word
		}
	}
	return s
}

// decoder turns records into events. It keeps strings and symbols, so that equal ones are made once.
type decoder struct {
	big     bool
	strings [1 << 12]string
	symbols *symbols
	words   map[[2]uint64]string // of flags, by format and value
	text    map[string]string
}

// number returns the integer of a field.
func (d *decoder) number(rec []byte, fd *field) uint64 {
	b := rec[fd.offset:]
	if !d.big {
		switch fd.size {
		case 8:
			return binary.LittleEndian.Uint64(b)
		case 4:
			return sign(uint64(binary.LittleEndian.Uint32(b)), 32, fd.signed)
		}
	}
	return d.anyNumber(b, fd)
}

// anyNumber is number for the sizes that are rare. A field that is no integer, where one was expected, is 0.
func (d *decoder) anyNumber(b []byte, fd *field) uint64 {
	var order binary.ByteOrder = binary.LittleEndian
	if d.big {
		order = binary.BigEndian
	}
	switch fd.size {
	case 1:
		return sign(uint64(b[0]), 8, fd.signed)
	case 2:
		return sign(uint64(order.Uint16(b)), 16, fd.signed)
	case 4:
		return sign(uint64(order.Uint32(b)), 32, fd.signed)
	case 8:
		return order.Uint64(b)
	}
	return 0
}

func sign(v uint64, bits int, signed bool) uint64 {
	if signed {
		return uint64(int64(v<<(64-bits)) >> (64 - bits))
	}
	return v
}

// bytes returns the data of a field that is a string or an array; what lies outside of the record is none.
func (d *decoder) bytes(rec []byte, fd *field) []byte {
	at, n := fd.offset, fd.size
	if fd.kind == fieldLoc || fd.kind == fieldRelLoc {
		v := uint32(d.number(rec, &field{offset: fd.offset, size: 4}))
		at, n = int(v&0xffff), int(v>>16)
		if fd.kind == fieldRelLoc {
			at += fd.offset + fd.size
		}
	}
	if n == 0 && fd.kind == fieldChars {
		n = len(rec) - at // an array without a bound ends with the record
	}
	if at > len(rec) || n < 0 {
		return nil
	}
	return rec[at:min(at+n, len(rec))]
}

// str returns a string field, up to its zero.
func (d *decoder) str(rec []byte, fd *field) string {
	if fd.kind == fieldNumber || fd.kind == fieldNone {
		return ""
	}
	b := d.bytes(rec, fd)
	if n := len(b) - 1; n > 0 && b[n] == 0 {
		// Mostly the only zero is the last byte. No string that is kept has a zero in it, so one that is equal says so.
		if e := d.slot(b[:n]); *e == string(b[:n]) {
			return *e
		}
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return d.intern(b)
}

// lock fills what all events of locks have. The kernel gives each an address and
// a name; a record without is damaged.
func (d *decoder) lock(rec []byte, s []field, ev *Event) error {
	if ev.Addr = d.number(rec, &s[0]); ev.Addr == 0 {
		return fmt.Errorf("want the address of a lock in %s, not 0", ev.Point)
	}
	fd := &s[1]
	if fd.kind == fieldNumber || fd.kind == fieldNone {
		return nil
	}
	b := d.bytes(rec, fd)
	n := len(b) - 1
	if n > 0 && b[n] == 0 {
		if e := d.slot(b[:n]); *e == string(b[:n]) {
			ev.Name = *e
			return nil
		}
	}
	if i := bytes.IndexByte(b, 0); i <= 0 || bytes.ContainsFunc(b[:i], func(c rune) bool { return c < ' ' || c == utf8.RuneError || c == 0x7f }) {
		return fmt.Errorf("want the name of a lock in %s, not %.40q", ev.Point, b)
	}
	ev.Name = d.str(rec, fd)
	return nil
}

// slot is where a string of one byte or more is kept.
func (d *decoder) slot(b []byte) *string {
	n := len(b)
	var h uint64
	if n >= 8 {
		h = binary.LittleEndian.Uint64(b) ^ binary.LittleEndian.Uint64(b[n-8:])*0x9e3779b97f4a7c15
	} else {
		for _, c := range b {
			h = h<<8 | uint64(c)
		}
	}
	return &d.strings[(h^uint64(n)<<56)*0x9e3779b97f4a7c15>>52]
}

// intern makes equal byte strings one string. It is a cache without chains: one that is displaced is made again.
func (d *decoder) intern(b []byte) string {
	n := len(b)
	if n == 0 {
		return ""
	}
	e := d.slot(b)
	if *e != string(b) {
		// The one in the map stays, so that consumers may compare pointers and memory does not grow with displacements.
		s, ok := d.text[string(b)]
		if !ok {
			if d.text == nil || len(d.text) >= internStrings {
				d.text = make(map[string]string)
			}
			if s = string(b); n > 256 {
				return s // what is kept is bounded
			}
			d.text[s] = s
		}
		*e = s
	}
	return *e
}

// decode fills what a record says. The caller has set time, CPU, task and flags, and cleared the rest.
func (d *decoder) decode(f *format, rec []byte, ev *Event) error {
	ev.Kind, ev.Point = f.kind, f.name
	if len(rec) < f.need {
		return fmt.Errorf("want at least %d bytes in a record of %s, not %d", f.need, f.name, len(rec))
	}
	s := &f.slots
	switch f.kind {
	case LockAcquire:
		flags := d.number(rec, &s[2])
		ev.Mode = Mode(flags & 3)
		return d.lock(rec, s[:], ev)
	case LockRelease, LockContended, LockAcquired:
		return d.lock(rec, s[:], ev)
	case ContentionBegin, ContentionEnd:
		ev.Addr, ev.Num = d.number(rec, &s[0]), int64(d.number(rec, &s[1]))
	case IRQDisable, IRQEnable, PreemptDisable, PreemptEnable:
		stext := d.symbols.stext()
		ev.Func = d.symbols.place(stext + d.number(rec, &s[0]))
		ev.Parent = d.symbols.place(stext + d.number(rec, &s[1]))
	case SoftirqEntry, SoftirqExit, SoftirqRaise:
		v := d.number(rec, &s[0])
		ev.Num, ev.Name = int64(v), word(v, f.words)
	case IRQEntry:
		ev.Num, ev.Name = int64(d.number(rec, &s[0])), d.str(rec, &s[1])
	case IRQExit:
		ev.Num = int64(d.number(rec, &s[0]))
		if d.number(rec, &s[1]) != 0 {
			ev.Ret = 1
		}
	case SchedSwitch:
		ev.Prev = Task{PID: int32(d.number(rec, &s[1])), Prio: int32(d.number(rec, &s[2])), Comm: d.str(rec, &s[0])}
		ev.Next = Task{PID: int32(d.number(rec, &s[5])), Prio: int32(d.number(rec, &s[6])), Comm: d.str(rec, &s[4])}
		ev.PrevState = d.state(f, d.number(rec, &s[3]))
	case Fork:
		ev.Prev = Task{PID: int32(d.number(rec, &s[1])), Comm: d.str(rec, &s[0])}
		ev.Next = Task{PID: int32(d.number(rec, &s[3])), Comm: d.str(rec, &s[2])}
	case Exit:
		ev.Prev = Task{PID: int32(d.number(rec, &s[1])), Prio: int32(d.number(rec, &s[2])), Comm: d.str(rec, &s[0])}
	case WorkQueue:
		ev.Addr, ev.Func = d.number(rec, &s[0]), d.symbols.function(d.number(rec, &s[1]))
		ev.Name, ev.Num = d.str(rec, &s[2]), int64(d.number(rec, &s[3]))
	case WorkActivate, WorkStart, WorkEnd:
		ev.Addr = d.number(rec, &s[0])
		if s[1].kind != fieldNone {
			ev.Func = d.symbols.function(d.number(rec, &s[1]))
		}
	case TimerInit, TimerCancel, TimerExit, HrtimerExit, HrtimerCancel:
		ev.Addr = d.number(rec, &s[0])
	case TimerStart:
		ev.Addr, ev.Func, ev.Num = d.number(rec, &s[0]), d.symbols.function(d.number(rec, &s[1])), int64(d.number(rec, &s[2]))
		if s[3].kind != fieldNone {
			ev.Name = d.flags(f, d.number(rec, &s[3]))
		}
	case TimerEntry, HrtimerEntry:
		ev.Addr, ev.Num = d.number(rec, &s[0]), int64(d.number(rec, &s[2]))
		if s[1].kind != fieldNone {
			ev.Func = d.symbols.function(d.number(rec, &s[1]))
		}
	case HrtimerInit:
		ev.Addr, ev.Name = d.number(rec, &s[0]), f.hrtimerMode(d.number(rec, &s[1]))
	case HrtimerStart:
		ev.Addr, ev.Func, ev.Num = d.number(rec, &s[0]), d.symbols.function(d.number(rec, &s[1])), int64(d.number(rec, &s[2]))
		if s[3].kind != fieldNone {
			ev.Name = f.hrtimerMode(d.number(rec, &s[3]))
		}
	case Console:
		ev.Text = strings.TrimSuffix(d.str(rec, &s[0]), "\n")
	case Print:
		ev.Func = d.symbols.function(d.number(rec, &s[0]))
		ev.Text = strings.TrimSuffix(d.str(rec, &s[1]), "\n")
	default:
		ev.Text = d.raw(f, rec)
	}
	return nil
}

func word(v uint64, words []number) string {
	for i := range words {
		if words[i].value == v {
			return words[i].word
		}
	}
	return ""
}

// flags returns the words of the bits of v, as __print_flags.
func (d *decoder) flags(f *format, v uint64) string {
	key := [2]uint64{uint64(f.id), v}
	if s, ok := d.words[key]; ok {
		return s
	}
	s := ""
	for _, w := range f.words {
		if v&w.value != 0 {
			if s != "" {
				s += "|"
			}
			s += w.word
		}
	}
	if d.words == nil || len(d.words) >= internStrings {
		d.words = make(map[[2]uint64]string)
	}
	d.words[key] = s
	return s
}

// state returns the letters of sched_switch: those of the flags, or R; and + for a task that was preempted, whose bit is
// the one above all letters (TASK_REPORT_MAX).
func (d *decoder) state(f *format, v uint64) string {
	top := uint64(0)
	for _, w := range f.words {
		top = max(top, w.value)
	}
	s := d.flags(f, v)
	if s == "" {
		s = "R"
	}
	if top != 0 && v&(top<<1) != 0 {
		if s == "R" {
			return "R+"
		}
		s += "+"
	}
	return s
}

// raw is a record as "field=value …", numbers in decimal and what is no number in quotes.
func (d *decoder) raw(f *format, rec []byte) string {
	var b []byte
	for i := range f.fields {
		fd := &f.fields[i]
		if strings.HasPrefix(fd.name, "common_") || fd.offset+fd.size > len(rec) {
			continue
		}
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = append(append(b, fd.name...), '=')
		switch fd.kind {
		case fieldNumber:
			if v := d.number(rec, fd); fd.signed {
				b = strconv.AppendInt(b, int64(v), 10)
			} else {
				b = strconv.AppendUint(b, v, 10)
			}
		case fieldArray:
			b = fmt.Appendf(b, "%x", d.bytes(rec, fd))
		default:
			s := d.bytes(rec, fd)
			if i := bytes.IndexByte(s, 0); i >= 0 {
				s = s[:i]
			}
			b = append(b, s...)
		}
	}
	return string(b)
}

// symbols are the functions of the traced kernel, by address (/proc/kallsyms). The zero value knows none.
type symbols struct {
	raw    []byte // as read; taken apart at the first question
	addrs  []uint64
	names  []string
	start  uint64 // _stext
	parsed bool
	places [1 << 10]place // a cache without chains
}

type place struct {
	key uint64 // address and whether the name has an offset
	sym Symbol
}

func (s *symbols) parse() {
	if s.parsed {
		return
	}
	s.parsed = true
	type entry struct {
		addr uint64
		name string
	}
	var list []entry
	text := string(s.raw) // one string, of which the names are parts
	s.raw = nil
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		hex, rest, ok := strings.Cut(line, " ")
		if !ok || len(rest) < 3 || len(hex) > 16 || rest[1] != ' ' {
			continue
		}
		addr, err := strconv.ParseUint(hex, 16, 64)
		if err != nil || addr == 0 {
			continue
		}
		name := strings.ReplaceAll(rest[2:], "\t", " ")
		if name == "_stext" {
			s.start = addr
		}
		list = append(list, entry{addr, name})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].addr < list[j].addr })
	s.addrs, s.names = make([]uint64, len(list)), make([]string, len(list))
	for i, e := range list {
		s.addrs[i], s.names[i] = e.addr, e.name
	}
}

func (s *symbols) stext() uint64 {
	if s == nil {
		return 0
	}
	s.parse()
	return s.start
}

func (s *symbols) find(addr uint64) (name string, offset uint64) {
	s.parse()
	i := sort.Search(len(s.addrs), func(i int) bool { return s.addrs[i] > addr }) - 1
	if i < 0 {
		return "", 0
	}
	for i > 0 && s.addrs[i-1] == s.addrs[i] {
		i-- // the first of several names of one address
	}
	return s.names[i], addr - s.addrs[i]
}

// function is a function's address, named without an offset.
func (s *symbols) function(addr uint64) Symbol { return s.cached(addr, false) }

// place is an address in a function, named with its offset.
func (s *symbols) place(addr uint64) Symbol { return s.cached(addr, true) }

func (s *symbols) cached(addr uint64, offset bool) Symbol {
	if s == nil || addr == 0 {
		return Symbol{Addr: addr}
	}
	key := addr << 1
	if offset {
		key |= 1
	}
	p := &s.places[key*0x9e3779b97f4a7c15>>54]
	if p.key == key {
		return p.sym
	}
	sym := Symbol{Addr: addr}
	if name, off := s.find(addr); name != "" {
		sym.Name = name
		if offset {
			name, module, in := strings.Cut(name, " ")
			sym.Name = fmt.Sprintf("%s+0x%x", name, off)
			if in {
				sym.Name += " " + module
			}
		}
	}
	*p = place{key, sym}
	return sym
}
