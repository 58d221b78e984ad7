package replay

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/ktrace"
)

var (
	damages    = flag.Int("damages", 400, "`number` of damages of TestDamages, over all recordings")
	damageSeed = flag.Uint64("damageseed", 1, "`seed` of the first damage of TestDamages")
	damageOf   = flag.String("damageof", "", "only recordings and kinds of damage whose \"recording kind\" has this `text`")
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

// findingKey is by what a finding of a damaged file is known in the whole one.
func findingKey(f *Finding) string {
	classes := names(f.Report.Cycle())
	if len(classes) == 0 {
		classes = names(f.Report.Classes())
	}
	classes = slices.Clone(classes)
	slices.Sort(classes)
	return string(f.Report.Kind) + " " + strings.Join(slices.Compact(classes), " ")
}

// edges are the dependencies that carry findings.
func edges(res *Result) map[[2]string]bool {
	out := map[[2]string]bool{}
	res.sure.v.EachClass(func(c kernel.ClassInfo) bool {
		res.sure.v.EachDependency(c.ID, func(d kernel.Dependency) bool {
			out[[2]string{c.Name, res.sure.v.Info(d.To).Name}] = true
			return true
		})
		return true
	})
	return out
}

type replayed struct {
	res   *Result
	open  error
	errs  []error
	took  time.Duration
	alloc uint64
}

func (rec *recording) replay(data []byte) (out replayed) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	r := New(Options{})
	in, err := ktrace.NewReader(bytes.NewReader(data))
	if err != nil {
		out.open = err
		return out
	}
	defer in.Close()
	r.Read(rec.name, in, func(int) {}, func(err error) bool { out.errs = append(out.errs, err); return true })
	out.res = r.Judge()
	out.took = time.Since(start)
	runtime.ReadMemStats(&after)
	out.alloc = after.TotalAlloc - before.TotalAlloc
	return out
}

// damageKind makes a damaged copy; nil if it does not apply.
type damageKind struct {
	name  string
	forms string
	gone  bool // whole records are gone, and nothing stands in their place
	make  func(r *rand.Rand, d *damager) []byte
}

type damager struct {
	rec   *recording
	other *recording // another of the same form
	note  string
}

// size is a block size from 1 to 64 KiB, and place where one of that size is.
func (d *damager) block(r *rand.Rand) (at, n int) {
	n = 1 << r.IntN(17)
	if r.IntN(2) == 0 {
		n += r.IntN(n)
	}
	n = min(n, 64<<10, len(d.rec.data)/3)
	at = d.place(r, n)
	if r.IntN(2) == 0 {
		align := min(4096, 1<<(len(fmt.Sprintf("%b", n))-1))
		at = at / align * align
	}
	at = max(at, d.first())
	d.note = fmt.Sprintf("%d bytes at %#x", n, at)
	return at, n
}

// first is the first byte behind what describes the rest.
func (d *damager) first() int {
	if d.rec.form == "text" {
		return 0
	}
	return 4096
}

func (d *damager) place(r *rand.Rand, n int) int { return r.IntN(len(d.rec.data) - n) }

func splice(data []byte, at, drop int, put ...[]byte) []byte {
	out := append(make([]byte, 0, len(data)), data[:at]...)
	for _, p := range put {
		out = append(out, p...)
	}
	return append(out, data[at+drop:]...)
}

