package ktrace

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// This file reads the container of trace.dat, versions 6 and 7 (man trace-cmd.dat.v6, trace-cmd.dat.v7): what describes
// the events, and where the pages of each CPU are. page.go reads those.

// Options of trace.dat. In version 7 every section has one.
const (
	optDone       = 0
	optDate       = 1
	optStat       = 2
	optBuffer     = 3
	optClock      = 4
	optOffset     = 7
	optTSC        = 14
	optHeader     = 16
	optFtrace     = 17
	optEvents     = 18
	optKallsyms   = 19
	optPrintk     = 20
	optCmdlines   = 21
	optBufferText = 22
)

const (
	maxSection = 1 << 26 // of metadata, after decompression
	maxRatio   = 1 << 12 // of decompression: recordings have 100 at most
	maxChunk   = 1 << 26 // of a CPU's data, after decompression
	maxCPUs    = 1 << 14
	maxPage    = 1 << 24
	maxEvents  = 1 << 16
)

// datSource reads a trace.dat.
type datSource struct {
	in   io.ReaderAt
	size int64
	name string
	jobs int

	big      bool
	long     int
	pageSize int
	compress string // "", "zlib" or "zstd"

	layout  pageLayout
	formats map[int]*format
	table   []*format // by id
	symbols *symbols
	comms   map[int32]string
	clock   string
	offset  int64 // added to times
	tsc     struct {
		mult, shift uint32
		offset      uint64
	}
	cpus      []cpuData
	instances []int64
	busy      []int32                           // CPUs that have events, by their statistics
	text      *textSource                       // of a trace that holds text
	seen      [optCmdlines - optHeader + 1]bool // sections of version 7 that were read
	damage    []error                           // met while the file was opened
	zstd      *zstd.Decoder
}

// cpuData is where the pages of one CPU are.
type cpuData struct {
	cpu          int32
	offset, size int64 // size of packed data does not count all of their words
	end          int64 // where they end at the latest
	packed       bool  // in chunks
}

// cursor reads metadata.
type cursor struct {
	b   []byte
	at  int
	big bool
	err error
}

func (c *cursor) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.b)-c.at {
		if c.err == nil {
			c.err = io.ErrUnexpectedEOF
		}
		return nil
	}
	b := c.b[c.at:][:n]
	c.at += n
	return b
}

func (c *cursor) num(n int) uint64 {
	b := c.take(n)
	if b == nil {
		return 0
	}
	var v uint64
	for i := range b {
		if c.big {
			v = v<<8 | uint64(b[i])
		} else {
			v |= uint64(b[i]) << (8 * i)
		}
	}
	return v
}

// str returns a string that ends with a zero.
func (c *cursor) str() string {
	if c.err != nil {
		return ""
	}
	i := bytes.IndexByte(c.b[c.at:], 0)
	if i < 0 {
		c.err = io.ErrUnexpectedEOF
		return ""
	}
	s := string(c.b[c.at:][:i])
	c.at += i + 1
	return s
}

func (c *cursor) sized(width int) []byte { return c.take(int(min(c.num(width), maxSection+1))) }

// fail makes an error of the file.
func (d *datSource) fail(at int64, doing string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Name: d.name, Offset: at, Doing: doing, Err: err}
}

