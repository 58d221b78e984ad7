package ktrace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// datForm says what a trace.dat is made of. The files are small, and written here by the description of the format.
type datForm struct {
	version  string // 6 or 7
	compress string // "", zlib or zstd; of version 7
	big      bool
}

var datForms = []datForm{
	{"6", "", false},
	{"6", "", true},
	{"7", "", false},
	{"7", "zlib", false},
	{"7", "zstd", false},
	{"7", "zstd", true},
}

func (f datForm) order() binary.AppendByteOrder {
	if f.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

const pageBytes = 256

// The fields are where no kernel has them, so that a reader that assumes offsets fails.
var testFormats = []string{
	"name: lock_acquire\nID: 300\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" +
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n" +
		"\tfield:void * lockdep_addr;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:__data_loc char[] name;\toffset:16;\tsize:4;\tsigned:0;\n\tfield:unsigned int flags;\toffset:20;\tsize:4;\tsigned:0;\n\nprint fmt: \"\"\n",
	"name: odd\nID: 301\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n" +
		"\tfield:short n;\toffset:8;\tsize:2;\tsigned:1;\n\tfield:char comm[4];\toffset:10;\tsize:4;\tsigned:0;\n\nprint fmt: \"\"\n",
}

func (f datForm) lock(pid int32, flags, depth byte, addr uint64, mode uint32, name string) []byte {
	o := f.order()
	b := o.AppendUint16(nil, 300)
	b = append(b, flags, depth)
	b = o.AppendUint32(b, uint32(pid))
	b = o.AppendUint64(b, addr)
	b = o.AppendUint32(b, 24|uint32(len(name)+1)<<16)
	b = o.AppendUint32(b, mode)
	return append(append(b, name...), 0)
}

func (f datForm) odd(pid int32, n int16, comm string) []byte {
	o := f.order()
	b := o.AppendUint16(nil, 301)
	b = append(b, 0, 0)
	b = o.AppendUint32(b, uint32(pid))
	b = o.AppendUint16(b, uint16(n))
	return append(b, (comm + "\x00\x00\x00\x00")[:4]...)
}

func (f datForm) head(typ, delta uint32) []byte {
	if f.big {
		return f.order().AppendUint32(nil, typ<<27|delta)
	}
	return f.order().AppendUint32(nil, typ|delta<<5)
}

// record is a record of the ring buffer, with its time since the one before.
func (f datForm) record(delta uint32, rec []byte) []byte {
	for len(rec)%4 != 0 {
		rec = append(rec, 0)
	}
	if len(rec) <= 28*4 && len(rec)%8 != 0 { // both ways of saying how long it is
		return append(f.head(uint32(len(rec)/4), delta), rec...)
	}
	return append(f.order().AppendUint32(f.head(0, delta), uint32(len(rec)+4)), rec...)
}

func (f datForm) page(stamp uint64, missed int, records ...[]byte) []byte {
	body := slices.Concat(records...)
	commit := uint64(len(body))
	if missed != 0 {
		commit |= 1 << 31
	}
	if missed > 0 {
		commit |= 1 << 30
	}
	b := f.order().AppendUint64(nil, stamp)
	b = f.order().AppendUint64(b, commit)
	b = append(b, body...)
	if missed > 0 {
		b = f.order().AppendUint64(b, uint64(missed))
	}
	return append(b, make([]byte, pageBytes-len(b))...)
}

// cpus are the pages of two CPUs.
func (f datForm) cpus() [][]byte {
	return [][]byte{
		slices.Concat(
			f.page(1000, 0, f.record(5, f.lock(7, 1, 0x21, 0xffff888000001000, 0, "alpha")),
				f.order().AppendUint32(f.head(30, 3), 2), // a time extend: 2<<27 + 3
				f.record(4, f.lock(8, 0x10, 2, 0xffff888000002000, 3, "&beta->lock"))),
			f.page(900_000_000, 12, f.record(0, f.odd(8, -3, "abc")),
				slices.Concat(f.head(29, 7), f.order().AppendUint32(nil, 8), make([]byte, 4)), // a discarded record
				f.record(1, f.lock(9, 0, 0, 1, 2, strings.Repeat("long", 20)))),
		),
		f.page(1001, 0, f.record(4, f.lock(0, 0, 0, 2, 0, "gamma")),
			f.order().AppendUint32(f.head(31, 5000), 0), // an absolute time
			f.record(1, f.odd(7, 300, "abcd"))),
	}
}

func (f datForm) pack(b []byte) []byte {
	switch f.compress {
	case "zlib":
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	case "zstd":
		e, _ := zstd.NewWriter(nil)
		return e.EncodeAll(b, nil)
	}
	return b
}

func (f datForm) build() []byte {
	o := f.order()
	sized := func(width int, s string) []byte {
		if width == 8 {
			return append(o.AppendUint64(nil, uint64(len(s))), s...)
		}
		return append(o.AppendUint32(nil, uint32(len(s))), s...)
	}
	headerPage := "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:240;\tsigned:0;\n"
	headerEvent := "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == 29\n" +
		"\ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n"
	header := slices.Concat([]byte("header_page\x00"), sized(8, headerPage), []byte("header_event\x00"), sized(8, headerEvent))
	events := o.AppendUint32(nil, 2)
	for _, text := range testFormats {
		events = append(events, sized(8, text)...)
	}
	events = slices.Concat(o.AppendUint32(nil, 1), []byte("lock\x00"), events)
	ksyms := sized(4, "ffffffff81000000 T _stext\nffffffff81000100 t function\n")
	comms := sized(8, "7 alpha\n8 two words\n")
	endian := byte(0)
	if f.big {
		endian = 1
	}
	b := append([]byte("\x17\x08\x44tracing"+f.version+"\x00"), endian, 8)
	b = o.AppendUint32(b, pageBytes)
	cpus := f.cpus()
	if f.version == "6" {
		b = slices.Concat(b, header, o.AppendUint32(nil, 0), events, ksyms, sized(4, ""), comms, o.AppendUint32(nil, 2))
		b = append(b, "options  \x00"...)
		b = append(o.AppendUint16(b, 9), sized(4, "a version\x00")...)
		b = o.AppendUint16(b, 0)
		b = append(b, "flyrecord\x00"...)
		at := uint64(len(b) + 32)
		for _, c := range cpus {
			b = o.AppendUint64(o.AppendUint64(b, at), uint64(len(c)))
			at += uint64(len(c))
		}
		return slices.Concat(b, cpus[0], cpus[1])
	}
	name := f.compress
	if name == "" {
		name = "none"
	}
	b = append(b, name+"\x001.0\x00"...)
	first := len(b)
	b = o.AppendUint64(b, 0)
	section := func(id uint16, data []byte) uint64 {
		at := uint64(len(b))
		flags := uint16(0)
		if f.compress != "" {
			packed := f.pack(data)
			data = append(o.AppendUint32(o.AppendUint32(nil, uint32(len(packed))), uint32(len(data))), packed...)
			flags = 1
		}
		b = o.AppendUint16(o.AppendUint16(b, id), flags)
		b = o.AppendUint64(o.AppendUint32(b, 0), uint64(len(data)))
		b = append(b, data...)
		return at
	}
	var opts []byte
	option := func(id uint16, value []byte) {
		opts = append(o.AppendUint32(o.AppendUint16(opts, id), uint32(len(value))), value...)
	}
	for id, data := range map[uint16][]byte{16: header, 18: events, 19: ksyms, 21: comms} {
		option(id, o.AppendUint64(nil, section(id, data)))
	}
	option(2, []byte("CPU: 0\nentries: 0\nread events: 4\n\x00"))
	option(2, []byte("CPU: 1\nentries: 0\nread events: 3\n\x00"))
	put := func(at int, v uint64) {
		if f.big {
			binary.BigEndian.PutUint64(b[at:], v)
		} else {
			binary.LittleEndian.PutUint64(b[at:], v)
		}
	}
	options := func() uint64 {
		option(0, o.AppendUint64(nil, 0))
		compress := f.compress
		f.compress = "" // options are not
		defer func() { f.compress = compress }()
		return section(0, opts)
	}
	put(first, options())
	done := len(b) - 8 // where the next options are said to be
	opts = nil
	at := uint64(len(b))
	flags := uint16(0)
	if f.compress != "" {
		flags = 1
	}
	b = o.AppendUint16(o.AppendUint16(b, 3), flags)
	b = o.AppendUint64(o.AppendUint32(b, 0), 0)
	buffer := append(o.AppendUint64(nil, at), "\x00local\x00"...)
	buffer = o.AppendUint32(o.AppendUint32(buffer, pageBytes), 2)
	for i, c := range cpus {
		b = append(b, make([]byte, (pageBytes-len(b)%pageBytes)%pageBytes)...)
		from := uint64(len(b))
		if f.compress != "" {
			chunks := o.AppendUint32(nil, uint32(len(c)/pageBytes))
			for page := range slices.Chunk(c, pageBytes) {
				packed := f.pack(page)
				chunks = append(o.AppendUint32(o.AppendUint32(chunks, uint32(len(packed))), uint32(len(page))), packed...)
			}
			c = chunks
		}
		b = append(b, c...)
		buffer = o.AppendUint64(o.AppendUint64(o.AppendUint32(buffer, uint32(i)), from), uint64(len(c)))
	}
	option(3, buffer)
	put(done, options())
	return b
}

// readAll reads the events as lines, and the damage.
func readAll(b []byte, jobs int) (lines []string, damage []error, err error) {
	d, err := newDatSource(bytes.NewReader(b), int64(len(b)), "f")
	if err != nil {
		return nil, nil, err
	}
	d.jobs = jobs
	r := &Reader{src: d}
	for ev, err := range r.Events() {
		switch {
		case err != nil:
			damage = append(damage, err)
		case ev.Kind == Lost:
			lines = append(lines, fmt.Sprintf("%d [%d] lost %d", ev.Time, ev.CPU, ev.Num))
		case ev.Kind == Raw:
			lines = append(lines, fmt.Sprintf("%d [%d] %s %s", ev.Time, ev.CPU, ev.Point, ev.Text))
		default:
			lines = append(lines, fmt.Sprintf("%d [%d] %s-%d: %s %x mode %d %s %s", ev.Time, ev.CPU, ev.Comm, ev.PID, ev.Kind, ev.Addr, ev.Mode, ev.Name, ev.Columns()))
		}
	}
	return lines, damage, nil
}

// TestBuilt reads files of each form, with one goroutine and with several.
func TestBuilt(t *testing.T) {
	want := []string{
		"1005 [0] alpha-7: lock_acquire ffff888000001000 mode 0 alpha d..12",
		"1005 [1] <idle>-0: lock_acquire 2 mode 0 gamma .....",
		"5001 [1] odd n=300 comm=abcd",
		fmt.Sprint(1005+2<<27+3+4, " [0] two words-8: lock_acquire ffff888000002000 mode 3 &beta->lock ..s2."),
		"900000000 [0] lost 12",
		"900000000 [0] odd n=-3 comm=abc",
		"900000008 [0] <...>-9: lock_acquire 1 mode 2 " + strings.Repeat("long", 20) + " .....",
	}
	for _, f := range datForms {
		for jobs := 1; jobs <= 3; jobs++ {
			got, damage, err := readAll(f.build(), jobs)
			if err != nil || len(damage) > 0 || !slices.Equal(got, want) {
				t.Errorf("%+v, %d jobs: %v, %v\n%s\nwant\n%s", f, jobs, err, damage, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// TestCutOff reads files that end at every byte: what is read is the beginning of what the whole file has on each CPU,
// and if something is missing it is said.
func TestCutOff(t *testing.T) {
	for _, f := range datForms {
		whole := f.build()
		all, _, err := readAll(whole, 1)
		if err != nil {
			t.Fatal(err)
		}
		some := 0
		for n := range len(whole) {
			got, damage, err := readAll(whole[:n], 1)
			if err == nil && len(damage) == 0 && len(got) < len(all) {
				t.Fatalf("%+v cut at %d: %d of %d events and no error", f, n, len(got), len(all))
			}
			for _, line := range got {
				if !slices.Contains(all, line) && !strings.Contains(line, "<...>") && !strings.HasSuffix(line, "lost -1") {
					t.Fatalf("%+v cut at %d: the event %q is not in the whole file", f, n, line)
				}
			}
			if len(got) > 0 && len(got) < len(all) {
				some++
			}
		}
		// Without compression the CPUs of version 7 cannot be told apart.
		if (f.version == "6" || f.compress != "") && some == 0 {
			t.Errorf("%+v: nothing was read of a file that is cut", f)
		}
	}
}

// TestTorn: behind a page or chunk that cannot be read stand the gap and the pages that can.
func TestTorn(t *testing.T) {
	for _, f := range datForms {
		b := f.build()
		page := f.cpus()[0][:pageBytes]
		at := bytes.Index(b, f.pack(page))
		if at < 0 {
			t.Fatalf("%+v: want the first page in the file", f)
		}
		if f.compress == "" {
			copy(b[at+8:], "\xff\xff\xff\xff\xff\xff\xff\xff") // commit
		} else {
			copy(b[at:], "\xff\xff\xff\xff") // its magic
		}
		want := []string{
			"1005 [1] <idle>-0: lock_acquire 2 mode 0 gamma .....",
			"5001 [1] odd n=300 comm=abcd",
			"900000000 [0] lost -1",
			"900000000 [0] odd n=-3 comm=abc",
			"900000008 [0] <...>-9: lock_acquire 1 mode 2 " + strings.Repeat("long", 20) + " .....",
		}
		for jobs := 1; jobs <= 2; jobs++ {
			got, damage, err := readAll(b, jobs)
			if err != nil || len(damage) != 1 || !slices.Equal(got, want) {
				t.Errorf("%+v, %d jobs: %v, %v\n%s\nwant\n%s", f, jobs, err, damage, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// TestSharedData: two CPUs with one place for their data are damage, and the data are read once.
func TestSharedData(t *testing.T) {
	f := datForms[0]
	b := f.build()
	at := bytes.Index(b, []byte("flyrecord\x00")) + 10
	copy(b[at+16:at+24], b[at:at+8])
	got, damage, err := readAll(b, 1)
	if err != nil || len(damage) != 1 || len(got) != 5 || strings.Contains(strings.Join(got, ""), "[1]") {
		t.Errorf("%v, %v\n%s", err, damage, strings.Join(got, "\n"))
	}
}

// TestOffsets: what options add to times adds up.
func TestOffsets(t *testing.T) {
	f := datForms[0]
	for _, c := range []struct {
		id    byte
		value string
		first string
	}{
		{optDate, "0x10", "17005 [0]"},
		{optOffset, "-1000", "5 [0]"},
	} {
		value := append([]byte(c.value), make([]byte, 10-len(c.value))...)
		b := bytes.Replace(f.build(), []byte("\x09\x00\x0a\x00\x00\x00a version\x00"), append([]byte{c.id, 0, 10, 0, 0, 0}, value...), 1)
		got, damage, err := readAll(b, 1)
		if err != nil || len(damage) > 0 || len(got) != 7 || !strings.HasPrefix(got[0], c.first) {
			t.Errorf("option %d of %s: %v, %v\n%s", c.id, c.value, err, damage, strings.Join(got, "\n"))
		}
	}
}

// TestMerge orders the events of many CPUs, with times that are the same and times that go back.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		type next struct{ time, cpu int }
		var want []next
		var heap []*stream
		cpus := make([][]int, 1+r.IntN(9))
		for i := range cpus {
			s := &stream{order: i}
			for range 1 + r.IntN(20) {
				now := r.IntN(30)
				cpus[i] = append(cpus[i], now)
				s.batch = append(s.batch, item{ev: Event{CPU: int32(i), Time: uint64(now)}})
			}
			s.more = func() []item { return nil }
			heap = append(heap, s)
		}
		for { // the plain way
			first := -1
			for i, c := range cpus {
				if len(c) > 0 && (first < 0 || c[0] < cpus[first][0]) {
					first = i
				}
			}
			if first < 0 {
				break
			}
			want = append(want, next{cpus[first][0], first})
			cpus[first] = cpus[first][1:]
		}
		var got []next
		(&datSource{}).merge(heap, func(ev *Event, _ error) bool {
			got = append(got, next{int(ev.Time), int(ev.CPU)})
			return true
		})
		if !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	}
}

// TestLies: sizes, offsets and formats that are not true are damage, with the place, and end.
func TestLies(t *testing.T) {
	for _, f := range datForms {
		whole := f.build()
		for at := range whole {
			for _, v := range []byte{0, 0xff, whole[at] + 1} {
				b := slices.Clone(whole)
				b[at] = v
				done := make(chan bool)
				go func() {
					defer close(done)
					lines, damage, err := readAll(b, 1)
					if v == 0xff && !f.big { // one lie a byte is enough to see that they are the same
						same, damage2, _ := readAll(b, 2)
						if !slices.Equal(lines, same) || len(damage) != len(damage2) {
							t.Errorf("%+v with %#x at %d: two jobs read\n%s\n%v\none\n%s\n%v", f, v, at, strings.Join(same, "\n"), damage2, strings.Join(lines, "\n"), damage)
						}
					}
					for _, e := range append(damage, err) {
						if e != nil && e.Error() == "" {
							t.Errorf("an error without words")
						}
					}
				}()
				select {
				case <-done:
				case <-time.After(time.Minute):
					t.Fatalf("%+v with %#x at %d: reading does not end", f, v, at)
				}
			}
		}
	}
}

func FuzzDat(f *testing.F) {
	for _, form := range datForms {
		f.Add(form.build())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		d, err := newDatSource(bytes.NewReader(b), int64(len(b)), "f")
		if err != nil {
			return
		}
		n := 0
		d.run(func(ev *Event, err error) bool {
			if ev == nil && err == nil || ev != nil && err != nil {
				t.Fatal("want an event or an error")
			}
			n++
			return n < 100_000
		})
	})
}
