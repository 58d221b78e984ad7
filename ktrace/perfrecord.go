package ktrace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// Types of records. Those from 64 on are perf's own, the others are of the kernel.
const (
	perfMmap        = 1
	perfLost        = 2
	perfCommRecord  = 3
	perfExit        = 4
	perfFork        = 7
	perfSample      = 9
	perfLostSamples = 13
	perfKernelTypes = 32 // no kernel has more; 6.18 has 22

	perfHeaderAttr    = 64
	perfTracingData   = 66
	perfFinishedRound = 68
	perfAuxtrace      = 71
	perfEventUpdate   = 78
	perfHeaderFeature = 80
	perfCompressed    = 81
	perfCompressed2   = 83
	perfTypes         = 96
)

// perfWindow is what is looked at to find the next record behind damage; three of the longest records fit.
const perfWindow = 256 << 10

// maxPerfComms bounds the tasks whose names are kept. Those that have ended are forgotten first.
const maxPerfComms = 1 << 18

// maxPerfGarbage is how much that is no records may come out of compressed ones: a few bytes decompress to gigabytes.
const maxPerfGarbage = 16 << 20

// perfComm is the name of a thread.
type perfComm struct {
	name  string
	ended bool
}

func (p *perfSource) run(yield func(*Event, error) bool) {
	p.yield = yield
	for _, err := range p.damage {
		if !p.give(err) {
			return
		}
	}
	for !p.done {
		rec, ok := p.next()
		if !ok {
			break
		}
		p.outerRecord(rec)
		if len(p.payload) > 0 {
			p.unpack()
		}
	}
	if p.zstd != nil {
		p.zstd.Close()
	}
	if len(p.carry) > 0 {
		p.fault(p.outer, "reading compressed records", "want the rest of a record whose first %d bytes are there", len(p.carry))
	}
	if p.done || !p.queue.finish(p.deliver) {
		return
	}
	if n := p.queue.late; n > 0 {
		p.fault(p.queue.lateAt, "putting records in order", "%d records are older than what was recorded a round before; they come late", n)
	}
	for _, f := range p.faults {
		if f.more > 0 && !p.give(p.fail(f.offset, f.doing, fmt.Errorf("that fails %d times more", f.more))) {
			return
		}
	}
}

func (p *perfSource) give(err error) bool {
	p.done = p.done || !p.yield(nil, err)
	return !p.done
}

// fault says damage, the first of its sort. The others are only counted, as there may be many.
func (p *perfSource) fault(at int64, doing, format string, args ...any) {
	if p.done {
		return
	}
	for i := range p.faults {
		if p.faults[i].doing == doing {
			p.faults[i].more++
			return
		}
	}
	if len(p.faults) == maxPerfFaults {
		p.faults[maxPerfFaults-1].more++
		return
	}
	p.faults = append(p.faults, perfFault{doing: doing, offset: at})
	p.give(p.fail(at, doing, fmt.Errorf(format, args...)))
}

// skip passes over bytes.
func (p *perfSource) skip(n uint64) error {
	for n > 0 {
		k, err := p.r.Discard(int(min(n, 1<<30)))
		p.at += int64(k)
		n -= uint64(k)
		if err != nil {
			return p.fail(p.at, "reading records", err)
		}
	}
	return nil
}

// next returns the next record of the file, until the next call.
func (p *perfSource) next() ([]byte, bool) {
	const doing = "reading a record"
	for !p.done {
		head, err := p.r.Peek(8)
		if len(head) < 8 {
			if len(head) > 0 || !errors.Is(err, io.EOF) {
				p.fault(p.at, doing, "%w", err)
				_ = p.skip(uint64(len(head)))
			}
			return nil, false
		}
		typ, size := p.u32(head), int(p.u16(head[6:]))
		if !plausible(typ, size) {
			p.fault(p.at, doing, "want a type below %d and a size of at least 8 that 8 divides, not %d and %d; going on where records are found again", perfTypes, typ, size)
			p.resync()
			continue
		}
		rec, err := p.r.Peek(size)
		p.outer = p.at
		_, _ = p.r.Discard(len(rec))
		p.at += int64(len(rec))
		if len(rec) < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			p.fault(p.outer, doing, "want %d bytes, not %d: %w", size, len(rec), err)
			// Blocks may be whole in what there is of a compressed record.
			return rec, typ == perfCompressed && len(rec) > 8
		}
		return rec, true
	}
	return nil, false
}

