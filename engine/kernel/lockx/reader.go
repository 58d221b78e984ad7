// Package lockx reads the log of a kernel that records every call into its lock validator together with every
// conclusion it draws from them, and replays it on package kernel: the calls are fed, the conclusions compared.
//
// # Format
//
// One record a line, in one total order:
//
//	CPU PID DEPTH FLAGS RECORD
//
// DEPTH is the number of locks the task held before. FLAGS are seven places, a dot or blank where not so: h in hardirq
// context, s in softirq context, H hardirqs on, S softirqs on, T threaded, N in an NMI, ! lockdep is off. A record is
// an input (ACQ, REL, INIT, ...) or, after "> ", a conclusion (CLASS, MARK, DEP, DEPUPD, CHAIN, ZAP, OFF, KEY), which
// follows the input it comes from on the same CPU. Lines that begin with "# " after the flags are marks of the
// recording. PID 0 is one idle task per CPU.
package lockx

import (
	"bytes"
	"fmt"
	"io"

	"github.com/golockdep/lockdep/engine/kernel"
)

// Op is the kind of a record.
type Op uint8

// The records. Inputs come first.
const (
	Acq Op = iota + 1
	Sync
	Rel
	SetClass
	Downgrade
	HardirqsOn
	SoftirqsOn
	SoftirqsOff
	Init
	InitSub
	CmpFn
	RegisterKey
	UnregisterKey
	FreeRange
	ResetLock
	Reset
	Contended
	OutClass
	OutKey
	OutMark
	OutDep
	OutDepUpd
	OutChain
	OutOff
	OutZap
	Text
	TestBegin
	TestEnd
)

// Input tells whether the record is a call, not a conclusion or a mark.
func (o Op) Input() bool { return o < OutClass }

// Record is one line.
type Record struct {
	Op      Op
	CPU     uint8
	Depth   uint8
	Off     bool // lockdep is off
	Context kernel.Context
	PID     uint32

	Lock, Key, Nest uint64 // FreeRange: Lock is the address, Key the size; OutChain: Key is the chain key
	Mode            kernel.Mode
	Class, Next     int    // indices, of conclusions
	A, B, C, D      int    // see the fields of each record in parse
	Site, Text      []byte // symbol, and name or text: valid until the next call of Next
	IDs             []uint16
}

// Reader reads records.
type Reader struct {
	r    io.Reader
	buf  []byte
	pos  int // of the next line
	end  int
	line int
	eof  bool
	rec  Record
}

// NewReader returns a reader of the text r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r, buf: make([]byte, 1<<18)} }

// maxLine bounds a line: a chain record with 16 entries is below 300 bytes.
const maxLine = 1 << 16

// Line returns the number of the line last read, from 1.
func (r *Reader) Line() int { return r.line }

// Next returns the next record, valid until the call after. At the end the error is io.EOF; a record that cannot be
// read gives an error with its line, and the reader stands behind it.
func (r *Reader) Next() (*Record, error) {
	for {
		line, next, err := r.at(r.pos)
		if err != nil {
			return nil, err
		}
		r.pos = next
		r.line++
		if len(line) == 0 {
			continue
		}
		if !r.parse(line) {
			return nil, fmt.Errorf("lockx line %d: not a record: %.120q", r.line, line)
		}
		return &r.rec, nil
	}
}

// at returns the line at a position of the buffer and the position behind it, reading on if need be. Reading may move
// the buffer, and with it r.pos, so at must be called with positions relative to the present one: see Ahead.
func (r *Reader) at(pos int) (line []byte, next int, err error) {
	for from := pos; ; {
		if i := bytes.IndexByte(r.buf[from:r.end], '\n'); i >= 0 {
			return r.buf[pos : from+i], from + i + 1, nil
		}
		from = r.end
		if r.eof {
			if pos < r.end {
				return r.buf[pos:r.end], r.end, nil
			}
			return nil, pos, io.EOF
		}
		if r.end-pos > maxLine {
			return nil, pos, fmt.Errorf("lockx line %d: longer than %d bytes: not a lockx log", r.line+1, maxLine)
		}
		moved, err := r.fill()
		if err != nil {
			return nil, pos, fmt.Errorf("lockx line %d: reading: %w", r.line+1, err)
		}
		from -= moved
		pos -= moved
	}
}

