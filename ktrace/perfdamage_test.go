package ktrace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// perfFile builds a small perf.data, of a perf record over two CPUs.
type perfFile struct {
	big, pipe  bool
	packed     uint32 // type of compressed records, 0 for none
	noAux      bool   // no trace of a processor
	identifier bool   // the ids of events are IDENTIFIER, else ID

	out []byte

	plain      []byte // to be compressed
	compressed bytes.Buffer
	enc        *zstd.Encoder
}

// packedSize is what goes into a compressed record; records of the kernel begin in one and end in the next.
const packedSize = 100

func (f *perfFile) order() interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if f.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// pack puts values one behind the other; an int has 64 bits.
func (f *perfFile) pack(values ...any) (b []byte) {
	for _, v := range values {
		switch v := v.(type) {
		case uint8:
			b = append(b, v)
		case uint16:
			b = f.order().AppendUint16(b, v)
		case uint32:
			b = f.order().AppendUint32(b, v)
		case int:
			b = f.order().AppendUint64(b, uint64(v))
		case string:
			b = append(b, v...)
		case []byte:
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("packing a %T", v))
		}
	}
	return b
}

func align(b []byte) []byte { return append(b, make([]byte, -len(b)&7)...) }

// put writes a record of perf itself.
func (f *perfFile) put(typ uint32, values ...any) {
	body := f.pack(values...)
	if typ != perfCompressed {
		body = align(body)
	}
	f.out = append(f.out, f.pack(typ, uint16(0), uint16(8+len(body)), body)...)
}

// kernel writes a record of the kernel.
func (f *perfFile) kernel(typ uint32, misc uint16, values ...any) {
	body := align(f.pack(values...))
	rec := f.pack(typ, misc, uint16(8+len(body)), body)
	if f.packed == 0 {
		f.out = append(f.out, rec...)
		return
	}
	for f.plain = append(f.plain, rec...); len(f.plain) >= packedSize; {
		f.flush(packedSize)
	}
}

// flush writes a compressed record with n bytes. All of them are one stream.
func (f *perfFile) flush(n int) {
	if n == 0 {
		return
	}
	if f.enc == nil {
		f.enc, _ = zstd.NewWriter(&f.compressed, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10))
	}
	_, _ = f.enc.Write(f.plain[:n])
	_ = f.enc.Flush()
	f.plain = f.plain[n:]
	b := slices.Clone(f.compressed.Bytes())
	f.compressed.Reset()
	if f.packed == perfCompressed2 {
		f.put(f.packed, len(b), b)
	} else {
		f.put(f.packed, b)
	}
}

func (f *perfFile) round() {
	f.flush(len(f.plain))
	f.put(perfFinishedRound)
}

func (f *perfFile) formats() []byte {
	format := func(name string, id int, fields, printed string) []byte {
		s := fmt.Sprintf("name: %s\nID: %d\nformat:\n"+
			"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"+
			"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"+
			"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"+
			"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n%s\nprint fmt: %s\n", name, id, fields, printed)
		return f.pack(len(s), s)
	}
	const addr = "\tfield:void * lockdep_addr;\toffset:16;\tsize:8;\tsigned:0;\n"
	const name = "\tfield:__data_loc char[] name;\toffset:12;\tsize:4;\tsigned:0;\n"
	const page = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n"
	order := uint8(0)
	if f.big {
		order = 1
	}
	return f.pack("\x17\x08\x44tracing0.6\x00", order, uint8(8), uint32(4096), "header_page\x00", len(page), page, "header_event\x00", 8, "# event\n",
		uint32(0), uint32(1), "lock\x00", uint32(2),
		format("lock_acquire", 10, "\tfield:unsigned int flags;\toffset:8;\tsize:4;\tsigned:0;\n"+name+addr,
			`"%p %s%s%s", REC->lockdep_addr, (REC->flags & 1) ? "try " : "", (REC->flags & 2) ? "read " : "", __get_str(name)`),
		format("lock_release", 11, name+addr, `"%p %s", REC->lockdep_addr, __get_str(name)`), uint32(0), uint32(0), 0)
}

