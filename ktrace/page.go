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
	dec      *decoder
	cpu      cpuData
	next     int64 // offset of the next chunk or page in the file
	left     uint32
	unpacker *datSource // decompresses; each goroutine has its own

	chunk  []byte // decompressed; pages are taken from it
	buf    chunk  // what it is part of
	held   bool   // buf is of the goroutine that reads ahead
	in     []byte
	ahead  <-chan chunk // read ahead, or nil
	free   chan<- chunk
	page   []byte // records that are left
	base   int64  // where the page is, for messages
	ts     uint64
	missed int64 // records lost before the next one, -1 if unknown; 0: none
	empty  bool  // the page before had no records
	common commonFields
	least  int  // bytes of a record that has them
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

// reader makes a reader of a CPU. Readers that share dec and unpacker are for one goroutine.
func (d *datSource) reader(c cpuData, common commonFields, dec *decoder, unpacker *datSource) (*cpuReader, error) {
	r := &cpuReader{d: d, cpu: c, next: c.offset, common: common, pid: -1, dec: dec, unpacker: unpacker}
	if r.common.typ.kind != fieldNumber || r.common.pid.kind != fieldNumber {
		return nil, d.fail(c.offset, fmt.Sprintf("reading CPU %d", c.cpu), errors.New("want the format of an event with common_type and common_pid"))
	}
	k := &r.common
	for _, fd := range []*field{&k.typ, &k.flags, &k.preempt, &k.pid} {
		if fd.kind == fieldNumber {
			r.least = max(r.least, fd.offset+fd.size)
		}
	}
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
	}
	return r, nil
}