// fill reads more behind what is not yet consumed, and returns by how much that moved.
func (r *Reader) fill() (moved int, err error) {
	if r.pos > 0 {
		moved = r.pos
		copy(r.buf, r.buf[r.pos:r.end])
		r.end -= moved
		r.pos = 0
	}
	if r.end > len(r.buf)/2 {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	n, err := io.ReadAtLeast(r.r, r.buf[r.end:], 1)
	r.end += n
	if err == io.EOF {
		r.eof, err = true, nil
	}
	return moved, err
}

// aheadBytes bounds how far Ahead looks: some ten thousand records.
const aheadBytes = 4 << 20

// Ahead calls f with the records behind the present one until it returns false. It spoils the present record's Site
// and Text. A record that cannot be read ends it: Next will say so.
func (r *Reader) Ahead(f func(*Record) bool) error {
	keep := r.rec
	defer func() { r.rec = keep; r.rec.Site, r.rec.Text, r.rec.IDs = nil, nil, nil }()
	r.rec.IDs = nil
	for off := 0; off < aheadBytes; {
		line, next, err := r.at(r.pos + off)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		off = next - r.pos
		if len(line) == 0 {
			continue
		}
		if !r.parse(line) || !f(&r.rec) {
			return nil
		}
	}
	return nil
}

// cursor takes a line apart. A field that is not there sets bad.
type cursor struct {
	b   []byte
	bad bool
}

// lit passes over a fixed text.
func (c *cursor) lit(s string) {
	if len(c.b) < len(s) || string(c.b[:len(s)]) != s {
		c.bad = true
		return
	}
	c.b = c.b[len(s):]
}

// num reads a decimal number and the blank behind it, if there is one.
func (c *cursor) num() int {
	n, i := 0, 0
	for ; i < len(c.b) && c.b[i]-'0' <= 9; i++ {
		n = n*10 + int(c.b[i]-'0')
	}
	if i == 0 || i > 18 {
		c.bad = true
		return 0
	}
	c.b = c.b[i:]
	c.blank()
	return n
}

func (c *cursor) blank() {
	if len(c.b) > 0 && c.b[0] == ' ' {
		c.b = c.b[1:]
	}
}

// hexDigit maps a digit to its value, all else to 255.
var hexDigit = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i, d := range []byte("0123456789abcdef") {
		t[d] = uint8(i)
	}
	return
}()

// hex reads a hexadecimal number and the blank behind it.
func (c *cursor) hex() uint64 {
	var n uint64
	i := 0
	for ; i < len(c.b); i++ {
		d := hexDigit[c.b[i]]
		if d == 255 {
			break
		}
		n = n<<4 | uint64(d)
	}
	if i == 0 || i > 16 {
		c.bad = true
		return 0
	}
	c.b = c.b[i:]
	c.blank()
	return n
}

// word reads up to the next blank.
func (c *cursor) word() []byte {
	i := bytes.IndexByte(c.b, ' ')
	if i < 0 {
		i = len(c.b)
	}
	w := c.b[:i]
	c.b = c.b[i:]
	c.blank()
	return w
}

var inputs = map[string]Op{
	"ACQ": Acq, "SYNC": Sync, "REL": Rel, "SETCLASS": SetClass, "DOWNGRADE": Downgrade, "HON": HardirqsOn,
	"SON": SoftirqsOn, "SOFF": SoftirqsOff, "INIT": Init, "INITSUB": InitSub, "CMPFN": CmpFn, "REGKEY": RegisterKey,
	"UNREGKEY": UnregisterKey, "FREERANGE": FreeRange, "RESETLOCK": ResetLock, "RESET": Reset, "CONTENDED": Contended,
}

