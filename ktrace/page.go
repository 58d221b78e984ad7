package ktrace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// pageLayout is how the kernel's ring buffer lays out a page and the records in it (header_page and header_event).
type pageLayout struct {
	stamp, commit field
	data          int // offset of the first record

	typeBits, deltaBits      int
	padding, extend, stamp31 uint32 // values of a record's type
	dataMax                  uint32
}

func defaultLayout(long, page int) pageLayout {
	return pageLayout{
		stamp: field{kind: fieldNumber, size: 8}, commit: field{kind: fieldNumber, offset: 8, size: long}, data: 8 + long,
		typeBits: 5, deltaBits: 27, padding: 29, extend: 30, stamp31: 31, dataMax: 28,
	}
}

// page takes header_page.
func (l *pageLayout) page(text []byte) {
	for line := range bytes.Lines(text) {
		fd, err := parseField(string(bytes.TrimSpace(line)))
		if err != nil {
			continue
		}
		number := fd.kind == fieldNumber
		switch {
		case fd.name == "timestamp" && number && fd.size == 8:
			l.stamp = fd
		case fd.name == "commit" && number && fd.size >= 4:
			l.commit = fd
		case fd.name == "data" && fd.offset >= 8:
			l.data = fd.offset
		}
	}
}

// event takes header_event.
func (l *pageLayout) event(text []byte) {
	for line := range bytes.Lines(text) {
		var n int
		s := string(bytes.TrimSpace(line))
		for _, p := range []struct {
			form string
			set  func()
		}{
			{"type_len    : %d bits", func() { l.typeBits, l.deltaBits = n, 32-n }},
			{"padding     : type == %d", func() { l.padding = uint32(n) }},
			{"time_extend : type == %d", func() { l.extend = uint32(n) }},
			{"time_stamp : type == %d", func() { l.stamp31 = uint32(n) }},
			{"data max type_len  == %d", func() { l.dataMax = uint32(n) }},
		} {
			if _, err := fmt.Sscanf(s, p.form, &n); err == nil && n > 0 && n < 32 {
				p.set()
			}
		}
	}
}

const (
	commitMask   = 1<<20 - 1
	missedEvents = 1 << 31
	missedStored = 1 << 30
)

// cpuReader reads the records of one CPU, page by page.
type cpuReader struct {
	d        *datSource
	dec      decoder
	cpu      cpuData
	next     int64 // offset of the next chunk or page in the file
	left     uint32
	unpacker *datSource // decompresses; each CPU has its own

	chunk  []byte // decompressed; pages are taken from it
	buf    chunk  // what it is part of
	in     []byte
	ahead  <-chan chunk // read ahead, or nil
	free   chan<- chunk
	page   []byte // records that are left
	base   int64  // where the page is, for messages
	ts     uint64
	missed int64 // records lost before the next one; 0: none
	common commonFields
	packed bool // common fields are those of today's kernels on a little-endian machine: one word

	// The last task, which the next record mostly has, too.
	pid  int32
	comm string
}

// commonFields are the fields that every record begins with.
type commonFields struct{ typ, flags, preempt, pid field }