// events are the attributes, each with an id a CPU: the tracepoints 10 and 11, and page-faults.
var perfEvents = []struct{ typ, config, id int }{{2, 10, 100}, {2, 11, 102}, {1, 2, 104}}

func (f *perfFile) attr(typ, config int) []byte {
	st := sampleIP | sampleTID | sampleTime | sampleCPU | samplePeriod | sampleCallchain | sampleRead
	if typ == perfTracepoint {
		st |= sampleRaw
	}
	if f.identifier {
		st |= sampleIdentifier
	} else {
		st |= sampleID
	}
	flags := make([]byte, 8)
	if flags[2] = 1 << 2; f.big {
		flags[2] = 1 << 5
	}
	const readFormat = 1 | 4 // time enabled, id
	return f.pack(uint32(typ), uint32(80), config, 1, st, readFormat, flags, make([]byte, 80-48))
}

// trailer is what stands behind a record that is no sample.
func (f *perfFile) trailer(tid, time, cpu int) []byte {
	b := f.pack(uint32(tid), uint32(tid), time)
	if !f.identifier {
		b = f.pack(b, 100+cpu)
	}
	b = f.pack(b, uint32(cpu), uint32(0))
	if f.identifier {
		b = f.pack(b, 100+cpu)
	}
	return b
}

func (f *perfFile) sample(event, tid, time, cpu int, raw []byte) {
	id := perfEvents[event].id + cpu
	var b []byte
	if f.identifier {
		b = f.pack(id)
	}
	b = f.pack(b, 0x1234, uint32(tid), uint32(tid), time)
	if !f.identifier {
		b = f.pack(b, id)
	}
	b = f.pack(b, uint32(cpu), uint32(0), 1, time, 6, id, 2, 0x11, 0x22)
	if raw != nil {
		// The kernel's size counts what fills up to 8 bytes.
		n := (len(raw)+4+7)&^7 - 4
		b = f.pack(b, uint32(n), raw, make([]byte, n-len(raw)))
	}
	f.kernel(perfSample, 0, b)
}

// lock is a sample of lock_acquire or lock_release.
func (f *perfFile) lock(event, tid, time, cpu int, name string) {
	loc := uint32(24 | (len(name)+1)<<16)
	raw := f.pack(uint16(10+event), uint8(HardIRQ), uint8(0x21), uint32(tid), uint32(Read), loc, 0xabcd, name, uint8(0))
	f.sample(event, tid, time, cpu, raw)
}

func (f *perfFile) comm(tid, time, cpu int, name string) {
	f.kernel(perfCommRecord, 0, uint32(tid), uint32(tid), align([]byte(name+"\x00")), f.trailer(tid, time, cpu))
}