var damageKinds = []damageKind{
	{"zero", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		return splice(d.rec.data, at, n, make([]byte, n))
	}},
	{"random", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return splice(d.rec.data, at, n, b)
	}},
	{"duplicate over", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		from := max(d.place(r, n), d.first())
		from = min(from, len(d.rec.data)-n)
		if r.IntN(3) > 0 { // of the neighbourhood
			from = max(min(at+(r.IntN(8)-4)*n, len(d.rec.data)-n), 0)
		}
		d.note += fmt.Sprintf(" from %#x", from)
		return splice(d.rec.data, at, n, d.rec.data[from:][:n])
	}},
	{"duplicate", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		return d.fix(splice(d.rec.data, at, 0, d.rec.data[at:][:n]), n)
	}},
	{"drop", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		return d.fix(splice(d.rec.data, at, n), -n)
	}},
	{"swap", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		if at+2*n > len(d.rec.data) {
			return nil
		}
		return splice(d.rec.data, at, 2*n, d.rec.data[at+n:][:n], d.rec.data[at:][:n])
	}},
	{"cut the end", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at := max(d.place(r, 1), d.first())
		d.note = fmt.Sprintf("at %#x", at)
		return d.rec.data[:at]
	}},
	{"cut the start", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		n := d.place(r, d.first()+1)
		d.note = fmt.Sprintf("%d bytes", n)
		if d.rec.form == "perf" {
			at := perfData(d.rec.data)
			n = min(n, len(d.rec.data)/2)
			return d.fix(splice(d.rec.data, at, n), -n)
		}
		return splice(d.rec.data, d.first(), n)
	}},
	{"insert another file", "text dat perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.block(r)
		n = min(n, len(d.other.data)/2)
		from := r.IntN(len(d.other.data) - n)
		if r.IntN(2) == 0 {
			return d.fix(splice(d.rec.data, at, 0, d.other.data[from:][:n]), n)
		}
		return splice(d.rec.data, at, min(n, len(d.rec.data)-at), d.other.data[from:][:n])
	}},

	// Records.
	{"records dropped", "text perf", true, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		return d.fix(splice(d.rec.data, at, n), -n)
	}},
	{"records repeated", "text perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		return d.fix(splice(d.rec.data, at, 0, d.rec.data[at:][:n]), n)
	}},
	{"records repeated later", "text perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		to, _ := d.records(r, 1)
		return d.fix(splice(d.rec.data, to, 0, d.rec.data[at:][:n]), n)
	}},
	{"records swapped", "text perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		_, m := d.recordsFrom(at+n, 1<<r.IntN(12))
		return splice(d.rec.data, at, n+m, d.rec.data[at+n:][:m], d.rec.data[at:][:n])
	}},
	{"every kth record dropped", "text perf", true, func(r *rand.Rand, d *damager) []byte {
		at, _ := d.records(r, 1)
		k := 2 + r.IntN(50)
		out := slices.Clone(d.rec.data[:at])
		for i := range 1 << r.IntN(14) {
			_, n := d.recordsFrom(at, 1)
			if n == 0 {
				break
			}
			if i%k != 0 {
				out = append(out, d.rec.data[at:][:n]...)
			}
			at += n
		}
		d.note += fmt.Sprintf(" one of %d", k)
		out = append(out, d.rec.data[at:]...)
		return d.fix(out, len(out)-len(d.rec.data))
	}},
	{"times go back", "text perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(8))
		out := slices.Clone(d.rec.data)
		if d.rec.form == "perf" {
			for end := at + n; at < end; {
				_, k := d.recordsFrom(at, 1)
				if k >= 40 && binary.LittleEndian.Uint32(out[at:]) == 9 {
					for _, f := range []int{16, 24, 32} { // where the time is depends on the fields
						if v := binary.LittleEndian.Uint64(out[at+f:]); v > 1e9 && v < 1e13 {
							binary.LittleEndian.PutUint64(out[at+f:], v-uint64(r.IntN(1<<26)))
						}
					}
				}
				if k == 0 {
					break
				}
				at += k
			}
			return out
		}
		lines := bytes.SplitAfter(out[at:][:n], []byte("\n"))
		for i, l := range lines {
			if j := bytes.Index(l, []byte(": ")); j > 7 && l[j-7] == '.' {
				lines[i] = slices.Concat(l[:j-4], []byte(fmt.Sprintf("%04d", r.IntN(10000))), l[j:])
			}
		}
		return splice(out, at, n, lines...)
	}},
	{"impossible length", "perf", false, func(r *rand.Rand, d *damager) []byte {
		at, _ := d.records(r, 1)
		out := slices.Clone(d.rec.data)
		binary.LittleEndian.PutUint16(out[at+6:], []uint16{0, 4, 12, 0xffff, 8, 16, 0x8000, uint16(r.Uint32())}[r.IntN(8)])
		return out
	}},
	{"lost record", "perf", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		b := make([]byte, 24) // as without a trailer
		binary.LittleEndian.PutUint32(b, 2)
		binary.LittleEndian.PutUint16(b[6:], 24)
		binary.LittleEndian.PutUint64(b[16:], 7)
		return d.fix(splice(d.rec.data, at, n, b), 24-n)
	}},

	{"flip", "text dat perf", false, flip},

	// Lines.
	{"lost line", "text", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		say := []string{"CPU:%d [LOST 12 EVENTS]\n", "CPU:%d [LOST EVENTS]\n", "CPU:%d [12 EVENTS DROPPED]\n", "[LOST 12 EVENTS]\n"}[r.IntN(4)]
		if strings.Contains(say, "%d") {
			say = fmt.Sprintf(say, r.IntN(2))
		}
		return splice(d.rec.data, at, n, []byte(say))
	}},
	{"lines lost of a CPU", "text", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		cpu := fmt.Sprintf("[%03d]", r.IntN(2))
		var out []byte
		for l := range bytes.Lines(d.rec.data[at:][:n]) {
			if !bytes.Contains(l, []byte(cpu)) {
				out = append(out, l...)
			}
		}
		out = append(out, fmt.Sprintf("CPU:%s [LOST %d EVENTS]\n", strings.Trim(cpu, "[]0")+"0"[:b2i(cpu == "[000]")], 3)...)
		return splice(d.rec.data, at, n, out)
	}},
	{"lines lost of an event", "text", true, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		event := []string{"lock_acquire:", "lock_release:", "lock_acquired:", "irq_", "sched_switch:"}[r.IntN(5)]
		k := 1 + r.IntN(10)
		var out []byte
		for l := range bytes.Lines(d.rec.data[at:][:n]) {
			if !bytes.Contains(l, []byte(event)) || r.IntN(k) != 0 {
				out = append(out, l...)
			}
		}
		return splice(d.rec.data, at, n, out)
	}},
	{"interleaved", "text", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(12))
		o := &damager{rec: d.other}
		from, m := o.records(r, 1<<r.IntN(12))
		a, b := bytes.SplitAfter(d.rec.data[at:][:n], []byte("\n")), bytes.SplitAfter(d.other.data[from:][:m], []byte("\n"))
		var out []byte
		for len(a)+len(b) > 0 {
			if len(b) == 0 || len(a) > 0 && r.IntN(2) == 0 {
				out, a = append(out, a[0]...), a[1:]
			} else {
				out, b = append(out, b[0]...), b[1:]
			}
		}
		return splice(d.rec.data, at, n, out)
	}},
	{"lines cut short", "text", false, func(r *rand.Rand, d *damager) []byte {
		at, n := d.records(r, 1<<r.IntN(8))
		var out []byte
		for l := range bytes.Lines(d.rec.data[at:][:n]) {
			out = append(append(out, l[:r.IntN(len(l))]...), '\n')
		}
		return splice(d.rec.data, at, n, out)
	}},
}

