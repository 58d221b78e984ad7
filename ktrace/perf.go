package ktrace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// This file reads the container of perf.data and of perf record's pipe (tools/perf/Documentation/perf.data-file-format.txt
// and include/uapi/linux/perf_event.h, Linux 6.12): what describes the events. perfrecord.go reads the records,
// perforder.go puts them in order.

// Sections of perf.data that are read; each has a bit in the header.
const (
	featTracingData = 1
	featHostname    = 3
	featArch        = 6
	featEventDesc   = 12
	featDirFormat   = 24
	featCount       = 256
)

const (
	perfHeaderSize = 104 // of a file
	perfPipeSize   = 16  // of a pipe
	maxPerfSection = 64 << 20
	maxPerfName    = 256 // of an event or a task; the kernel's are shorter
	maxPerfAttrs   = 1 << 16
	maxPerfIDs     = 1 << 20 // an id is of one event on one CPU
)

// Bits of sample_type that say where the fields of a sample are.
const (
	sampleIP         = 1 << 0
	sampleTID        = 1 << 1
	sampleTime       = 1 << 2
	sampleAddr       = 1 << 3
	sampleRead       = 1 << 4
	sampleCallchain  = 1 << 5
	sampleID         = 1 << 6
	sampleCPU        = 1 << 7
	samplePeriod     = 1 << 8
	sampleStreamID   = 1 << 9
	sampleRaw        = 1 << 10
	sampleIdentifier = 1 << 16
)

const perfTracepoint = 2 // the type of an attribute

// perfAttr is one event that was recorded: the kernel's perf_event_attr.
type perfAttr struct {
	typ        uint32
	config     uint64 // of a tracepoint, the ID of its format
	sampleType uint64
	readFormat uint64
	idAll      bool // records that are no samples end with time, CPU and so on
	name       string
}

// perfID is an event on one CPU, or of one thread.
type perfID struct {
	*perfAttr
	last uint64 // time of its latest sample in the file
	sum  uint64 // and its checksum
}

// perfSource reads a perf.data.
//
// Damage of what describes the events is said first, then the records are read. Samples whose format is not there are
// events of kind Raw.
type perfSource struct {
	in   io.ReaderAt // nil in a pipe
	size int64
	name string
	big  bool

	r   *bufio.Reader
	at  int64 // offset of the next byte of r
	end int64 // of the records

	attrs     []*perfAttr
	ids       map[uint64]*perfID
	id        *perfID // of the record that attrOf was asked for
	formats   map[int]*perfFormat
	described bool // formats were there
	arch      string
	dec       decoder
	symbols   symbols
	comms     map[int32]perfComm
	damage    []error // met while the file was opened

	queue   perfQueue
	payload []byte // of the compressed record that is read
	carry   []byte // begin of a record that the next compressed record goes on with
	zstd    *zstd.Decoder
	outer   int64 // offset of the compressed record
	garbage int64 // bytes of what was decompressed that are no records

	ev     Event
	yield  func(*Event, error) bool
	done   bool // the consumer wants no more
	faults []perfFault
	buf    []byte
}

// perfFormat is a tracepoint with where its common fields are.
type perfFormat struct {
	*format
	flags, preempt field
}

// perfFault is damage of one sort. The first is said at once, the others are counted.
type perfFault struct {
	doing  string
	offset int64
	more   int64
}

// maxPerfFaults bounds the sorts of damage that are said.
const maxPerfFaults = 1000

func newPerf(name string, head []byte) (*perfSource, error) {
	p := &perfSource{
		name: name, ids: map[uint64]*perfID{}, formats: map[int]*perfFormat{}, comms: map[int32]perfComm{},
		big: bytes.HasPrefix(head, perfSwap), end: math.MaxInt64,
	}
	if bytes.HasPrefix(head, perfOld) {
		return nil, p.fail(0, "reading the header", fmt.Errorf("version 1 of perf.data is %w; want version 2, of perf 3.6 or later", ErrUnsupported))
	}
	if len(head) < perfPipeSize {
		return nil, p.fail(int64(len(head)), "reading the header", io.ErrUnexpectedEOF)
	}
	return p, nil
}