// section reads bytes of the file. What lies behind its end is an error, with what was there.
func (d *datSource) section(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > d.size || n > maxSection {
		return nil, fmt.Errorf("want %d bytes at %#x in a file of %d", n, at, d.size)
	}
	b := make([]byte, min(n, d.size-at))
	k, err := d.in.ReadAt(b, at)
	if int64(k) == n {
		return b, nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return b[:k], err
}

// newDatSource reads what describes the trace. What is damaged and can be missed is kept as an error for the stream.
func newDatSource(in io.ReaderAt, size int64, name string) (*datSource, error) {
	d := &datSource{in: in, size: size, name: name, jobs: 1, formats: map[int]*format{}, symbols: &symbols{}, comms: map[int32]string{0: "<idle>"}}
	head, err := d.section(0, min(size, 4096))
	if err != nil {
		return nil, d.fail(0, "reading the header", err)
	}
	c := &cursor{b: head}
	if magic := c.take(len(datMagic)); !bytes.Equal(magic, datMagic) {
		return nil, d.fail(0, "reading the header", fmt.Errorf("want the magic %q of trace.dat", datMagic))
	}
	version := c.str()
	endian := c.num(1)
	d.long = int(c.num(1))
	c.big = endian == 1
	d.big = c.big
	d.pageSize = int(c.num(4))
	switch {
	case c.err != nil:
		return nil, d.fail(int64(len(head)), "reading the header", c.err)
	case version != "6" && version != "7":
		return nil, d.fail(int64(len(datMagic)), "reading the header", fmt.Errorf("version %.10q of trace.dat is %w; want 6 or 7", version, ErrUnsupported))
	case endian > 1 || d.long != 4 && d.long != 8:
		return nil, d.fail(int64(len(datMagic)), "reading the header", fmt.Errorf("want a byte order of 0 or 1 and a long of 4 or 8 bytes, not %d and %d", endian, d.long))
	case d.pageSize < 64 || d.pageSize > maxPage:
		return nil, d.fail(int64(c.at-4), "reading the header", fmt.Errorf("want a page size from 64 to %d, not %d: the byte order may be wrong", maxPage, d.pageSize))
	}
	d.layout = defaultLayout(d.long, d.pageSize)
	if version == "6" {
		err = d.readV6(int64(c.at))
	} else {
		d.compress = c.str()
		c.str() // the library's version
		if d.compress == "none" {
			d.compress = ""
		}
		first := int64(c.num(8))
		if c.err != nil {
			return nil, d.fail(int64(c.at), "reading the header", c.err)
		}
		if d.compress != "" && d.compress != "zlib" && d.compress != "zstd" {
			return nil, d.fail(int64(c.at), "reading the header", fmt.Errorf("compression by %.20q is %w; want zlib, zstd or none", d.compress, ErrUnsupported))
		}
		err = d.readV7(first, int64(c.at))
	}
	if err != nil {
		return nil, err
	}
	if len(d.cpus) == 0 && d.text == nil {
		if len(d.damage) > 0 {
			return nil, d.damage[0]
		}
		return nil, d.fail(size, "reading the sections", errors.New("want the data of at least one CPU"))
	}
	d.bound()
	top := 0
	for id := range d.formats {
		top = max(top, id)
	}
	d.table = make([]*format, top+1)
	for id, f := range d.formats {
		d.table[id] = f
	}
	return d, nil
}

// readV6 reads the parts of version 6, which follow each other.
func (d *datSource) readV6(at int64) error {
	// The parts are read from a window that is the file itself, so that sizes decide how much is read.
	bad := func(doing string, err error) error { return d.fail(at, doing, err) }
	num := func(n int) (uint64, error) {
		b, err := d.section(at, int64(n))
		if err != nil {
			return 0, err
		}
		at += int64(n)
		c := cursor{b: b, big: d.big}
		return c.num(n), nil
	}
	sized := func(width int) ([]byte, error) {
		n, err := num(width)
		if err != nil {
			return nil, err
		}
		b, err := d.section(at, int64(min(n, math.MaxInt64)))
		if err != nil {
			return nil, err
		}
		at += int64(n)
		return b, nil
	}
	str := func() (string, error) {
		b, err := d.section(at, min(256, d.size-at))
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		at += int64(i) + 1
		return string(b[:i]), nil
	}
	for _, want := range []string{"header_page", "header_event"} {
		got, err := str()
		if err != nil || got != want {
			return bad("reading "+want, cmpErr(err, fmt.Errorf("want %s, not %.20q", want, got)))
		}
		text, err := sized(8)
		if err != nil {
			return bad("reading "+want, err)
		}
		if want == "header_page" {
			d.layout.page(text)
		} else {
			d.layout.event(text)
		}
	}
	events := func(system string) error {
		n, err := num(4)
		if err == nil && n > maxEvents {
			err = fmt.Errorf("want at most %d events of %s, not %d", maxEvents, system, n)
		}
		for range n {
			if err != nil {
				break
			}
			from := at
			var text []byte
			if text, err = sized(8); err == nil {
				d.add(system, text, from)
			}
		}
		return err
	}
	if err := events("ftrace"); err != nil {
		return bad("reading the formats of ftrace", err)
	}
	systems, err := num(4)
	if err == nil && systems > maxEvents {
		err = fmt.Errorf("want at most %d systems, not %d", maxEvents, systems)
	}
	for range systems {
		if err != nil {
			break
		}
		var system string
		if system, err = str(); err == nil {
			err = events(system)
		}
	}
	if err != nil {
		return bad("reading the formats of events", err)
	}
	if d.symbols.raw, err = sized(4); err != nil {
		return bad("reading the symbols", err)
	}
	if _, err = sized(4); err != nil {
		return bad("reading the formats of trace_printk", err)
	}
	comms, err := sized(8)
	if err != nil {
		return bad("reading the names of tasks", err)
	}
	d.cmdlines(comms)
	cpus, err := num(4)
	if err == nil && cpus > maxCPUs {
		err = fmt.Errorf("want at most %d CPUs, not %d", maxCPUs, cpus)
	}
	if err != nil {
		return bad("reading the number of CPUs", err)
	}
	for {
		b, err := d.section(at, 10)
		if err != nil {
			return bad("reading the kind of data", err)
		}
		at += 10
		switch kind := strings.TrimRight(string(b), "\x00"); kind {
		case "options  ":
			for {
				id, err := num(2)
				if err != nil {
					return bad("reading the options", err)
				}
				if id == optDone {
					break
				}
				value, err := sized(4)
				if err != nil {
					return bad("reading the options", err)
				}
				d.option(int(id), value, 6)
			}
		case "latency  ":
			d.text = newTextSource(io.NewSectionReader(d.in, at, d.size-at), d.name)
			return nil
		case "flyrecord":
			d.flyrecord(at, int(cpus))
			for _, at := range d.instances {
				d.flyrecord(at+10, int(cpus))
			}
			return nil
		default:
			return bad("reading the kind of data", fmt.Errorf("want options, latency or flyrecord, not %.10q", kind))
		}
	}
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// flyrecord reads where version 6 has the data of a buffer's CPUs.
func (d *datSource) flyrecord(at int64, cpus int) {
	b, err := d.section(at, int64(cpus)*16)
	c := &cursor{b: b, big: d.big}
	for i := range cpus {
		offset, size := c.num(8), c.num(8)
		if c.err != nil {
			d.damage = append(d.damage, d.fail(at+int64(c.at), fmt.Sprintf("reading where the data of CPU %d are", i), cmpErr(err, c.err)))
			break
		}
		d.addCPU(int32(i), offset, size, false)
	}
}

func (d *datSource) addCPU(cpu int32, offset, size uint64, packed bool) {
	switch {
	case size == 0:
	case offset > uint64(d.size):
		d.damage = append(d.damage, d.fail(d.size, fmt.Sprintf("reading CPU %d", cpu), fmt.Errorf("want its %d bytes at %#x, behind the end of the file", size, offset)))
	default:
		if size > uint64(d.size)-offset {
			d.damage = append(d.damage, d.fail(d.size, fmt.Sprintf("reading CPU %d", cpu), fmt.Errorf("want %d bytes at %#x, the file ends before", size, offset)))
			size = uint64(d.size) - offset
		}
		d.cpus = append(d.cpus, cpuData{cpu: cpu, offset: int64(offset), size: int64(size), packed: packed})
	}
}

// bound ends the data of each CPU where those of the next begin, so that no file is read more than once, whatever it says.
func (d *datSource) bound() {
	sorted := slices.Clone(d.cpus)
	slices.SortStableFunc(sorted, func(a, b cpuData) int { return cmp.Compare(a.offset, b.offset) })
	next := func(offset int64) int64 {
		i, _ := slices.BinarySearchFunc(sorted, offset+1, func(c cpuData, at int64) int { return cmp.Compare(c.offset, at) })
		if i < len(sorted) {
			return sorted[i].offset
		}
		return d.size
	}
	taken := map[int64]int32{}
	d.cpus = slices.DeleteFunc(d.cpus, func(c cpuData) bool {
		other, ok := taken[c.offset]
		if ok {
			d.damage = append(d.damage, d.fail(c.offset, fmt.Sprintf("reading CPU %d", c.cpu), fmt.Errorf("want data of its own, not those of CPU %d", other)))
		}
		taken[c.offset] = c.cpu
		return ok
	})
	for i := range d.cpus {
		c := &d.cpus[i]
		if c.end = next(c.offset); c.packed {
			continue
		}
		if c.end < c.offset+c.size {
			d.damage = append(d.damage, d.fail(c.end, fmt.Sprintf("reading CPU %d", c.cpu), fmt.Errorf("want %d bytes at %#x, there begin those of another CPU", c.size, c.offset)))
		}
		c.end = min(c.end, c.offset+c.size)
	}
}

// readV7 follows the lists of options, each of which may name sections anywhere in the file. The first section is at start.
func (d *datSource) readV7(at, start int64) error {
	type want struct {
		id    int
		value []byte
	}
	var buffers []want
	seen := map[int64]bool{}
	for at != 0 && !seen[at] {
		seen[at] = true
		b, err := d.sectionV7(at, optDone)
		if err != nil {
			if len(seen) == 1 {
				return d.fail(at, "reading the options", err)
			}
			d.damage = append(d.damage, d.fail(at, "reading the options", err))
			break
		}
		c := &cursor{b: b, big: d.big}
		at = 0
		for c.err == nil && c.at < len(b) {
			id := int(c.num(2))
			value := c.sized(4)
			if c.err != nil {
				d.damage = append(d.damage, d.fail(at, "reading an option", c.err))
				break
			}
			if id == optDone {
				v := cursor{b: value, big: d.big}
				at = int64(v.num(8))
				break
			}
			if id == optBuffer || id == optBufferText {
				buffers = append(buffers, want{id, value})
				continue
			}
			d.option(id, value, 7)
		}
	}
	if len(buffers) == 0 && len(d.damage) > 0 {
		d.search(start)
	}
	for _, w := range buffers {
		c := &cursor{b: w.value, big: d.big}
		offset := int64(c.num(8))
		if c.str(); w.id == optBufferText { // its name
			b, err := d.sectionV7(offset, w.id)
			if err != nil {
				d.damage = append(d.damage, d.fail(offset, "reading a buffer of text", err))
				continue
			}
			d.text = newTextSource(bytes.NewReader(b), d.name)
			continue
		}
		clock := c.str()
		page := int(c.num(4))
		cpus := int(c.num(4))
		if c.err != nil || page < 64 || page > maxPage || cpus > maxCPUs {
			d.damage = append(d.damage, d.fail(offset, "reading a buffer", cmpErr(c.err, fmt.Errorf("want pages of 64 to %d bytes and at most %d CPUs, not %d and %d", maxPage, maxCPUs, page, cpus))))
			continue
		}
		d.clock = cmpStr(d.clock, clock)
		d.pageSize = page
		head, err := d.section(offset, 16)
		if err != nil {
			d.damage = append(d.damage, d.fail(offset, "reading a buffer", err))
			continue
		}
		h := cursor{b: head, at: 2, big: d.big}
		packed := h.num(2)&1 != 0
		for range cpus {
			cpu, from, size := c.num(4), c.num(8), c.num(8)
			if c.err != nil {
				d.damage = append(d.damage, d.fail(offset, "reading where the data of a CPU are", c.err))
				break
			}
			d.addCPU(int32(min(cpu, maxCPUs)), from, size, packed)
		}
	}
	return nil
}

// search looks for the data of the CPUs where the options that say where they are cannot be read: they stand at the end of
// the file, so that every file that was cut lacks them. trace-cmd writes section behind section, and in that of the buffer
// the chunks of each CPU from the start of a page on.
func (d *datSource) search(at int64) {
	num := func(b []byte) uint64 { return (&cursor{b: b, big: d.big}).num(len(b)) }
	for {
		head, err := d.section(at, 16)
		if err != nil {
			return
		}
		id, size := int(num(head[:2])), num(head[8:])
		if id == optBuffer {
			if num(head[2:4])&1 == 0 {
				d.damage = append(d.damage, d.fail(at, "looking for the data of the CPUs", errors.New("want the options at the end of the file: without compression nothing else tells the CPUs apart")))
				return
			}
			break
		}
		if id > optBufferText || size > maxSection {
			return
		}
		at += 16 + int64(size)
	}
	at += 16
	size := int64(d.pageSize)
	for len(d.cpus) < maxCPUs {
		at = (at + size - 1) / size * size
		from := at
		count, err := d.section(at, 4)
		if err != nil {
			return
		}
		at += 4
		for left := num(count); left > 0 && at < d.size; left-- {
			head, err := d.section(at, 8)
			if err != nil {
				at = d.size
				break
			}
			n, out := num(head[:4]), num(head[4:])
			if n > maxChunk || out > maxChunk || out == 0 || out%uint64(size) != 0 {
				d.damage = append(d.damage, d.fail(at, "looking for the data of the CPUs", fmt.Errorf("want a chunk of at most %d bytes in whole pages of %d, not %d of %d", maxChunk, size, n, out)))
				return
			}
			at += 8 + int64(n)
		}
		if at == from+4 {
			continue // no chunk
		}
		cpu := int32(len(d.cpus))
		if len(d.cpus) < len(d.busy) {
			cpu = d.busy[len(d.cpus)]
		}
		d.addCPU(cpu, uint64(from), uint64(min(at, d.size)-from), true)
	}
}

func cmpStr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// sectionV7 returns the data of a section of the kind.
func (d *datSource) sectionV7(at int64, kind int) ([]byte, error) {
	head, err := d.section(at, 16)
	if err != nil {
		return nil, err
	}
	c := cursor{b: head, big: d.big}
	id, flags := int(c.num(2)), c.num(2)
	c.num(4) // the name of the section
	size := c.num(8)
	if id != kind || size > maxSection {
		return nil, fmt.Errorf("want a section %d of at most %d bytes, not %d of %d", kind, maxSection, id, size)
	}
	b, err := d.section(at+16, int64(size))
	if err != nil || flags&1 == 0 {
		return b, err
	}
	chunk := cursor{b: b, big: d.big}
	in, out := chunk.num(4), chunk.num(4)
	data := chunk.take(int(min(in, maxSection+1)))
	if chunk.err != nil {
		return nil, chunk.err
	}
	if out > maxSection {
		return nil, fmt.Errorf("want a section of at most %d bytes", maxSection)
	}
	return d.unpack(nil, data, int(out))
}

// unpack appends the decompressed data, size bytes.
func (d *datSource) unpack(out, data []byte, size int) ([]byte, error) {
	from := len(out)
	var err error
	if size > (len(data)+64)*maxRatio {
		return nil, fmt.Errorf("want at most %d times of %d compressed bytes, not %d", maxRatio, len(data), size)
	}
	switch d.compress {
	case "zstd":
		if d.zstd == nil {
			// A frame may claim any size, and would get the memory for it.
			if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSection)); err != nil {
				return nil, err
			}
		}
		// Room behind the end lets the decoder copy without looking (its maxCompressedBlockSize).
		out, err = d.zstd.DecodeAll(data, slices.Grow(out, size+128<<10+64))
	case "zlib":
		var z io.ReadCloser
		if z, err = zlib.NewReader(bytes.NewReader(data)); err != nil {
			return nil, err
		}
		out = append(out, make([]byte, size)...)
		_, err = io.ReadFull(z, out[from:])
	default:
		return nil, errors.New("want no compressed section where the header names no compression")
	}
	if err == nil && len(out)-from != size {
		err = fmt.Errorf("want %d bytes when decompressed, not %d", size, len(out)-from)
	}
	return out, err
}