// build makes the file. Its events are perfWant.
func (f *perfFile) build() []byte {
	magic := perfMagic
	if f.big {
		magic = perfSwap
	}
	if f.pipe {
		f.out = f.pack(magic, perfPipeSize)
		for _, e := range perfEvents {
			f.put(perfHeaderAttr, f.attr(e.typ, e.config), e.id, e.id+1)
		}
		f.put(perfEventUpdate, 2, 104, "page-faults\x00")
		b := align(f.formats())
		f.put(perfTracingData, uint32(len(b)), uint32(0))
		f.out = append(f.out, b...)
	} else {
		f.out = make([]byte, perfHeaderSize)
	}
	f.comm(7, 0, 0, "seven")
	f.lock(0, 7, 1000, 0, "a")
	f.lock(1, 7, 3000, 0, "a")
	f.round()
	f.lock(0, 8, 2000, 1, "b")
	f.comm(8, 2050, 1, "eight")
	f.kernel(perfFork, 0, uint32(9), uint32(7), uint32(9), uint32(7), 2100, f.trailer(9, 2100, 1))
	f.lock(0, 9, 2200, 1, "c")
	f.comm(9, 2300, 1, "nine")
	f.lock(1, 9, 2400, 1, "c")
	f.kernel(perfLost, 0, 101, 5, f.trailer(0, 2500, 1))
	f.round()
	if !f.noAux {
		f.put(perfAuxtrace, 24, 0, 0, uint32(0), uint32(0), uint32(0), uint32(0))
		f.out = append(f.out, "what a processor has tra"...)
	}
	f.sample(2, 0, 3500, 0, nil)
	f.kernel(perfExit, 0, uint32(9), uint32(7), uint32(9), uint32(7), 3600, f.trailer(9, 3600, 0))
	f.kernel(perfFork, 0, uint32(7), uint32(55), uint32(7), uint32(55), 3610, f.trailer(7, 3610, 0))
	f.lock(0, 7, 3650, 0, "another 7")
	f.lock(1, 9, 3700, 0, "a much longer name than the others have")
	f.kernel(perfLostSamples, 1<<15, 77, f.trailer(0, 3800, 0))
	f.kernel(perfLostSamples, 0, 3, f.trailer(0, 3800, 0))
	f.round()
	if f.pipe {
		return f.out
	}
	end := len(f.out)
	var ids, attrs, desc []byte
	idsAt := end + 4*16
	desc = f.pack(uint32(len(perfEvents)), uint32(80))
	for i, e := range perfEvents {
		name := []string{"lock:lock_acquire", "lock:lock_release", "page-faults"}[i] + "\x00"
		ids = f.pack(ids, e.id, e.id+1)
		attrs = f.pack(attrs, f.attr(e.typ, e.config), idsAt+16*i, 16)
		desc = f.pack(desc, f.attr(e.typ, e.config), uint32(2), uint32(len(name)), name, e.id, e.id+1)
	}
	arch := f.pack(uint32(8), "x86_64\x00\x00")
	attrsAt := idsAt + len(ids)
	formatsAt := attrsAt + len(attrs)
	archAt := formatsAt + len(f.formats())
	f.out = f.pack(f.out, formatsAt, len(f.formats()), archAt, len(arch), archAt, len(arch), archAt+len(arch), len(desc), ids, attrs, f.formats(), arch, desc)
	copy(f.out, f.pack(magic, perfHeaderSize, 80+16, attrsAt, len(attrs), perfHeaderSize, end-perfHeaderSize, 0, 0,
		1<<featTracingData|1<<featHostname|1<<featArch|1<<featEventDesc))
	return f.out
}

const perfWant = `1.000 seven/7 [0] lock_acquire 0xabcd a 2 ..h12
2.000 :8/8 [1] lock_acquire 0xabcd b 2 ..h12
2.200 seven/9 [1] lock_acquire 0xabcd c 2 ..h12
2.400 nine/9 [1] lock_release 0xabcd c 0 ..h12
2.500 /0 [1] lost 5
3.000 seven/7 [0] lock_release 0xabcd a 0 ..h12
3.500 swapper/0 [0] page-faults raw ""
3.650 :7/7 [0] lock_acquire 0xabcd another 7 2 ..h12
3.700 nine/9 [0] lock_release 0xabcd a much longer name than the others have 0 ..h12
3.800 /0 [0] lost 3
`

func perfLine(ev *Event) string {
	s := fmt.Sprintf("%d.%03d %s/%d [%d] %s", ev.Time/1000, ev.Time%1000, ev.Comm, ev.PID, ev.CPU, ev.Point)
	switch ev.Kind {
	case Lost:
		return s + fmt.Sprintf(" %d\n", ev.Num)
	case Raw:
		return s + fmt.Sprintf(" raw %q\n", ev.Text)
	}
	return s + fmt.Sprintf(" %#x %s %d %s\n", ev.Addr, ev.Name, ev.Mode, ev.Columns())
}

// openPerf reads a file from memory.
func openPerf(b []byte) (*perfSource, error) {
	if len(b) >= 16 && (b[8] == perfPipeSize || b[15] == perfPipeSize) {
		return newPerfPipe(bufio.NewReader(bytes.NewReader(b)), "test")
	}
	return newPerfSource(bytes.NewReader(b), int64(len(b)), "test")
}