// plausible reports whether a record may have the type and size. Those of the kernel are aligned.
func plausible(typ uint32, size int) bool {
	return size >= 8 && typ > 0 && (typ < perfKernelTypes && size%8 == 0 || perfHeaderAttr <= typ && typ < perfTypes)
}

// resync goes to the next place from which records follow each other.
func (p *perfSource) resync() {
	_ = p.skip(1)
	for {
		// What is in the buffer is often enough, and to fill it costs a copy.
		w, _ := p.r.Peek(p.r.Buffered())
		i, ok := p.find(w, false)
		if _ = p.skip(uint64(i)); ok {
			return
		}
		if w, err := p.r.Peek(perfWindow); err != nil {
			i, _ = p.find(w, true)
			_ = p.skip(uint64(i))
			return
		}
	}
}

// find returns the first place in b where three records follow each other or, at the end of the input, fewer that end
// with it. If there is none it returns the place from which on that cannot be said.
func (p *perfSource) find(b []byte, end bool) (int, bool) {
	for i := range b {
		at := i
		for n := 0; ; n++ {
			if n == 3 || n > 0 && end && at == len(b) {
				return i, true
			}
			if at+8 > len(b) {
				if !end {
					return i, false
				}
				break
			}
			typ, size := p.u32(b[at:]), int(p.u16(b[at+6:]))
			if !plausible(typ, size) || size%8 != 0 && typ != perfCompressed {
				break
			}
			at += size
		}
	}
	return len(b), false
}

// outerRecord handles a record of the file itself.
func (p *perfSource) outerRecord(rec []byte) {
	at := p.outer
	switch typ := p.u32(rec); typ {
	case perfFinishedRound:
		p.done = p.done || !p.queue.round(p.deliver)
	case perfCompressed:
		p.payload = append(p.payload[:0], rec[8:]...)
	case perfCompressed2:
		if len(rec) < 16 || p.u64(rec[8:]) > uint64(len(rec)-16) {
			p.fault(at, "reading a compressed record", "want its size in a record of %d bytes", len(rec))
			return
		}
		p.payload = append(p.payload[:0], rec[16:][:p.u64(rec[8:])]...)
	case perfAuxtrace:
		// What a processor traced follows the record.
		if len(rec) >= 16 {
			if err := p.skip(p.u64(rec[8:])); err != nil {
				p.fault(at, "passing over the data of a processor's trace", "want %d bytes: %w", p.u64(rec[8:]), io.ErrUnexpectedEOF)
			}
		}
	case perfHeaderAttr:
		p.attrRecord(rec, at)
	case perfTracingData:
		if len(rec) < 12 {
			p.fault(at, "reading the formats of the tracepoints", "%w", io.ErrUnexpectedEOF)
			return
		}
		n := int64(p.u32(rec[8:]))
		var b bytes.Buffer // grows with what is there, not with what the size says
		k, err := io.CopyN(&b, p.r, min(n, maxPerfSection))
		p.at += k
		if err == nil {
			err = p.tracingData(b.Bytes())
		} else if err2 := p.tracingData(b.Bytes()); err2 != nil {
			err = fmt.Errorf("want %d bytes: %w", n, err2)
		}
		if err != nil {
			p.fault(at, "reading the formats of the tracepoints", "%w", err)
		}
		_ = p.skip(uint64(n - k))
	case perfHeaderFeature:
		if len(rec) >= 16 {
			if id := p.u64(rec[8:]); id < featCount && id != featTracingData {
				if err := p.feature(int(id), rec[16:]); err != nil {
					p.fault(at, fmt.Sprintf("reading section %d", id), "%w", err)
				}
			}
		}
	case perfEventUpdate:
		const name = 2
		if len(rec) > 24 && p.u64(rec[8:]) == name {
			if a := p.ids[p.u64(rec[16:])]; a != nil { // its attribute's
				a.name = string(cString(rec[24:]))
			}
		}
	default:
		p.record(rec, at)
	}
}

// attrRecord takes an event of a pipe: its attribute, and ids up to the end.
func (p *perfSource) attrRecord(rec []byte, at int64) {
	size := 64 // of the first version
	if len(rec) >= 16 {
		if size = int(p.u32(rec[12:])); size == 0 {
			size = 64
		}
	}
	if size < 64 || size > len(rec)-8 {
		p.fault(at, "reading an attribute", "want an attribute of at least 64 bytes in a record of %d, not %d", len(rec), size)
		return
	}
	p.add(p.parseAttr(rec[8:8+size]), rec[8+size:])
}