// read fills b from the file, within the CPU's data. It returns what is there.
func (r *cpuReader) read(b []byte) []byte {
	b = b[:max(min(int64(len(b)), r.cpu.end-r.next), 0)]
	n, _ := r.d.in.ReadAt(b, r.next) // what could not be read is missing below
	r.next += int64(n)
	return b[:n]
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
	fail := func(err error) {
		c.err = r.d.fail(c.base, fmt.Sprintf("decompressing the data of CPU %d", r.cpu.cpu), err)
	}
	if !r.cpu.packed {
		n := max(size, min(chunkBytes, bufferBytes/len(r.d.cpus))/size*size)
		if c.data = r.read(slices.Grow(c.data[:0], n)[:n]); len(c.data) == 0 {
			c.err = io.EOF
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
	case h.err != nil, int64(n) > r.cpu.end-r.next:
		r.left = 0
		fail(io.ErrUnexpectedEOF)
		return
	case n > maxChunk || out > maxChunk || out < uint64(size) || out%uint64(size) != 0:
		// The next chunk is where this one ends, if it is its size that can be believed.
		r.next += int64(n)
		fail(fmt.Errorf("want a chunk of at most %d bytes in whole pages of %d, not %d of %d", maxChunk, size, n, out))
		return
	}
	if uint64(cap(r.in)) < n {
		r.in = make([]byte, n)
	}
	data := r.read(r.in[:n])
	if uint64(len(data)) < n {
		r.left = 0
		fail(io.ErrUnexpectedEOF)
		return
	}
	got, err := r.unpacker.unpack(c.data[:0], data, int(out))
	if err != nil {
		fail(err)
		return
	}
	c.data = got
}

// chunkBytes are read at once of pages that are not compressed, at most; those of all CPUs fill bufferBytes.
const (
	chunkBytes  = 1 << 18
	bufferBytes = 1 << 24
)

// refill gets the next pages: read now, or those that ahead has read.
func (r *cpuReader) refill() error {
	if r.ahead == nil {
		r.fetch(&r.buf)
		r.chunk, r.base = r.buf.data, r.buf.base
		return r.buf.err
	}
	if r.held {
		r.free <- r.buf // there is room for all
	}
	var c chunk
	if c, r.held = <-r.ahead; !r.held {
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

// turn begins the next page. It returns io.EOF at the end, or what is wrong with the page; there may be records of it all
// the same.
func (r *cpuReader) turn() error {
	size := r.d.pageSize
	if len(r.chunk) == 0 {
		if err := r.refill(); err != nil {
			r.chunk, r.missed = nil, -1
			return err
		}
	}
	page := r.chunk[:min(size, len(r.chunk))]
	base := r.base
	r.chunk = r.chunk[len(page):]
	if !r.cpu.packed {
		r.base += int64(len(page))
	}
	l := &r.d.layout
	if l.data >= size {
		return r.d.fail(base, "reading a page", fmt.Errorf("want its records within %d bytes, header_page says from %d on", size, l.data))
	}
	if len(page) < l.data {
		return r.d.fail(base, fmt.Sprintf("reading a page of CPU %d", r.cpu.cpu), io.ErrUnexpectedEOF)
	}
	stamp := r.dec.number(page, &l.stamp)
	commit := r.dec.number(page, &l.commit)
	n := int(commit & commitMask)
	if n > size-l.data {
		r.missed = -1
		return r.d.fail(base, fmt.Sprintf("reading a page of CPU %d", r.cpu.cpu), fmt.Errorf("want at most %d bytes of records, not %d", size-l.data, n))
	}
	if rest := commit &^ (commitMask | missedEvents | missedStored); rest != 0 {
		r.missed = -1
		return r.d.fail(base, fmt.Sprintf("reading a page of CPU %d", r.cpu.cpu), fmt.Errorf("want a number of bytes and what was missed, not %#x", commit))
	}
	// The kernel writes out no empty page before another one.
	if r.empty && n > 0 && r.missed == 0 {
		r.missed = -1
	}
	r.empty = n == 0
	if commit&missedEvents != 0 {
		lost := int64(-1)
		if commit&missedStored != 0 && l.data+n+r.d.long <= len(page) {
			lost = int64(r.dec.number(page[l.data+n:], &field{size: r.d.long}))
		}
		if r.missed == 0 {
			r.missed = lost
		}
	}
	// A page may begin before the last record of the one before: clocks are set at boot, and pages may be out of order.
	// Its records are good all the same.
	r.page, r.ts = page[l.data:][:min(n, len(page)-l.data)], stamp
	if len(r.page) < n {
		return r.d.fail(base+int64(len(page)), fmt.Sprintf("reading a page of CPU %d", r.cpu.cpu), io.ErrUnexpectedEOF)
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
				return r.torn("a record is cut off")
			}
			word := uint32(r.dec.number(b, &field{size: 4}))
			switch typ {
			case 0:
				n = int(word) - 4
				if n < 0 || n > len(b)-4 {
					return r.torn(fmt.Sprintf("want a record of at most %d bytes, not %d", len(b)-4, n))
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
				return r.torn(fmt.Sprintf("a record has the unknown type %d", typ))
			}
		}
		if n > len(b) {
			return r.torn(fmt.Sprintf("want a record of at most %d bytes, not %d", len(b), n))
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

// torn gives up the rest of the page, whose records are lost.
func (r *cpuReader) torn(what string) error {
	r.page, r.missed = nil, -1
	return r.damaged(what)
}

func (r *cpuReader) damaged(what string) error {
	return r.d.fail(r.base, fmt.Sprintf("reading a record of CPU %d", r.cpu.cpu), errors.New(what))
}

// decode takes a record apart.
func (r *cpuReader) decode(rec []byte, ev *Event) error {
	c := &r.common
	if len(rec) < r.least {
		r.missed = -1
		return r.damaged(fmt.Sprintf("want at least %d bytes in a record, not %d", r.least, len(rec)))
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
		r.missed = -1
		return r.damaged(err.Error())
	}
	return nil
}

// stream is what the merge sees of a CPU: its events in batches, decoded ahead if there are cores for it.
type stream struct {
	order int // among the CPUs of the file
	batch []item
	at    int
	more  func() []item // the next batch, which is its caller's until the call after; empty at the end
}

type item struct {
	ev  Event
	err error
}

const (
	batchEvents = 1 << 14 // of all CPUs together
	maxAhead    = 1 << 10 // CPUs that are decoded side by side
)

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
	ahead := d.jobs > 1 && len(d.cpus) <= maxAhead
	batch := batchEvents / (len(d.cpus) + 1)
	if ahead {
		batch = min(max(batch, 16), 512)
	} else {
		batch = 16 // stays in the cache
	}
	common := d.common()
	dec, unpacker := &decoder{big: d.big, symbols: d.symbols}, &datSource{compress: d.compress}
	streams := make([]*stream, 0, len(d.cpus))
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(stop)
	for order, c := range d.cpus {
		if ahead {
			symbols := &symbols{addrs: d.symbols.addrs, names: d.symbols.names, start: d.symbols.start, parsed: true}
			dec, unpacker = &decoder{big: d.big, symbols: symbols}, &datSource{compress: d.compress}
		}
		r, err := d.reader(c, common, dec, unpacker)
		if err != nil {
			if !yield(nil, err) {
				return
			}
			continue
		}
		s := &stream{order: order}
		if ahead {
			r.readAhead(&all, stop)
			full, empty := make(chan []item, 4), make(chan []item, 4)
			for range 4 {
				empty <- make([]item, batch)
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
					b = r.fill(b[:batch])
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
			b := make([]item, batch)
			s.more = func() []item { return r.fill(b) }
		}
		if s.batch = s.more(); len(s.batch) > 0 {
			streams = append(streams, s)
		}
	}
	d.merge(streams, yield)
}

// before reports whether the next of s goes before the next of o.
func (s *stream) before(o *stream) bool {
	a, b := s.batch[s.at].ev.Time, o.batch[o.at].ev.Time
	return a < b || a == b && s.order < o.order
}

// sift moves stream i of a heap down to its place.
func sift(heap []*stream, i int) {
	for {
		c := 2*i + 1
		if c >= len(heap) {
			return
		}
		if c+1 < len(heap) && heap[c+1].before(heap[c]) {
			c++
		}
		if !heap[c].before(heap[i]) {
			return
		}
		heap[i], heap[c] = heap[c], heap[i]
		i = c
	}
}

// merge delivers the events of all CPUs by time, those of one time by the order of the CPUs in the file.
func (d *datSource) merge(heap []*stream, yield func(*Event, error) bool) {
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sift(heap, i)
	}
	for len(heap) > 0 {
		// The first goes on up to when the next one has its turn.
		s, limit := heap[0], ^uint64(0)
		for _, o := range heap[1:min(3, len(heap))] {
			t := o.batch[o.at].ev.Time
			if o.order < s.order && t > 0 {
				t-- // at the same time, the other goes first
			}
			limit = min(limit, t)
		}
		for {
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
					heap[0] = heap[len(heap)-1]
					heap = heap[:len(heap)-1]
					break
				}
			}
			if s.batch[s.at].ev.Time > limit {
				break
			}
		}
		sift(heap, 0)
	}
}