// option takes one option. Those that only say more about the machine are passed over.
func (d *datSource) option(id int, value []byte, version int) {
	c := &cursor{b: value, big: d.big}
	if id >= optHeader && id <= optCmdlines {
		if d.seen[id-optHeader] {
			return // each is there once
		}
		d.seen[id-optHeader] = true
		at := int64(c.num(8))
		b, err := d.sectionV7(at, id)
		if c.err != nil || err != nil {
			d.damage = append(d.damage, d.fail(at, fmt.Sprintf("reading section %d", id), cmpErr(c.err, err)))
			return
		}
		d.metadata(id, b, at)
		return
	}
	switch id {
	case optStat:
		d.stat(string(value))
	case optBuffer:
		if version == 6 {
			at := int64(c.num(8))
			name := c.str()
			if c.err == nil && name != "" {
				d.instances = append(d.instances, at) // another buffer, with a flyrecord of its own
			}
		}
	case optClock:
		// "[local] global counter …": the one in brackets is used.
		if _, rest, ok := strings.Cut(string(value), "["); ok {
			d.clock, _, _ = strings.Cut(rest, "]")
		}
	case optDate, optOffset:
		s := strings.TrimSpace(strings.TrimRight(string(value), "\x00 \n"))
		if v, err := strconv.ParseInt(s, 0, 64); err == nil {
			if id == optDate {
				v *= 1000 // microseconds
			}
			d.offset += v
		}
	case optTSC:
		d.tsc.mult, d.tsc.shift, d.tsc.offset = uint32(c.num(4)), uint32(c.num(4)), c.num(8)
		if d.tsc.shift > 63 {
			d.tsc.mult = 0
		}
	}
}