// packedReader is what the decoder reads: the bytes of the compressed records, which are one stream. Records between
// them are handled when the decoder has given all before them.
type packedReader struct{ *perfSource }

func (r packedReader) Read(b []byte) (int, error) {
	p := r.perfSource
	for len(p.payload) == 0 {
		rec, ok := p.next()
		if !ok || p.done {
			return 0, io.EOF
		}
		p.outerRecord(rec)
	}
	n := copy(b, p.payload)
	p.payload = p.payload[n:]
	return n, nil
}

// packedWriter takes what is decompressed.
type packedWriter struct{ *perfSource }

func (w packedWriter) Write(b []byte) (int, error) {
	if w.unpacked(b); w.done {
		return 0, io.ErrClosedPipe
	}
	if w.garbage > maxPerfGarbage {
		return 0, fmt.Errorf("want records in what is decompressed, and not %d bytes without; the rest is passed over", w.garbage)
	}
	return len(b), nil
}

// unpack decompresses from the payload on, until the end or damage.
func (p *perfSource) unpack() {
	const doing = "decompressing records"
	defer func() { p.payload = nil }()
	if p.garbage > maxPerfGarbage {
		return
	}
	if !bytes.HasPrefix(p.payload, zstdMagic) {
		p.fault(p.outer, doing, "want the begin of zstd data, %x: what follows damage is lost up to there", zstdMagic)
		return
	}
	var err error
	if p.zstd == nil {
		p.zstd, err = newZstd(packedReader{p})
	} else {
		err = p.zstd.Reset(packedReader{p})
	}
	if err == nil {
		_, err = p.zstd.WriteTo(packedWriter{p})
	}
	// perf record does not end its stream, which is no damage where records end.
	if err == nil || p.done || errors.Is(err, io.ErrUnexpectedEOF) {
		return
	}
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = fmt.Errorf("a window of more than 128 MB is %w", ErrUnsupported)
	}
	p.fault(p.outer, doing, "%w", err)
	p.carry = p.carry[:0]
}

// unpacked takes decompressed bytes, in which records may begin or end anywhere.
func (p *perfSource) unpacked(b []byte) {
	if len(p.carry) > 0 {
		p.carry = append(p.carry, b...)
		b = p.carry
	}
	for len(b) >= 8 && !p.done {
		typ, size := p.u32(b), int(p.u16(b[6:]))
		if !plausible(typ, size) {
			p.fault(p.outer, "reading a decompressed record", "want a type below %d and a size of at least 8 that 8 divides, not %d and %d", perfTypes, typ, size)
			i, _ := p.find(b[1:], true)
			b = b[1+i:]
			p.garbage += int64(1 + i)
			continue
		}
		if size > len(b) {
			break
		}
		p.record(b[:size], p.outer)
		b = b[size:]
	}
	p.carry = append(p.carry[:0], b...)
}

// record queues what is to be delivered.
func (p *perfSource) record(rec []byte, at int64) {
	switch p.u32(rec) {
	case perfSample, perfCommRecord, perfFork, perfExit, perfLost, perfLostSamples:
	case perfMmap:
		if len(rec) > 40 {
			p.kernelStart(string(cString(rec[40:])), p.u64(rec[32:]))
		}
		return
	default:
		return
	}
	time := p.timeOf(rec)
	if id := p.id; time != 0 && id != nil {
		// An event has its records in one buffer, in the order in which they were made.
		sum := checksum(rec)
		if time < id.last || time == id.last && sum == id.sum {
			p.ev = Event{Kind: Lost, Point: "lost", CPU: -1, TGID: -1, Num: -1, Time: time}
			p.done = p.done || !p.yield(&p.ev, nil)
		}
		id.last, id.sum = time, sum
	}
	if time == 0 {
		// perf's own records of what was there at the start.
		p.done = p.done || !p.deliver(rec, at)
		return
	}
	if p.queue.add(rec, time, at) {
		return
	}
	p.done = p.done || !p.queue.flush(len(p.queue.refs)/2, 0, p.deliver)
	if p.done || p.queue.add(rec, time, at) {
		return
	}
	p.done = !p.queue.finish(p.deliver)
	p.queue.add(rec, time, at)
}