// perf opens a perf.data. A pipe's is read as it comes, a file's needs what stands behind its records first.
func (r *Reader) perf(head []byte, br *bufio.Reader, plain *os.File, name string) (*perfSource, error) {
	size := []byte{perfPipeSize, 0, 0, 0, 0, 0, 0, 0}
	if bytes.HasPrefix(head, perfSwap) {
		slices.Reverse(size)
	}
	if len(head) < perfPipeSize || bytes.Equal(head[8:perfPipeSize], size) {
		return newPerfPipe(br, name)
	}
	f, n, err := r.seekable(br, plain)
	if err != nil {
		return nil, &Error{Name: name, Offset: -1, Doing: "reading a perf.data", Err: err}
	}
	return newPerfSource(f, n, name)
}

// newPerfPipe reads what perf record -o - writes.
func newPerfPipe(r *bufio.Reader, name string) (*perfSource, error) {
	head, _ := r.Peek(perfPipeSize)
	p, err := newPerf(name, head)
	if err != nil {
		return nil, err
	}
	p.r = bufio.NewReaderSize(r, perfWindow)
	return p, p.skip(perfPipeSize)
}

// newPerfSource reads a file.
func newPerfSource(in io.ReaderAt, size int64, name string) (*perfSource, error) {
	b := make([]byte, min(size, perfHeaderSize))
	n, err := in.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	b = b[:n]
	p, err2 := newPerf(name, b)
	if err2 != nil {
		return nil, err2
	}
	p.in, p.size = in, size
	c := cursor{b: b, at: 8, big: p.big}
	headSize, attrSize := c.num(8), c.num(8)
	attrsAt, attrsSize := c.num(8), c.num(8)
	dataAt, dataSize := c.num(8), c.num(8)
	c.take(16) // event types, which no perf since 3.6 writes
	flags := c.take(featCount / 8)
	switch {
	case err != nil:
		return nil, p.fail(int64(n), "reading the header", err)
	case headSize == perfPipeSize:
		p.r = bufio.NewReaderSize(io.NewSectionReader(in, 0, size), perfWindow)
		return p, p.skip(perfPipeSize)
	case c.err != nil:
		return nil, p.fail(int64(n), "reading the header", c.err)
	case headSize != perfHeaderSize:
		return nil, p.fail(8, "reading the header", fmt.Errorf("want a header of %d bytes, not %d", perfHeaderSize, headSize))
	case dataAt > uint64(size):
		return nil, p.fail(40, "reading the header", fmt.Errorf("want records at %#x, in a file of %d bytes", dataAt, size))
	}
	p.readAttrs(attrsAt, attrsSize, attrSize)
	p.at = int64(dataAt)
	switch {
	case dataSize == 0:
		// perf record writes the size, and what is behind the records, when it ends.
		p.end = size
		p.note(p.fail(48, "reading the header", errors.New("want the size of the records: perf record was not ended, and the formats of the events are missing")))
	case dataSize > uint64(size)-dataAt:
		p.end = size
		p.note(p.fail(size, "reading the header", fmt.Errorf("want %d bytes of records at %#x, and the formats of the events behind them: the file is cut", dataSize, dataAt)))
	default:
		p.end = int64(dataAt + dataSize)
		p.readFeatures(flags)
	}
	// A small file needs no more than what it has, and room for a record that claims to be of any size.
	p.r = bufio.NewReaderSize(io.NewSectionReader(in, p.at, p.end-p.at), int(min(perfWindow, p.end-p.at+1<<16)))
	return p, nil
}

func (p *perfSource) fail(at int64, doing string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Name: p.name, Offset: at, Doing: doing, Err: err}
}

// note keeps damage that was met while the file was opened.
func (p *perfSource) note(err error) {
	if len(p.damage) < maxPerfFaults {
		p.damage = append(p.damage, err)
	}
}