// silent says whether a damage is one that nobody can notice in principle: whole records that are gone without a word, or
// another value within a record.
func silent(rec *recording, k damageKind, before, after []byte) bool {
	if k.gone && !rec.counted {
		return true
	}
	n := 0
	for n < len(before) && n < len(after) && before[n] == after[n] {
		n++
	}
	before, after = before[n:], after[n:]
	for n = 0; n < len(before) && n < len(after) && before[len(before)-1-n] == after[len(after)-1-n]; {
		n++
	}
	before, after = before[:len(before)-n], after[:len(after)-n]
	if len(before) > 64 || len(after) > 64 {
		return false
	}
	if rec.form == "text" {
		return bytes.IndexByte(before, '\n') < 0 && bytes.IndexByte(after, '\n') < 0
	}
	return len(before) == len(after)
}

// flip changes a bit of a lock event: in its address, its name or its flags.
func flip(r *rand.Rand, d *damager) []byte {
	out := slices.Clone(d.rec.data)
	if d.rec.form != "text" {
		at := max(d.place(r, 1), d.first())
		out[at] ^= 1 << r.IntN(8)
		d.note = fmt.Sprintf("at %#x", at)
		return out
	}
	for range 1000 {
		at, n := d.records(r, 1)
		line := out[at:][:n]
		i := bytes.Index(line, []byte(": lock_"))
		j := bytes.Index(line, []byte("ffff"))
		k := bytes.IndexByte(line, ']')
		if i < 0 || j < i || j+18 >= n-1 || k < 0 || k+6 > n {
			continue
		}
		what, from, to := "address", j+4, j+16
		switch r.IntN(3) {
		case 0:
			what, from, to = "name", j+17, n-1
		case 1:
			what, from, to = "flags", k+2, k+7
		}
		p := from + r.IntN(to-from)
		switch what {
		case "address":
			line[p] = "0123456789abcdef"[r.IntN(16)]
		case "name":
			line[p] ^= 1 << r.IntN(7)
		case "flags":
			line[p] = []string{".dbD", ".npN", ".hsH", ".123", ".123"}[p-from][r.IntN(4)]
		}
		d.note = fmt.Sprintf("%s at %#x: %s", what, at, line[:n-1])
		return out
	}
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// perfData is where the records of a perf.data begin.
func perfData(data []byte) int {
	if binary.LittleEndian.Uint64(data[8:]) == 16 {
		return 16
	}
	return int(binary.LittleEndian.Uint64(data[40:]))
}

// fix mends the places that the header of a perf.data has, of what stands behind the records.
func (d *damager) fix(out []byte, delta int) []byte {
	le := binary.LittleEndian
	if d.rec.form != "perf" || le.Uint64(out[8:]) == 16 {
		return out
	}
	at, size := le.Uint64(d.rec.data[40:]), le.Uint64(d.rec.data[48:])
	end := at + size
	le.PutUint64(out[48:], size+uint64(delta))
	first := ^uint64(0)
	for i := end; i < first && i+16 <= uint64(len(d.rec.data)); i += 16 {
		from := le.Uint64(d.rec.data[i:])
		first = min(first, from)
		le.PutUint64(out[i+uint64(delta):], from+uint64(delta))
	}
	return out
}

// records finds records or lines in a row.
func (d *damager) records(r *rand.Rand, want int) (at, n int) {
	if d.rec.form == "text" {
		at = d.place(r, 1)
		at += bytes.IndexByte(d.rec.data[at:], '\n') + 1
		return d.recordsFrom(at, want)
	}
	at = perfData(d.rec.data)
	all := 0
	for p := at; ; all++ {
		_, k := d.recordsFrom(p, 1)
		if k == 0 {
			break
		}
		p += k
	}
	_, k := d.recordsFrom(at, r.IntN(all))
	return d.recordsFrom(at+k, want)
}

func (d *damager) recordsFrom(from, want int) (at, n int) {
	data := d.rec.data
	end := len(data)
	if d.rec.form == "perf" && perfData(data) != 16 {
		end = int(binary.LittleEndian.Uint64(data[40:]) + binary.LittleEndian.Uint64(data[48:]))
	}
	at = from
	i := 0
	for ; i < want && at < end; i++ {
		k := 0
		if d.rec.form == "text" {
			k = bytes.IndexByte(data[at:], '\n') + 1
		} else if k = int(binary.LittleEndian.Uint16(data[at+6:])); binary.LittleEndian.Uint32(data[at:]) == 66 {
			k += int(binary.LittleEndian.Uint32(data[at+8:]))
		}
		if k < 8 && d.rec.form == "perf" || k <= 0 {
			break
		}
		at += k
	}
	d.note = fmt.Sprintf("%d records at %#x", i, from)
	return from, min(at, end) - from
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

// TestDamages damages recordings in every way that the kinds have, and compares with what the whole file gives: no finding
// is likely that is not so there, nothing panics, hangs, or takes more than a bounded part of memory. Damage that no reader
// can notice (see silent) is measured, and makes no failure. A damage is made again by its seed:
//
//	LOCKDEP_ORACLE=DIR go test ./ktrace/replay -run=TestDamages -damages=14000 -v -timeout=2h
//	go test ./ktrace/replay -run=TestDamages -damages=1 -damageseed=SEED -v
func TestDamages(t *testing.T) {
	recs := recordings(t)
	if len(recs) == 0 {
		t.Skip("no recordings")
	}
	type sum struct{ n, unread, silent, false_, edges, left, true_, kept int }
	sums := map[string]*sum{}
	byForm := map[string][]*recording{}
	for _, r := range recs {
		byForm[r.form] = append(byForm[r.form], r)
	}
	forms := []string{"text", "text", "perf", "dat"}
	shown := 0
	for i := range *damages {
		seed := *damageSeed + uint64(i)
		r := rand.New(rand.NewPCG(seed, 13))
		form := forms[r.IntN(len(forms))]
		same := byForm[form]
		if len(same) == 0 {
			same = recs
		}
		rec := same[r.IntN(len(same))]
		var kinds []damageKind
		for _, k := range damageKinds {
			if strings.Contains(k.forms, rec.form) && !(strings.Contains(k.forms, "text perf") && strings.HasSuffix(rec.name, "z.data")) {
				kinds = append(kinds, k)
			}
		}
		k := kinds[r.IntN(len(kinds))]
		if !strings.Contains(rec.name+" "+k.name, *damageOf) {
			continue
		}
		same = byForm[rec.form]
		d := &damager{rec: rec, other: same[r.IntN(len(same))]}
		data := k.make(r, d)
		if data == nil {
			continue
		}
		mute := k.name == "flip" || silent(rec, k, rec.data, data)
		for range r.IntN(2) * r.IntN(3) { // sometimes more of the kind
			next := *rec
			next.data = data
			if len(data) < 1<<16 || k.name == "flip" {
				break
			}
			d2 := &damager{rec: &next, other: d.other}
			if more := k.make(r, d2); more != nil {
				mute = mute && silent(rec, k, data, more) || k.gone && !rec.counted
				data, d.note = more, d.note+", "+d2.note
			}
		}
		got := rec.replay(data)
		// Lines that are cut in the same column make one that is good.
		mute = mute || k.name == "drop" && rec.form == "text" && !rec.counted && len(got.errs) == 0
		key := rec.form + " " + k.name
		if mute {
			key = "unseen: " + key
		}
		s := sums[key]
		if s == nil {
			s = &sum{}
			sums[key] = s
		}
		s.n++
		where := fmt.Sprintf("seed %d: %s: %s, %s", seed, rec.name, k.name, d.note)
		if got.open != nil {
			s.unread++
			continue
		}
		if !got.res.Damaged() {
			s.silent++
		}
		if got.took > 5*time.Second+20*rec.took {
			t.Errorf("%s: it took %v, the whole file %v", where, got.took, rec.took)
		}
		if got.alloc > 1<<28+4*rec.alloc {
			t.Errorf("%s: it allocated %d bytes, the whole file %d", where, got.alloc, rec.alloc)
		}
		kept, bad := 0, false
		for _, f := range got.res.Findings {
			if f.Level != Likely {
				continue
			}
			if rec.likely[findingKey(f)] {
				kept++
				continue
			}
			if bad = true; mute {
				if testing.Verbose() {
					t.Logf("not to be noticed: %s: %s (damaged %v)", where, findingKey(f), got.res.Damaged())
				}
				continue
			}
			if shown++; shown <= 40 {
				t.Errorf("%s: %s (damaged %v, errors %d)", where, findingKey(f), got.res.Damaged(), len(got.errs))
			}
		}
		if bad {
			s.false_++
		}
		s.true_ += len(rec.likely)
		s.kept += min(kept, len(rec.likely))
		s.edges += len(rec.edges)
		for e := range edges(got.res) {
			if rec.edges[e] {
				s.left++
			}
		}
	}
	names := make([]string, 0, len(sums))
	for n := range sums {
		names = append(names, n)
	}
	slices.Sort(names)
	all, unseen := sum{}, sum{}
	line := func(n string, s *sum) {
		t.Logf("%-32s %6d, not opened %4d, not noticed %4d, false %4d, findings kept %5d of %5d, dependencies %.1f%%", n, s.n, s.unread, s.silent, s.false_, s.kept, s.true_, 100*float64(s.left)/float64(max(s.edges, 1)))
	}
	for _, n := range names {
		s := sums[n]
		line(n, s)
		to := &all
		if strings.HasPrefix(n, "unseen") {
			to = &unseen
		}
		to.n, to.unread, to.silent, to.false_ = to.n+s.n, to.unread+s.unread, to.silent+s.silent, to.false_+s.false_
		to.edges, to.left, to.true_, to.kept = to.edges+s.edges, to.left+s.left, to.true_+s.true_, to.kept+s.kept
	}
	line("that leave no trace", &unseen)
	line("all others", &all)
	if all.false_ > 0 {
		t.Errorf("%d of %d damages gave a finding that the whole file does not have", all.false_, all.n)
	}
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