// checksum tells records of one time apart.
func checksum(rec []byte) (sum uint64) {
	for ; len(rec) >= 8; rec = rec[8:] {
		sum = bits.RotateLeft64(sum, 5) ^ binary.LittleEndian.Uint64(rec)
	}
	return sum
}

// attrOf returns the event of a record, nil if there is none. It leaves the id in p.id if there is one.
func (p *perfSource) attrOf(rec []byte) *perfAttr {
	p.id = nil
	if len(p.attrs) == 0 {
		return nil
	}
	first := p.attrs[0]
	if len(p.attrs) == 1 {
		return first
	}
	// All events have their id at the same place: perf record sees to that.
	st, at := first.sampleType, 0
	switch sample := p.u32(rec) == perfSample; {
	case !sample && !first.idAll, st&(sampleIdentifier|sampleID) == 0:
		return first
	case sample && st&sampleIdentifier != 0:
		at = 8
	case sample:
		at = 8 + 8*bits.OnesCount64(st&(sampleIP|sampleTID|sampleTime|sampleAddr))
	case st&sampleIdentifier != 0:
		at = len(rec) - 8
	default:
		at = len(rec) - 8*bits.OnesCount64(st&(sampleID|sampleStreamID|sampleCPU))
	}
	if at < 8 || at+8 > len(rec) {
		return nil
	}
	id := p.u64(rec[at:])
	if id == 0 {
		return first // made by perf itself
	}
	if p.id = p.ids[id]; p.id == nil {
		return nil
	}
	return p.id.perfAttr
}

const trailerBits = sampleTID | sampleTime | sampleID | sampleStreamID | sampleCPU | sampleIdentifier

// trailer returns what stands at the end of a record that is no sample, from the given field on.
func (p *perfSource) trailer(a *perfAttr, rec []byte, field uint64) []byte {
	st := a.sampleType & trailerBits
	if !a.idAll || st&field == 0 || len(rec) < 8+8*bits.OnesCount64(st) {
		return nil
	}
	behind := uint64(0) // fields from this one on
	for _, f := range []uint64{sampleIdentifier, sampleCPU, sampleStreamID, sampleID, sampleTime, sampleTID} {
		if behind |= f; f == field {
			break
		}
	}
	return rec[len(rec)-8*bits.OnesCount64(st&behind):]
}

// timeOf returns the time of a record, 0 if it has none.
func (p *perfSource) timeOf(rec []byte) uint64 {
	a := p.attrOf(rec)
	if a == nil {
		return 0
	}
	var b []byte
	if p.u32(rec) == perfSample {
		if a.sampleType&sampleTime == 0 {
			return 0
		}
		b = rec[min(len(rec), 8+8*bits.OnesCount64(a.sampleType&(sampleIdentifier|sampleIP|sampleTID))):]
	} else {
		b = p.trailer(a, rec, sampleTime)
	}
	if len(b) < 8 {
		return 0
	}
	if t := p.u64(b); t != 1<<64-1 {
		return t
	}
	return 0
}

// deliver takes a record in the order of time. It reports false when the consumer wants no more.
func (p *perfSource) deliver(rec []byte, at int64) bool {
	rec = rec[:p.u16(rec[6:])]
	switch typ := p.u32(rec); typ {
	case perfSample:
		p.sample(rec, at)
	case perfCommRecord: // u32 pid, tid; name
		if len(rec) > 16 {
			p.setComm(int32(p.u32(rec[12:])), p.dec.intern(cString(rec[16:])))
		}
	case perfFork: // u32 pid, ppid, tid, ptid
		if len(rec) >= 24 {
			child, parent := int32(p.u32(rec[16:])), int32(p.u32(rec[20:]))
			if c, ok := p.comms[parent]; ok {
				p.setComm(child, c.name)
			} else {
				delete(p.comms, child)
			}
		}
	case perfExit: // likewise; it may have samples later
		if len(rec) >= 24 {
			tid := int32(p.u32(rec[16:]))
			if c, ok := p.comms[tid]; ok {
				p.comms[tid] = perfComm{c.name, true}
			}
		}
	case perfLost, perfLostSamples:
		p.lost(rec, typ)
	}
	return !p.done
}

func (p *perfSource) setComm(tid int32, name string) {
	if len(p.comms) >= maxPerfComms {
		for t, c := range p.comms {
			if c.ended {
				delete(p.comms, t)
			}
		}
		if len(p.comms) > maxPerfComms/2 {
			clear(p.comms)
		}
	}
	p.comms[tid] = perfComm{name: name}
}