func (d *datSource) common() (best commonFields) {
	most := 0
	for _, f := range d.table {
		if f == nil {
			continue
		}
		c, n := commonFields{}, 0
		for to, name := range map[*field]string{&c.typ: "common_type", &c.flags: "common_flags", &c.preempt: "common_preempt_count", &c.pid: "common_pid"} {
			if *to = f.field(name); to.kind == fieldNumber {
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

func (d *datSource) reader(c cpuData) (*cpuReader, error) {
	r := &cpuReader{d: d, cpu: c, next: c.offset, common: d.common(), pid: -1}
	r.dec.big, r.dec.symbols = d.big, d.symbols
	if r.common.typ.kind != fieldNumber || r.common.pid.kind != fieldNumber {
		return nil, d.fail(c.offset, fmt.Sprintf("reading CPU %d", c.cpu), errors.New("want the format of an event with common_type and common_pid"))
	}
	k := &r.common
	r.packed = !d.big && k.typ == (field{name: k.typ.name, kind: fieldNumber, size: 2}) &&
		k.flags == field{name: k.flags.name, kind: fieldNumber, offset: 2, size: 1} &&
		k.preempt == field{name: k.preempt.name, kind: fieldNumber, offset: 3, size: 1} &&
		k.pid.offset == 4 && k.pid.size == 4
	if c.packed {
		b, err := d.section(c.offset, 4)
		if err != nil {
			return nil, d.fail(c.offset, fmt.Sprintf("reading CPU %d", c.cpu), err)
		}
		n := cursor{b: b, big: d.big}
		r.left = uint32(n.num(4))
		r.next += 4
		r.unpacker = &datSource{compress: d.compress}
	}
	return r, nil
}

// read fills b from the file, within the CPU's data. It returns what is there.
func (r *cpuReader) read(b []byte) []byte {
	if end := r.end(); r.next+int64(len(b)) > end {
		b = b[:max(end-r.next, 0)]
	}
	n, _ := r.d.in.ReadAt(b, r.next) // what could not be read is missing below
	r.next += int64(n)
	return b[:n]
}

// end is where the data of the CPU end. What is in chunks counts them, and trace-cmd does not count its first word in
// the size.
func (r *cpuReader) end() int64 {
	if r.cpu.packed {
		return r.d.size
	}
	return r.cpu.offset + r.cpu.size
}

// chunk is some pages of a CPU.
type chunk struct {
	data []byte // whole pages
	base int64  // where they are in the file
	err  error  // instead of pages; io.EOF at the end
}

// fetch reads the next pages into c, whose data are used again.
func (r *cpuReader) fetch(c *chunk) {
	size := r.d.pageSize
	c.base, c.err = r.next, nil
	fail := func(doing string, err error) {
		r.left = 0
		c.err = r.d.fail(c.base, fmt.Sprintf("%s of CPU %d", doing, r.cpu.cpu), err)
	}
	if !r.cpu.packed {
		if c.data = r.read(slices.Grow(c.data[:0], max(size, chunkBytes))[:max(size, chunkBytes/size*size)]); len(c.data) == 0 {
			c.err = io.EOF
		} else if len(c.data) < size {
			fail("reading a page", io.ErrUnexpectedEOF)
		}
		return
	}
	if r.left == 0 {
		c.err = io.EOF
		return
	}
	r.left--
	var head [8]byte
	h := cursor{b: r.read(head[:]), big: r.d.big}
	n, out := h.num(4), h.num(4)
	switch {
	case h.err != nil:
		fail("decompressing the data", h.err)
		return
	case n > maxChunk || out > maxChunk || out < uint64(size) || out%uint64(size) != 0:
		fail("decompressing the data", fmt.Errorf("want a chunk of at most %d bytes in whole pages of %d, not %d of %d", maxChunk, size, n, out))
		return
	case int64(n) > r.end()-r.next:
		fail("decompressing the data", io.ErrUnexpectedEOF)
		return
	}
	if uint64(cap(r.in)) < n {
		r.in = make([]byte, n)
	}
	data := r.read(r.in[:n])
	if uint64(len(data)) < n {
		fail("decompressing the data", io.ErrUnexpectedEOF)
		return
	}
	got, err := r.unpacker.unpack(c.data[:0], data, int(out))
	if err != nil {
		fail("decompressing the data", err)
		return
	}
	c.data = got
}

// chunkBytes are read at once of pages that are not compressed.
const chunkBytes = 1 << 18

// refill gets the next pages: read now, or those that ahead has read.
func (r *cpuReader) refill() error {
	if r.ahead == nil {
		r.fetch(&r.buf)
		r.chunk, r.base = r.buf.data, r.buf.base
		return r.buf.err
	}
	if r.buf.data != nil {
		r.free <- r.buf // there is room for all
	}
	c, ok := <-r.ahead
	if !ok {
		r.buf.data = nil
		return io.EOF
	}
	r.buf = c
	r.chunk, r.base = c.data, c.base
	return c.err
}

// readAhead reads and decompresses in a goroutine of its own until stop is closed.
func (r *cpuReader) readAhead(all *sync.WaitGroup, stop <-chan struct{}) {
	const buffers = 3
	ahead, free := make(chan chunk, buffers), make(chan chunk, buffers+1)
	r.ahead, r.free = ahead, free
	for range buffers {
		free <- chunk{}
	}
	all.Go(func() {
		defer close(ahead)
		for {
			var c chunk
			select {
			case c = <-free:
			case <-stop:
				return
			}
			r.fetch(&c)
			if c.err == io.EOF {
				return
			}
			select {
			case ahead <- c:
			case <-stop:
				return
			}
		}
	})
}

// turn begins the next page. It returns io.EOF at the end, or what is wrong with the page.
func (r *cpuReader) turn() error {
	size := r.d.pageSize
	if len(r.chunk) < size {
		r.chunk = nil
		if err := r.refill(); err != nil {
			r.chunk = nil
			return err
		}
	}
	page := r.chunk[:size]
	r.chunk = r.chunk[size:]
	l := &r.d.layout
	if l.data >= size {
		return r.d.fail(r.base, "reading a page", fmt.Errorf("want its records within %d bytes, header_page says from %d on", size, l.data))
	}
	stamp := r.dec.number(page, &l.stamp)
	commit := r.dec.number(page, &l.commit)
	n := int(commit & commitMask)
	if n > size-l.data {
		r.page = nil
		return r.d.fail(r.base, fmt.Sprintf("reading a page of CPU %d", r.cpu.cpu), fmt.Errorf("want at most %d bytes of records, not %d", size-l.data, n))
	}
	// A page may begin before the last record of the one before: clocks are set at boot, and pages may be out of order.
	// Its records are good all the same.
	r.page, r.ts = page[l.data:][:n], stamp
	if commit&missedEvents != 0 {
		r.missed = -1
		if commit&missedStored != 0 && n+8 <= size-l.data {
			r.missed = int64(r.dec.number(page[l.data+n:], &field{size: r.d.long}))
		}
	}
	return nil
}

// event decodes the next record into ev: io.EOF at the end, or damage, after which the next call goes on.
func (r *cpuReader) event(ev *Event) error {
	l := &r.d.layout
	for {
		b := r.page
		if len(b) < 4 {
			if err := r.turn(); err != nil {
				return err
			}
			continue
		}
		var head, typ, delta uint32
		if r.d.big {
			head = binary.BigEndian.Uint32(b)
			typ, delta = head>>l.deltaBits, head&(1<<l.deltaBits-1)
		} else {
			head = binary.LittleEndian.Uint32(b)
			typ, delta = head&(1<<l.typeBits-1), head>>l.typeBits
		}
		b = b[4:]
		n := int(typ) * 4
		if typ == 0 || typ > l.dataMax {
			if typ == l.padding && delta == 0 {
				r.page = nil // the rest of the page is empty
				continue
			}
			if len(b) < 4 {
				r.page = nil
				return r.damaged("a record is cut off")
			}
			word := uint32(r.dec.number(b, &field{size: 4}))
			switch typ {
			case 0:
				n = int(word) - 4
				if n < 0 || n > len(b)-4 {
					r.page = nil
					return r.damaged(fmt.Sprintf("want a record of at most %d bytes, not %d", len(b)-4, n))
				}
				b = b[4:]
				n = min((n+3)&^3, len(b))
			case l.padding:
				r.ts += uint64(delta)
				if uint64(word) > uint64(len(b)) {
					word = uint32(len(b))
				}
				r.page = b[max(word, 4):]
				continue
			case l.extend:
				r.ts += uint64(delta) + uint64(word)<<l.deltaBits
				r.page = b[4:]
				continue
			case l.stamp31:
				// The upper five bits do not fit and are those of the time before.
				r.ts = (uint64(delta) + uint64(word)<<l.deltaBits) | r.ts&(0x1f<<59)
				r.page = b[4:]
				continue
			default:
				r.page = nil
				return r.damaged(fmt.Sprintf("a record has the unknown type %d", typ))
			}
		}
		if n > len(b) {
			r.page = nil
			return r.damaged(fmt.Sprintf("want a record of at most %d bytes, not %d", len(b), n))
		}
		r.ts += uint64(delta)
		rec := b[:n]
		if r.missed != 0 {
			// The record itself comes next.
			r.ts -= uint64(delta)
			*ev = Event{Kind: Lost, Point: "lost", CPU: r.cpu.cpu, Num: r.missed, TGID: -1, Time: r.d.time(r.ts + uint64(delta))}
			r.missed = 0
			return nil
		}
		r.page = b[n:]
		return r.decode(rec, ev)
	}
}

func (r *cpuReader) damaged(what string) error {
	return r.d.fail(r.base, fmt.Sprintf("reading a record of CPU %d", r.cpu.cpu), errors.New(what))
}

// decode takes a record apart.
func (r *cpuReader) decode(rec []byte, ev *Event) error {
	c := &r.common
	if len(rec) < c.pid.offset+c.pid.size {
		return r.damaged(fmt.Sprintf("want at least %d bytes in a record, not %d", c.pid.offset+c.pid.size, len(rec)))
	}
	var id int
	var pid int32
	var flags, depth uint8
	if r.packed {
		w := binary.LittleEndian.Uint64(rec)
		id, flags, depth, pid = int(w&0xffff), uint8(w>>16), uint8(w>>24), int32(w>>32)
	} else {
		id, pid = int(r.dec.number(rec, &c.typ)), int32(r.dec.number(rec, &c.pid))
		if c.flags.kind == fieldNumber && c.preempt.kind == fieldNumber {
			flags, depth = uint8(r.dec.number(rec, &c.flags)), uint8(r.dec.number(rec, &c.preempt))
		}
	}
	if pid != r.pid {
		r.pid, r.comm = pid, r.d.comm(pid)
	}
	*ev = Event{}
	ev.CPU, ev.PID, ev.TGID, ev.Comm, ev.Time = r.cpu.cpu, pid, -1, r.comm, r.d.time(r.ts)
	if c.flags.kind == fieldNumber && c.preempt.kind == fieldNumber {
		ev.Flags = Flags(flags) | FlagsKnown
		ev.Preempt, ev.Migrate = depth&15, depth>>4
	}
	if id < 0 || id >= len(r.d.table) || r.d.table[id] == nil {
		return r.damaged(fmt.Sprintf("the file has no format of event %d", id))
	}
	if err := r.dec.decode(r.d.table[id], rec, ev); err != nil {
		return r.damaged(err.Error())
	}
	return nil
}

// stream is what the merge sees of a CPU: its events in batches, decoded ahead if there are cores for it.
type stream struct {
	batch []item
	at    int
	more  func() []item // the next batch, which is its caller's until the call after; empty at the end
}

type item struct {
	ev  Event
	err error
}

const batchSize = 512

func (r *cpuReader) fill(b []item) []item {
	for i := range b {
		it := &b[i]
		if it.err = r.event(&it.ev); it.err == io.EOF {
			return b[:i]
		} else if it.err != nil {
			it.ev.Time = r.d.time(r.ts) // in its place in time
		}
	}
	return b
}

func (d *datSource) run(yield func(*Event, error) bool) {
	for _, err := range d.damage {
		if !yield(nil, err) {
			return
		}
	}
	if d.text != nil {
		d.text.run(yield)
		return
	}
	d.symbols.parse() // before it is shared
	var streams []*stream
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(stop)
	for _, c := range d.cpus {
		r, err := d.reader(c)
		if err != nil {
			if !yield(nil, err) {
				return
			}
			continue
		}
		s := &stream{}
		if d.jobs > 1 {
			r.dec.symbols = &symbols{addrs: d.symbols.addrs, names: d.symbols.names, start: d.symbols.start, parsed: true}
			r.readAhead(&all, stop)
			full, empty := make(chan []item, 4), make(chan []item, 4)
			for range 4 {
				empty <- make([]item, batchSize)
			}
			all.Go(func() {
				defer close(full)
				for {
					var b []item
					select {
					case b = <-empty:
					case <-stop:
						return
					}
					b = r.fill(b[:batchSize])
					if len(b) == 0 {
						return
					}
					select {
					case full <- b:
					case <-stop:
						return
					}
				}
			})
			var last []item
			s.more = func() []item {
				if last != nil {
					empty <- last // has room for all there are
				}
				last = <-full
				return last
			}
		} else {
			b := make([]item, 16)
			s.more = func() []item { return r.fill(b) }
		}
		if s.batch = s.more(); len(s.batch) > 0 {
			streams = append(streams, s)
		}
	}
	d.merge(streams, yield)
}

// merge delivers the events of all CPUs by time, those of one time by the order of the CPUs in the file.
func (d *datSource) merge(streams []*stream, yield func(*Event, error) bool) {
	for len(streams) > 0 {
		// The first, and up to when it stays so.
		first, limit := 0, ^uint64(0)
		for i, s := range streams {
			t := s.batch[s.at].ev.Time
			f := streams[first]
			switch {
			case i == 0:
			case t < f.batch[f.at].ev.Time:
				limit = f.batch[f.at].ev.Time
				if limit > 0 {
					limit-- // at the same time, the one before goes first
				}
				first = i
			case t < limit:
				limit = t
			}
		}
		s := streams[first]
		for s.batch[s.at].ev.Time <= limit || s.batch[s.at].err != nil {
			it := &s.batch[s.at]
			ok := false
			if it.err != nil {
				ok = yield(nil, it.err)
			} else {
				ok = yield(&it.ev, nil)
			}
			if !ok {
				return
			}
			if s.at++; s.at == len(s.batch) {
				if s.batch, s.at = s.more(), 0; len(s.batch) == 0 {
					streams = append(streams[:first], streams[first+1:]...)
					break
				}
			}
		}
	}
}
