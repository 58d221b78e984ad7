package replay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

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