func readPerf(b []byte) (lines []string, faults []error) {
	p, err := openPerf(b)
	if err != nil {
		return nil, []error{err}
	}
	p.run(func(ev *Event, err error) bool {
		if err != nil {
			faults = append(faults, err)
		} else {
			lines = append(lines, perfLine(ev))
		}
		return true
	})
	return lines, faults
}

// perfFiles are all sorts of files.
func perfFiles(yield func(name string, f *perfFile) bool) {
	for i := range 1 << 3 {
		for _, packed := range []uint32{0, perfCompressed, perfCompressed2} {
			f := &perfFile{big: i&1 != 0, pipe: i&2 != 0, identifier: i&4 != 0, packed: packed}
			if !yield(fmt.Sprintf("big=%t,pipe=%t,identifier=%t,packed=%d", f.big, f.pipe, f.identifier, packed), f) {
				return
			}
		}
	}
}

// TestPerf reads the same events from each sort of file.
func TestPerf(t *testing.T) {
	for name, f := range perfFiles {
		t.Run(name, func(t *testing.T) {
			b := f.build()
			lines, faults := readPerf(b)
			if got := strings.Join(lines, ""); got != perfWant || len(faults) > 0 {
				t.Errorf("got\n%s%v, want\n%s", got, faults, perfWant)
			}
			// From a stream, which is copied where it has to be.
			r, err := NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, err := range r.Events() {
				if n++; err != nil {
					t.Error(err)
				}
			}
			if err := r.Close(); n != len(lines) || err != nil {
				t.Errorf("%d events of the stream, %v; want %d", n, err, len(lines))
			}
		})
	}
}

// TestPerfScript asks perf what it reads in the files, as far as it reads them: none of another machine's traces of a
// processor, nor names of events in a pipe of another byte order.
func TestPerfScript(t *testing.T) {
	perf, err := exec.LookPath("perf")
	if err != nil {
		t.Skip(err)
	}
	for name, f := range perfFiles {
		if f.packed != 0 || f.pipe && f.big {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f.noAux = true
			file := filepath.Join(t.TempDir(), "perf.data")
			if err := os.WriteFile(file, f.build(), 0o666); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(perf, "script", "-i", file, "--ns", "--show-lost-events", "-F", "comm,tid,cpu,time,event,trace").Output()
			if err != nil {
				t.Fatal(err)
			}
			r, err := NewReader(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for ev, err := range r.Events() {
				if err != nil {
					t.Error(err)
					continue
				}
				if ev.Kind == Lost {
					ev.Comm = "" // perf has the idle task's
				}
				got += perfLine(ev)
			}
			// Not every perf tells of the record of lost samples, and the text has no flags.
			const lost = "3.800 /0 [0] lost 3\n"
			want := strings.ReplaceAll(strings.TrimSuffix(perfWant, lost), "..h12", ".....")
			if strings.TrimSuffix(got, lost) != want {
				t.Errorf("perf script has\n%s\n%s, want\n%s", out, got, want)
			}
		})
	}
}

// TestPerfTruncated cuts files at every byte. What is read before the cut is as in the whole file, though later records
// may be missing from the order, and the cut is said.
func TestPerfTruncated(t *testing.T) {
	want := strings.SplitAfter(perfWant, "\n")
	for _, f := range []*perfFile{{}, {pipe: true, big: true}, {pipe: true, packed: perfCompressed, identifier: true}} {
		t.Run(fmt.Sprintf("pipe=%t,packed=%d", f.pipe, f.packed), func(t *testing.T) {
			b := f.build()
			most := 0
			for n := range len(b) {
				lines, faults := readPerf(b[:n])
				for _, err := range faults {
					var e *Error
					if !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(n) {
						t.Fatalf("cut at %d: %v", n, err)
					}
				}
				if !f.pipe && len(faults) == 0 {
					t.Fatalf("cut at %d: no error", n)
				}
				for _, l := range lines {
					if f.pipe && !slices.Contains(want, l) {
						t.Fatalf("cut at %d: %s", n, l)
					}
				}
				most = max(most, len(lines))
			}
			if f.pipe && most != len(want)-1 {
				t.Errorf("at most %d events, want %d", most, len(want)-1)
			}
		})
	}
}