// stat takes the statistics of a CPU, "CPU: 0", "entries: 0", …, "read events: 12" in lines.
func (d *datSource) stat(text string) {
	cpu, events := int64(-1), int64(0)
	for line := range strings.Lines(strings.TrimRight(text, "\x00")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
		case key == "CPU":
			cpu = n
		case key == "entries" || key == "read events":
			events = max(events, n)
		}
	}
	if cpu >= 0 && cpu < maxCPUs && events > 0 && len(d.busy) < maxCPUs {
		d.busy = append(d.busy, int32(cpu))
	}
}

// metadata reads a section of version 7.
func (d *datSource) metadata(id int, b []byte, at int64) {
	c := &cursor{b: b, big: d.big}
	bad := func() {
		if c.err != nil {
			d.damage = append(d.damage, d.fail(at, fmt.Sprintf("reading section %d", id), c.err))
		}
	}
	switch id {
	case optHeader:
		if c.str() == "header_page" {
			d.layout.page(c.sized(8))
		}
		if c.str() == "header_event" {
			d.layout.event(c.sized(8))
		}
		bad()
	case optFtrace:
		d.events(c, "ftrace", at)
		bad()
	case optEvents:
		for range min(c.num(4), maxEvents) {
			if system := c.str(); c.err == nil {
				d.events(c, system, at)
			}
		}
		bad()
	case optKallsyms:
		d.symbols.raw = c.sized(4)
		bad()
	case optPrintk:
	case optCmdlines:
		d.cmdlines(c.sized(8))
		bad()
	}
}