// comm is the name of a thread, as perf has it.
func (p *perfSource) comm(tid int32) string {
	if c, ok := p.comms[tid]; ok {
		return c.name
	}
	if tid == 0 {
		return "swapper"
	}
	p.buf = strconv.AppendInt(append(p.buf[:0], ':'), int64(tid), 10)
	return p.dec.intern(p.buf)
}

// lost delivers that samples were lost: u64 id, lost; or u64 lost.
func (p *perfSource) lost(rec []byte, typ uint32) {
	const byFilter = 1 << 15 // dropped as the user wished
	at := 16
	if typ == perfLostSamples {
		if at = 8; p.u16(rec[4:])&byFilter != 0 {
			return
		}
	}
	if len(rec) < at+8 {
		return
	}
	p.ev = Event{Kind: Lost, Point: "lost", CPU: -1, TGID: -1, Num: int64(p.u64(rec[at:])), Time: p.timeOf(rec)}
	if p.ev.Time == 0 {
		p.ev.Time = p.queue.last
	}
	if a := p.attrOf(rec); a != nil {
		if b := p.trailer(a, rec, sampleCPU); b != nil {
			p.ev.CPU = int32(p.u32(b))
		}
	}
	p.done = p.done || !p.yield(&p.ev, nil)
}

// sample delivers a sample.
func (p *perfSource) sample(rec []byte, at int64) {
	a := p.attrOf(rec)
	if a == nil {
		p.fault(at, "finding the event of a sample", "want an id that belongs to an attribute")
		return
	}
	c := cursor{b: rec, at: 8, big: p.big}
	st := a.sampleType
	ev := &p.ev
	*ev = Event{CPU: -1, PID: -1, TGID: -1}
	skip := func(field uint64) {
		if st&field != 0 {
			c.take(8)
		}
	}
	skip(sampleIdentifier)
	skip(sampleIP)
	if st&sampleTID != 0 {
		ev.TGID, ev.PID = int32(c.num(4)), int32(c.num(4))
	}
	if st&sampleTime != 0 {
		ev.Time = c.num(8)
	}
	skip(sampleAddr)
	skip(sampleID)
	skip(sampleStreamID)
	if st&sampleCPU != 0 {
		ev.CPU = int32(c.num(4))
		c.take(4)
	}
	skip(samplePeriod)
	if st&sampleRead != 0 {
		const enabled, running, id, group, lost = 1, 2, 4, 8, 16
		times := bits.OnesCount64(a.readFormat & (enabled | running))
		each := 1 + bits.OnesCount64(a.readFormat&(id|lost))
		n := uint64(1)
		if a.readFormat&group != 0 {
			n = min(c.num(8), uint64(len(rec)))
		}
		c.take(8 * (times + int(n)*each))
	}
	if st&sampleCallchain != 0 {
		c.take(8 * int(min(c.num(8), uint64(len(rec)))))
	}
	var raw []byte
	if st&sampleRaw != 0 {
		raw = c.take(int(min(c.num(4), 1<<16)))
	}
	if c.err != nil {
		p.fault(at, "reading a sample", "want its fields in %d bytes: %w", len(rec), c.err)
		return
	}
	ev.Comm = p.comm(ev.PID)
	f := p.formats[int(a.config)]
	switch {
	case a.typ != perfTracepoint:
		ev.Kind, ev.Point = Raw, a.name
	case f == nil || st&sampleRaw == 0:
		ev.Kind, ev.Point = Raw, a.name
		p.fault(at, "finding the format of a sample", "want a format with the ID %d, and a sample with raw data", a.config)
	default:
		if f.flags.kind == fieldNumber && len(raw) >= f.flags.offset+f.flags.size {
			ev.Flags = Flags(p.dec.number(raw, &f.flags)&0xff) | FlagsKnown
		}
		if f.preempt.kind == fieldNumber && len(raw) >= f.preempt.offset+f.preempt.size {
			v := p.dec.number(raw, &f.preempt)
			ev.Preempt, ev.Migrate = uint8(v&15), uint8(v>>4&15)
		}
		if err := p.dec.decode(f.format, raw, ev); err != nil {
			p.fault(at, "reading a sample", "%w", err)
			return
		}
	}
	p.done = p.done || !p.yield(ev, nil)
}
