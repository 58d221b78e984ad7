package replay

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// recording is a file, decompressed as far as it was by zstd as a whole.
type recording struct {
	name string
	data []byte
	form string // text, dat or perf
	// counted: the header of a text says how many events there are.
	counted bool

	likely  map[string]bool
	edges   map[[2]string]bool
	classes map[string]bool
	took    time.Duration
	alloc   uint64
}

func readRecording(t testing.TB, name, file string) *recording {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".zst") {
		z, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if data, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return newRecording(t, name, data)
}

func newRecording(t testing.TB, name string, data []byte) *recording {
	rec := &recording{name: name, data: data, form: "text", likely: map[string]bool{}, classes: map[string]bool{}}
	switch {
	case bytes.HasPrefix(data, []byte("PERFILE2")):
		rec.form = "perf"
	case bytes.HasPrefix(data, []byte("\x17\x08\x44tracing")):
		rec.form = "dat"
	}
	rec.counted = bytes.Contains(data[:min(len(data), 1000)], []byte("entries-in-buffer"))
	got := rec.replay(data)
	if got.open != nil || len(got.errs) > 0 || got.res.Damaged() {
		t.Fatalf("%s is not whole: %v, %v, %v", name, got.open, got.errs, got.res.Counts.Odd)
	}
	for _, f := range got.res.Findings {
		if f.Level == Likely {
			rec.likely[findingKey(f)] = true
		}
		for _, c := range names(f.Report.Classes()) {
			rec.classes[c] = true
		}
	}
	rec.edges = edges(got.res)
	rec.took, rec.alloc = got.took, got.alloc
	return rec
}

// recordings are those of the oracle, and the small ones of testdata.
func recordings(t testing.TB) []*recording {
	var out []*recording
	add := func(pattern string) {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name := filepath.Base(filepath.Dir(f)) + "/" + filepath.Base(f)
			if strings.Contains(pattern, "trace.dat") {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, newRecording(t, name+" unpacked", unpackDat(t, data, 300)))
				if len(data) < 1<<23 {
					out = append(out, newRecording(t, name, data))
				}
				continue
			}
			rec := readRecording(t, name, f)
			if out = append(out, rec); rec.counted && len(rec.likely) > 0 {
				// As trace-cmd report prints it, without the header that counts.
				at := bytes.LastIndex(rec.data[:2000], []byte("\n#")) + 1
				at += bytes.IndexByte(rec.data[at:], '\n') + 1
				out = append(out, newRecording(t, name+", no header", rec.data[at:]))
			}
		}
	}
	add(filepath.Join("testdata", "*.zst"))
	dir := os.Getenv("LOCKDEP_ORACLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "oracle")
	}
	if _, err := os.Stat(dir); err == nil && !testing.Short() {
		add(filepath.Join(dir, "modules", "*", "trace.txt.zst"))
		add(filepath.Join(dir, "perf", "*.data*"))
		add(filepath.Join(dir, "perf", "pipe.script.zst"))
		add(filepath.Join(dir, "runs", "*", "trace.dat"))
	}
	return out
}

// unpackDat makes a trace.dat of version 6, without compression, of one of version 7 by zstd: at most as many pages of each
// CPU.
func unpackDat(t testing.TB, data []byte, pages int) []byte {
	le := binary.LittleEndian
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	unzip := func(b []byte) []byte {
		out, err := z.DecodeAll(b[8:][:le.Uint32(b)], nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	section := func(at uint64) []byte {
		b := data[at+16:][:le.Uint64(data[at+8:])]
		if le.Uint16(data[at+2:])&1 != 0 {
			return unzip(b)
		}
		return b
	}
	str := func(b []byte) string { return string(b[:bytes.IndexByte(b, 0)]) }
	i := 18 // magic, version, byte order, long, page size
	i += len(str(data[i:])) + 1
	i += len(str(data[i:])) + 1
	parts := map[uint16][]byte{}
	var buffer []byte
	for at := le.Uint64(data[i:]); at != 0; {
		opts := section(at)
		at = 0
		for len(opts) >= 6 {
			id, value := le.Uint16(opts), opts[6:][:le.Uint32(opts[2:])]
			opts = opts[6+len(value):]
			switch {
			case id == 0:
				at = le.Uint64(value)
				opts = nil
			case id >= 16 && id <= 21:
				parts[id] = section(le.Uint64(value))
			case id == 3:
				buffer = value
			}
		}
	}
	out := slices.Concat([]byte("\x17\x08\x44tracing6\x00\x00\x08\x00\x10\x00\x00"), parts[16], parts[17], parts[18], le.AppendUint32(nil, 0), le.AppendUint32(nil, 0), parts[21])
	const page = 4096
	b := buffer[8:]
	b = b[len(str(b))+1:]
	b = b[len(str(b))+1:]
	cpus := int(le.Uint32(b[4:]))
	out = le.AppendUint32(out, uint32(cpus))
	out = append(out, "flyrecord\x00"...)
	head := len(out)
	out = append(out, make([]byte, 16*cpus)...)
	b = b[8:]
	for c := range cpus {
		for len(out)%page != 0 {
			out = append(out, 0)
		}
		from := len(out)
		chunk := data[le.Uint64(b[4:]):]
		b = b[20:]
		n := le.Uint32(chunk)
		chunk = chunk[4:]
		for range n {
			out = append(out, unzip(chunk)...)
			if len(out)-from >= pages*page {
				out = out[:from+pages*page]
				break
			}
			chunk = chunk[8+le.Uint32(chunk):]
		}
		le.PutUint64(out[head+16*c:], uint64(from))
		le.PutUint64(out[head+16*c+8:], uint64(len(out)-from))
	}
	return out
}

var rewrite = flag.Bool("rewrite", false, "make the small recordings of testdata again, of those of the oracle")

// TestSmallRecordings makes the recordings of testdata, which are parts of the oracle's.
func TestSmallRecordings(t *testing.T) {
	if !*rewrite {
		t.Skip("only with -rewrite")
	}
	dir := oracle(t)
	read := func(parts ...string) []byte {
		return readRecording(t, "", filepath.Join(append([]string{dir}, parts...)...)).data
	}
	write := func(name string, data []byte) {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", name), z.EncodeAll(data, nil), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The events around the finding of a module.
	text := read("modules", "m01_abba_mutex.fix0", "trace.txt.zst")
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines = lines[13000:21000]
	text = bytes.Join(lines, nil)
	n := (&recording{}).replay(text).res.Counts.Events // console messages have more lines
	write("m01.txt.zst", fmt.Appendf(nil, "# tracer: nop\n#\n# entries-in-buffer/entries-written: %d/%d   #P:2\n#\n%s", n, n, text))
	// The first records of a perf.data.
	rec := &recording{data: read("perf", "a.data.zst"), form: "perf"}
	d := &damager{rec: rec}
	var from int
	from, n = d.recordsFrom(perfData(rec.data), 5000)
	_, all := d.recordsFrom(from, 1<<30)
	write("a.data.zst", d.fix(splice(rec.data, from+n, all-n), n-all))
	// The first pages of each CPU of a trace.dat.
	data, err := os.ReadFile(filepath.Join(dir, "runs", "s_work4", "trace.dat"))
	if err != nil {
		t.Fatal(err)
	}
	write("s_work4.dat.zst", unpackDat(t, data, 20))
}