// TestPerfDamage tells lies in a file, each of which costs no more than what it is about.
func TestPerfDamage(t *testing.T) {
	whole := func() *perfFile { return &perfFile{identifier: true} }
	all := strings.Count(perfWant, "\n")
	for _, c := range []struct {
		name   string
		file   *perfFile
		lie    func(b []byte) []byte
		events int    // that are still read
		says   string // in the first error; "" if there is none
	}{
		{"magic of version 1", whole(), func(b []byte) []byte { return append([]byte("PERFFILE"), b[8:]...) }, 0, "version 1 of perf.data is not supported"},
		{"size of the header", whole(), set(8, 105), 0, "want a header of 104 bytes, not 105"},
		{"size of an attribute", whole(), set(16, 8), all, "want attributes of 80 to 65536 bytes"},
		{"no size of attributes", whole(), set(16, 0), all, "want attributes of 80 to 65536 bytes"},
		{"place of the attributes", whole(), set(24, 1<<63), all, "want 288 bytes at 0x8000000000000000"},
		{"size of the attributes", whole(), set(32, 1<<40), all, "want attributes of 80 to 65536 bytes"},
		{"place of the records", whole(), set(40, 1<<40), 0, "want records at 0x10000000000"},
		{"perf record did not end", whole(), set(48, 0), all, "perf record was not ended"},
		{"size of the records", whole(), set(48, 1<<62), all, "the file is cut"},
		{"byte order", whole(), func(b []byte) []byte { return append(slices.Clone(perfSwap), b[8:]...) }, 0, "want a header of 104 bytes, not"},
		{"no sections", whole(), set(72, 0), all, "want a section with the formats"},
		{"end of a pipe", &perfFile{pipe: true}, func(b []byte) []byte { return b[:len(b)-20] }, all - 1, "reading a record: want 48 bytes, not 36: unexpected EOF"},
		{"size of a number", whole(), replace("offset:16;\tsize:8", "offset:25;\tsize:3"), all, ""},
		{"offset of a field", whole(), replace("offset:16;\tsize:8", "offset:48;\tsize:8"), 4, "reading a sample: want at least 56 bytes in a record of lock_acquire, not 28"},
		{"size of a record", whole(), after("nine", -10, 0x39), all, "going on where records are found again"},
		{"size that reaches into another record", whole(), after("nine", -10, 0x40), all - 1, "going on where records are found again"},
		{"size of a record in a pipe", &perfFile{pipe: true}, after("nine", -10, 0), all, "want a type below 96 and a size of at least 8 that 8 divides, not 3 and 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, faults := readPerf(c.lie(c.file.build()))
			if c.says == "" && len(faults) > 0 || c.says != "" && (len(faults) == 0 || !strings.Contains(faults[0].Error(), c.says)) {
				t.Errorf("got %v, want %q", faults, c.says)
			}
			if len(lines) != c.events {
				t.Errorf("%d events, want %d:\n%s%v", len(lines), c.events, strings.Join(lines, ""), faults)
			}
		})
	}
}

// set puts a number of 64 bits into a file.
func set(at int, v uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		binary.LittleEndian.PutUint64(b[at:], v)
		return b
	}
}

// replace changes all formats.
func replace(from, to string) func([]byte) []byte {
	return func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(from), []byte(to))
	}
}

// after puts a byte at a distance from where a name is.
func after(name string, at int, v byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b[bytes.Index(b, []byte(name))+at] = v
		return b
	}
}