var outputs = map[string]Op{
	"CLASS": OutClass, "KEY": OutKey, "MARK": OutMark, "DEP": OutDep, "DEPUPD": OutDepUpd, "CHAIN": OutChain,
	"OFF": OutOff, "ZAP": OutZap,
}

var marks = map[string]Op{"TEXT": Text, "TESTBEGIN": TestBegin, "TESTEND": TestEnd}

// parse fills r.rec from a line.
func (r *Reader) parse(line []byte) bool {
	rec := &r.rec
	*rec = Record{IDs: rec.IDs[:0]}
	c := cursor{b: line}
	rec.CPU = uint8(c.num())
	rec.PID = uint32(c.num())
	rec.Depth = uint8(c.num())
	if c.bad || len(c.b) < 8 {
		return false
	}
	for i, f := range c.b[:6] {
		if f != '.' {
			rec.Context |= 1 << i
		}
	}
	// The place of "!" is not written when it is not set.
	n := 6
	if c.b[6] == '!' {
		rec.Off = true
		n = 7
	}
	if c.b[n] != ' ' {
		return false
	}
	c.b = c.b[n+1:]
	// The two that make up the log first.
	switch {
	case len(c.b) > 4 && string(c.b[:4]) == "ACQ ":
		rec.Op = Acq
		c.b = c.b[4:]
		c.acquire(rec)
	case len(c.b) > 4 && string(c.b[:4]) == "REL ":
		rec.Op = Rel
		c.b = c.b[4:]
		rec.Lock, rec.Key = c.hex(), c.hex()
		rec.Site = c.b
	case len(c.b) > 2 && c.b[0] == '>':
		c.b = c.b[2:]
		rec.Op = outputs[string(c.word())]
		c.conclusion(rec)
	case len(c.b) > 2 && c.b[0] == '#':
		c.b = c.b[2:]
		rec.Op = marks[string(c.word())]
		c.mark(rec)
	default:
		rec.Op = inputs[string(c.word())]
		c.input(rec)
	}
	return !c.bad && rec.Op != 0
}

func (c *cursor) acquire(rec *Record) {
	rec.Lock, rec.Key = c.hex(), c.hex()
	c.lit("sub=")
	rec.Mode = kernel.Mode(c.num() & 255)
	c.lit("try=")
	rec.Mode |= kernel.Mode(c.num()&1) * kernel.Try
	c.lit("read=")
	rec.Mode |= kernel.Mode(c.num()&3) * kernel.Shared
	c.lit("check=")
	rec.Mode |= kernel.Mode(c.num()&1) * kernel.Check
	c.lit("irqoff=")
	rec.Mode |= kernel.Mode(c.num()&1) * kernel.IRQsOff
	c.lit("nest=")
	rec.Nest = c.hex()
	rec.Site = c.word()
	rec.Text = c.b
}

// input reads the other inputs. Init: A inner, B outer, C type. CmpFn: Class. Reset and HON have no fields.
func (c *cursor) input(rec *Record) {
	sub := func() {
		c.lit("sub=")
		rec.Mode = kernel.Mode(c.num() & 255)
	}
	switch rec.Op {
	case Sync:
		c.acquire(rec)
	case SetClass:
		rec.Lock, rec.Key = c.hex(), c.hex()
		sub()
		rec.Site, rec.Text = c.word(), c.b
	case Downgrade, Contended:
		rec.Lock, rec.Key, rec.Site = c.hex(), c.hex(), c.b
	case SoftirqsOn:
		c.lit("hardirqs=")
		rec.A = c.num()
		rec.Site = c.b
	case SoftirqsOff:
		rec.Site = c.b
	case Init:
		rec.Lock, rec.Key = c.hex(), c.hex()
		sub()
		c.waits(rec)
		rec.Site, rec.Text = c.word(), c.b
	case InitSub:
		rec.Lock, rec.Key = c.hex(), c.hex()
		sub()
		rec.Text = c.b
	case CmpFn:
		rec.Class = c.num()
		c.lit("key=")
		rec.Key, rec.Site = c.hex(), c.b
	case RegisterKey, UnregisterKey:
		rec.Key = c.hex()
	case FreeRange:
		rec.Lock = c.hex()
		c.lit("size=")
		rec.Key = uint64(c.num())
	case ResetLock:
		rec.Lock, rec.Key = c.hex(), c.hex()
	}
}