func (d *datSource) events(c *cursor, system string, at int64) {
	for range min(c.num(4), maxEvents) {
		if text := c.sized(8); c.err == nil {
			d.add(system, text, at)
		} else {
			return
		}
	}
}

func (d *datSource) add(system string, text []byte, at int64) {
	f, err := parseFormat(system, text)
	if err != nil {
		d.damage = append(d.damage, d.fail(at, "reading the format of an event", err))
		return
	}
	if f.id < maxEvents {
		d.formats[f.id] = f
	}
}

// cmdlines reads "pid comm" lines.
func (d *datSource) cmdlines(b []byte) {
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\n\x00")
		pid, comm, ok := bytes.Cut(bytes.TrimLeft(line, " "), []byte(" "))
		if v, isNum := parseInt32(pid); ok && isNum && v != 0 {
			d.comms[v] = string(comm)
		}
	}
}

// time converts a time of the ring buffer.
func (d *datSource) time(ts uint64) uint64 {
	if d.tsc.mult != 0 {
		// 64 by 32 bits, shifted: the product may have 96 bits.
		hi, lo := bits.Mul64(ts, uint64(d.tsc.mult))
		ts = lo>>d.tsc.shift | hi<<(64-d.tsc.shift)
		if d.tsc.shift == 0 {
			ts = lo
		}
		ts -= d.tsc.offset
	}
	return ts + uint64(d.offset)
}

// comm returns the name of a task.
func (d *datSource) comm(pid int32) string {
	if s, ok := d.comms[pid]; ok {
		return s
	}
	return "<...>"
}