// TestPerfGarbage decompresses a little to 400 MB that are no records. Not all of that is looked at.
func TestPerfGarbage(t *testing.T) {
	f := &perfFile{pipe: true}
	f.build()
	f.out = f.out[:bytes.Index(f.out, f.pack(uint32(perfCommRecord)))]
	f.put(perfCompressed, zstdMagic, uint8(0), uint8(10<<3)) // a window of 1 MB
	for range 3000 {
		f.put(perfCompressed, "\x02\x00\x10x") // 128 KiB of x
	}
	p, err := openPerf(f.out)
	if err != nil {
		t.Fatal(err)
	}
	var faults []error
	p.run(func(_ *Event, err error) bool {
		faults = append(faults, err)
		return true
	})
	if len(faults) != 3 || !strings.Contains(faults[1].Error(), "the rest is passed over") || p.garbage > maxPerfGarbage+1<<20 {
		t.Errorf("%d bytes of garbage, %v", p.garbage, faults)
	}
}

// TestPerfQueue compares the order with that of a stable sort, with rounds in which times overlap.
func TestPerfQueue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	type item struct{ time, id uint64 }
	var want, got []item
	var q perfQueue
	deliver := func(rec []byte, offset int64) bool {
		got = append(got, item{binary.LittleEndian.Uint64(rec), uint64(offset)})
		return true
	}
	n := uint64(0)
	for round := range 200 {
		for range 4 { // CPUs
			now := uint64(round * 100)
			for range rnd.IntN(200) {
				now += uint64(rnd.IntN(2))
				rec := make([]byte, 8+rnd.IntN(5000))
				binary.LittleEndian.PutUint64(rec, now)
				if !q.add(rec, now, int64(n)) {
					t.Fatal("no room")
				}
				want = append(want, item{now, n})
				n++
			}
		}
		q.round(deliver)
	}
	q.finish(deliver)
	slices.SortStableFunc(want, func(a, b item) int { return int(a.time) - int(b.time) })
	if !slices.Equal(got, want) || q.late != 0 {
		t.Errorf("%d records in another order than the %d wanted, %d late", len(got), len(want), q.late)
	}
	if len(q.chunks) > 40 {
		t.Errorf("%d chunks: they are not used again", len(q.chunks))
	}
}

// TestPerfQueueFull puts more into a round than there is room for. Everything comes, in the order that is possible.
func TestPerfQueueFull(t *testing.T) {
	f := &perfFile{pipe: true}
	f.build()
	f.out = f.out[:bytes.Index(f.out, f.pack(uint32(perfCommRecord)))]
	const n = 3000
	name := strings.Repeat("n", 60000)
	for i := range n {
		f.lock(0, 7, 10_000+i, 0, name)
	}
	late := len(f.out)
	f.lock(1, 8, 5000, 0, "late")
	f.round()
	p, err := openPerf(f.out)
	if err != nil {
		t.Fatal(err)
	}
	events, last, faults := 0, uint64(0), []error(nil)
	p.run(func(ev *Event, err error) bool {
		if err != nil {
			faults = append(faults, err)
			return true
		}
		if ev.Kind == LockAcquire && ev.Time < last {
			t.Errorf("time %d behind %d", ev.Time, last)
		}
		last = ev.Time
		events++
		return true
	})
	says := fmt.Sprintf("offset %#x: putting records in order: 1 records are older", late)
	if events != n+1 || len(faults) != 1 || !strings.Contains(faults[0].Error(), says) {
		t.Errorf("%d events, %v; want %d and %s", events, faults, n+1, says)
	}
	if len(p.queue.chunks) > maxChunks {
		t.Errorf("%d chunks", len(p.queue.chunks))
	}
}

// FuzzPerf reads anything as a perf.data.
func FuzzPerf(f *testing.F) {
	for _, file := range perfFiles {
		f.Add(file.build())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 {
			return
		}
		if !bytes.HasPrefix(b, perfMagic) && !bytes.HasPrefix(b, perfSwap) {
			copy(b, perfMagic)
		}
		p, err := openPerf(b)
		if err != nil {
			return
		}
		faults := 0
		p.run(func(_ *Event, err error) bool {
			if err != nil {
				faults++
			}
			return true
		})
		// Damage is said once a sort.
		if faults > len(b)+100 {
			t.Errorf("%d errors of %d bytes", faults, len(b))
		}
	})
}