// section returns bytes of the file; what is there of them, with an error, where it ends before.
func (p *perfSource) section(at, n uint64) ([]byte, error) {
	if n > maxPerfSection {
		return nil, fmt.Errorf("want at most %d bytes, not %d", maxPerfSection, n)
	}
	if at > uint64(p.size) {
		return nil, fmt.Errorf("want %d bytes at %#x, in a file of %d", n, at, p.size)
	}
	b := make([]byte, min(n, uint64(p.size)-at))
	k, err := p.in.ReadAt(b, int64(at))
	if uint64(k) == n {
		return b, nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return b[:k], err
}

// readAttrs reads the attributes of a file, each with the place of its ids.
func (p *perfSource) readAttrs(at, size, each uint64) {
	const doing = "reading the attributes of the events"
	if each < 64+16 || each > 1<<16 || size/each > maxPerfAttrs {
		p.note(p.fail(16, doing, fmt.Errorf("want attributes of 80 to 65536 bytes, and at most %d, not %d bytes of %d each", maxPerfAttrs, size, each)))
		return
	}
	b, err := p.section(at, size)
	if err != nil {
		p.note(p.fail(24, doing, err))
	}
	left := maxPerfIDs * 8
	for ; uint64(len(b)) >= each; b, at = b[each:], at+each {
		a := p.parseAttr(b[:each-16])
		c := cursor{b: b[each-16 : each], big: p.big}
		idsAt, idsSize := c.num(8), c.num(8)
		ids, err := p.section(idsAt, idsSize)
		if left -= len(ids); left < 0 {
			p.note(p.fail(int64(at), doing, fmt.Errorf("want at most %d ids", maxPerfIDs)))
			return
		}
		if err != nil {
			p.note(p.fail(int64(at), "reading the ids of an event", err))
		}
		p.add(a, ids)
	}
}

// parseAttr reads a perf_event_attr of at least 64 bytes.
func (p *perfSource) parseAttr(b []byte) *perfAttr {
	a := &perfAttr{typ: p.u32(b), config: p.u64(b[8:]), sampleType: p.u64(b[24:]), readFormat: p.u64(b[32:])}
	// The flags are bits of C, which begin at the other end on machines of the other byte order.
	bit := func(i int) bool {
		if p.big {
			return b[40+i/8]>>(7-i%8)&1 != 0
		}
		return b[40+i/8]>>(i%8)&1 != 0
	}
	a.idAll = bit(18)
	return a
}

// add takes an event with its ids.
func (p *perfSource) add(a *perfAttr, ids []byte) {
	if len(p.attrs) >= maxPerfAttrs {
		return
	}
	p.attrs = append(p.attrs, a)
	for ; len(ids) >= 8 && len(p.ids) < maxPerfIDs; ids = ids[8:] {
		p.ids[p.u64(ids)] = &perfID{perfAttr: a}
	}
}

// readFeatures reads the sections behind the records: a table of their places, in the order of their bits.
func (p *perfSource) readFeatures(flags []byte) {
	at := uint64(p.end)
	set := func(i int) bool { return p.u64(flags[i/64*8:])>>(i%64)&1 != 0 }
	if p.big && !set(featHostname) && p.u32(flags)>>featHostname&1 != 0 {
		// Every perf writes the name of its host. The words of the bitmap are the writer's longs: here they have 32 bits.
		set = func(i int) bool { return p.u32(flags[i/32*4:])>>(i%32)&1 != 0 }
	}
	for i := range featCount {
		if !set(i) {
			continue
		}
		b, err := p.section(at, 16)
		if err != nil {
			p.note(p.fail(min(int64(at), p.size), "reading the table of sections", err))
			return
		}
		from, n := p.u64(b), p.u64(b[8:])
		at += 16
		switch i {
		case featTracingData, featArch, featEventDesc, featDirFormat:
			b, err := p.section(from, n)
			if err != nil {
				p.note(p.fail(int64(at-16), fmt.Sprintf("reading section %d", i), err))
			}
			if err := p.feature(i, b); err != nil {
				p.note(p.fail(int64(at-16), fmt.Sprintf("reading section %d", i), err))
			}
		}
	}
	if p.tracepoints() && !p.described {
		p.note(p.fail(min(int64(at), p.size), "reading the table of sections", errors.New("want a section with the formats of the tracepoints (HEADER_TRACING_DATA)")))
	}
}

// tracepoints reports whether there are events with a format.
func (p *perfSource) tracepoints() bool {
	for _, a := range p.attrs {
		if a.typ == perfTracepoint {
			return true
		}
	}
	return false
}

// feature reads one section, of a file or of a record of a pipe.
func (p *perfSource) feature(id int, b []byte) error {
	switch id {
	case featTracingData:
		return p.tracingData(b)
	case featArch:
		c := cursor{b: b, big: p.big}
		s := c.take(int(min(c.num(4), uint64(len(b)))))
		p.arch = string(bytes.TrimRight(s, "\x00"))
		return c.err
	case featEventDesc:
		return p.eventDesc(b)
	case featDirFormat:
		return fmt.Errorf("perf.data as a directory (perf record --threads) is %w; want a single file", ErrUnsupported)
	}
	return nil
}

// eventDesc reads the names of the events, each with its attribute and ids.
func (p *perfSource) eventDesc(b []byte) error {
	c := cursor{b: b, big: p.big}
	n, size := c.num(4), int(c.num(4))
	if c.err == nil && size < 64 {
		return fmt.Errorf("want attributes of at least 64 bytes, not %d", size)
	}
	alone := len(p.attrs) == 0 // those of the header could not be read
	for range n {
		attr := c.take(size)
		ids := c.num(4)
		name := c.take(int(c.num(4)))
		list := c.take(int(min(ids*8, math.MaxInt32)))
		if c.err != nil {
			return c.err
		}
		a := p.parseAttr(attr)
		if alone {
			p.add(a, list)
		}
		for ; len(list) >= 8; list = list[8:] {
			if known := p.ids[p.u64(list)]; known != nil {
				known.name = string(cString(name))
			}
		}
		// An event that is alone needs no ids.
		if ids == 0 && len(p.attrs) == 1 && p.attrs[0].config == a.config {
			p.attrs[0].name = string(cString(name))
		}
	}
	return nil
}

// tracingData reads the formats of the tracepoints: the first parts of a trace.dat of version 6.
func (p *perfSource) tracingData(b []byte) error {
	if p.described {
		return errors.New("want the formats of the tracepoints once; these are not used")
	}
	c := cursor{b: b}
	if magic := c.take(len(datMagic)); c.err == nil && !bytes.Equal(magic, datMagic) {
		return fmt.Errorf("want tracing data that begin with %q, not %q", datMagic, magic)
	}
	c.str() // version
	c.big = c.num(1) == 1
	c.take(1 + 4) // size of long, size of a page
	for range 2 { // header_page, header_event
		c.str()
		c.take(int(min(c.num(8), maxPerfSection+1)))
	}
	var bad error
	n := 0
	group := func(system string) {
		for range c.num(4) {
			text := c.take(int(min(c.num(8), maxPerfSection+1)))
			if n++; c.err != nil || n > maxPerfAttrs {
				return
			}
			f, err := parseFormat(system, text)
			if err != nil {
				bad = err
				continue
			}
			p.formats[f.id] = &perfFormat{f, f.field("common_flags"), f.field("common_preempt_count")}
		}
	}
	group("ftrace")
	for range c.num(4) {
		system := c.str()
		if group(system); c.err != nil || n > maxPerfAttrs {
			break
		}
	}
	p.described = p.described || c.err == nil || len(p.formats) > 0
	p.dec.big, p.dec.symbols = c.big, &p.symbols
	if syms := c.take(int(min(c.num(4), maxPerfSection+1))); len(syms) > 0 {
		p.symbols = symbols{raw: syms}
	}
	// The formats of trace_printk and the names of tasks that follow are of no use here.
	if c.err != nil {
		return fmt.Errorf("after %d formats: %w", n, c.err)
	}
	return bad
}

// cString returns b up to its zero.
func cString(b []byte) []byte {
	b = b[:min(len(b), maxPerfName)]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

func (p *perfSource) u32(b []byte) uint32 {
	if p.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (p *perfSource) u64(b []byte) uint64 {
	if p.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func (p *perfSource) u16(b []byte) uint16 {
	if p.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// kernelStart learns from the map of the kernel, "[kernel.kallsyms]_stext", where its text begins.
func (p *perfSource) kernelStart(name string, addr uint64) {
	_, sym, ok := strings.Cut(name, "]")
	if p.symbols.start != 0 || p.symbols.raw != nil || !ok || !strings.HasPrefix(name, "[kernel") {
		return
	}
	// The two are the same place on x86 only.
	if sym == "_stext" || sym == "_text" && strings.HasPrefix(p.arch, "x86") {
		p.symbols.start, p.symbols.parsed = addr, true
	}
}