func (c *cursor) waits(rec *Record) {
	c.lit("inner=")
	rec.A = c.num()
	c.lit("outer=")
	rec.B = c.num()
	c.lit("type=")
	rec.C = c.num()
}

// conclusion reads what lockdep concluded. OutClass: A, B, C as Init, D version. OutMark: A bit, B mask. OutDep: A
// kind, B distance. OutChain: A irq context, B depth, C index of the first of IDs in the chain.
func (c *cursor) conclusion(rec *Record) {
	switch rec.Op {
	case OutClass:
		rec.Class = c.num()
		c.lit("key=")
		rec.Key = c.hex()
		c.lit("sub=")
		rec.Mode = kernel.Mode(c.num() & 255)
		c.waits(rec)
		c.lit("ver=")
		rec.D = c.num()
		c.lit("lock=")
		rec.Lock, rec.Text = c.hex(), c.b
	case OutKey:
		rec.Lock, rec.Key = c.hex(), c.hex()
	case OutMark:
		rec.Class = c.num()
		name := c.word()
		rec.A = -1
		for i, n := range markNames {
			if string(name) == n {
				rec.A = i
			}
		}
		c.bad = c.bad || rec.A < 0
		c.lit("mask=")
		rec.B = int(c.hex())
	case OutDep, OutDepUpd:
		rec.Class, rec.Next = c.num(), c.num()
		c.lit("dep=")
		rec.A = c.num()
		c.lit("distance=")
		rec.B = c.num()
	case OutChain:
		c.num()
		c.lit("irq=")
		rec.A = c.num()
		c.lit("depth=")
		rec.B = c.num()
		c.lit("from=")
		rec.C = c.num()
		c.lit("chainkey=")
		rec.Key = c.hex()
		for len(c.b) > 0 && !c.bad {
			class := uint16(0)
			i := 0
			for ; i < len(c.b) && c.b[i]-'0' <= 9; i++ {
				class = class*10 + uint16(c.b[i]-'0')
			}
			c.b = c.b[i:]
			c.lit("/")
			rec.IDs = append(rec.IDs, class|uint16(c.num())<<13)
		}
	case OutOff:
		rec.Site = c.b
	case OutZap:
		rec.Class = c.num()
		c.lit("key=")
		rec.Key = c.hex()
	}
}

// mark reads the marks of the recording. TestEnd: A expected, B debug_locks.
func (c *cursor) mark(rec *Record) {
	switch rec.Op {
	case Text:
		rec.A = c.num()
		rec.Text = c.b
	case TestBegin:
		c.lit("mask=")
		c.hex()
		rec.Text = c.b
	case TestEnd:
		c.lit("expected=")
		rec.A = c.num()
		c.lit("debug_locks=")
		rec.B = c.num()
	}
}

var markNames = [...]string{
	"USED_IN_HARDIRQ", "USED_IN_HARDIRQ_READ", "ENABLED_HARDIRQ", "ENABLED_HARDIRQ_READ", "USED_IN_SOFTIRQ",
	"USED_IN_SOFTIRQ_READ", "ENABLED_SOFTIRQ", "ENABLED_SOFTIRQ_READ", "USED", "USED_READ",
}
