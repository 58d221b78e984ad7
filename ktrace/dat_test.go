package ktrace

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oracleFiles returns the files of that name in the oracle: LOCKDEP_ORACLE, or the one beside the repository.
func oracleFiles(t testing.TB, pattern string) []string {
	t.Helper()
	dir := cmp.Or(os.Getenv("LOCKDEP_ORACLE"), "../../shared/oracle")
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Skipf("LOCKDEP_ORACLE: no %s in %s", pattern, dir)
	}
	return list
}

// traceCmd returns the program trace-cmd. testdata/install-trace-cmd.sh installs it.
func traceCmd(t testing.TB) string {
	t.Helper()
	exe, err := exec.LookPath("trace-cmd")
	if err != nil {
		t.Skip("want trace-cmd: ktrace/testdata/install-trace-cmd.sh installs it")
	}
	return exe
}

// TestDat compares every event of every trace.dat with what trace-cmd report prints of it, field for field: the file as
// it is (version 7, zstd), without compression, and as version 6.
func TestDat(t *testing.T) {
	exe := traceCmd(t)
	for _, file := range oracleFiles(t, "runs/*/trace.dat") {
		run := filepath.Base(filepath.Dir(file))
		t.Run(run, func(t *testing.T) {
			if testing.Short() && run != "s_work4" {
				t.Skip("the large one is not for -short")
			}
			compareReport(t, exe, file, file, 1)
			for _, v := range []struct{ version, compression string }{{"7", "none"}, {"6", "none"}} {
				to := filepath.Join(t.TempDir(), "trace.dat")
				cmd := exec.CommandContext(t.Context(), exe, "convert", "-i", file, "-o", to, "--file-version", v.version, "--compression", v.compression)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("converting: %v\n%s", err, out)
				}
				compareEvents(t, file, to, 2)
				if v.version == "6" && run == "s_work4" {
					loseEvents(t, to)
					compareReport(t, exe, to, to, 2)
				}
			}
			to := filepath.Join(t.TempDir(), "zlib.dat")
			repack(t, file, to)
			compareEvents(t, file, to, 2)
		})
	}
}

// TestCutOffDat reads trace.dat files that are cut: what is read of each CPU is the beginning of what the whole file has.
func TestCutOffDat(t *testing.T) {
	file := slices.MinFunc(oracleFiles(t, "runs/*/trace.dat"), func(x, y string) int { return cmp.Compare(size(x), size(y)) })
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := func(b []byte, at func(ev *Event)) (damage []error) {
		d, err := newDatSource(bytes.NewReader(b), int64(len(b)), "f")
		if err != nil {
			t.Fatal(err)
		}
		d.run(func(ev *Event, err error) bool {
			if err != nil {
				damage = append(damage, err)
			} else {
				at(ev)
			}
			return true
		})
		return damage
	}
	next := func(sum uint64, ev *Event) uint64 {
		return (sum ^ ev.Time ^ ev.Addr ^ uint64(ev.Kind)<<56 ^ uint64(ev.PID)<<24) * 0x9e3779b97f4a7c15
	}
	type state struct {
		n   int
		sum uint64
	}
	for _, share := range []int{40, 99} {
		cut, whole := map[int32]state{}, map[int32]state{}
		damage := read(b[:len(b)*share/100], func(ev *Event) {
			s := cut[ev.CPU]
			cut[ev.CPU] = state{s.n + 1, next(s.sum, ev)}
		})
		read(b, func(ev *Event) {
			if s := whole[ev.CPU]; s.n < cut[ev.CPU].n {
				whole[ev.CPU] = state{s.n + 1, next(s.sum, ev)}
			}
		})
		maps.DeleteFunc(whole, func(_ int32, s state) bool { return s.n == 0 })
		if len(cut) == 0 || len(damage) == 0 || !maps.Equal(cut, whole) {
			t.Errorf("%d %% of the file: %v, in the whole %v; %v", share, cut, whole, damage)
		}
		t.Logf("%d %% of the file: %v, %v", share, cut, damage)
	}
}

// loseEvents marks some pages of an uncompressed file as the kernel does where it overwrote events before them: with their
// number behind the records, or without.
func loseEvents(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := newDatSource(f, size(file), file)
	if err != nil {
		t.Fatal(err)
	}
	page := make([]byte, d.pageSize)
	for _, c := range d.cpus {
		for i := int64(7); i < c.size/int64(d.pageSize); i += 50 {
			at := c.offset + i*int64(d.pageSize)
			if _, err := f.ReadAt(page, at); err != nil {
				t.Fatal(err)
			}
			commit := binary.LittleEndian.Uint64(page[8:])
			end := d.layout.data + int(commit&commitMask)
			commit |= missedEvents
			if i%100 == 7 && end+8 <= len(page) {
				commit |= missedStored
				binary.LittleEndian.PutUint64(page[end:], uint64(i))
			}
			binary.LittleEndian.PutUint64(page[8:], commit)
			if _, err := f.WriteAt(page, at); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// repack writes a version 7 file that zstd compressed as one of zlib, which not every trace-cmd can write.
func repack(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDatSource(bytes.NewReader(b), int64(len(b)), from)
	if err != nil || d.big || d.compress != "zstd" {
		t.Fatalf("want a little-endian file with zstd: %v", err)
	}
	o := binary.LittleEndian
	var out []byte
	moved := map[uint64]uint64{} // where each offset of the file went
	pack := func(at int) int {   // a compressed piece
		n := int(o.Uint32(b[at:]))
		data, err := d.unpack(nil, b[at+8:at+8+n], int(o.Uint32(b[at+4:])))
		if err != nil {
			t.Fatal(err)
		}
		packed := datForm{compress: "zlib"}.pack(data)
		out = o.AppendUint32(o.AppendUint32(out, uint32(len(packed))), uint32(len(data)))
		out = append(out, packed...)
		return at + 8 + n
	}
	names := len(datMagic) + len("7\x00") + 2 + 4
	head := names + len("zstd\x00") + bytes.IndexByte(b[names+len("zstd\x00"):], 0) + 1 + 8
	out = append(out, b[:head]...)
	copy(out[names:], "zlib")
	var options []int
	for at := head; at < len(b); {
		moved[uint64(at)] = uint64(len(out))
		id, flags, n := o.Uint16(b[at:]), o.Uint16(b[at+2:]), int(o.Uint64(b[at+8:]))
		start := len(out)
		out = append(out, b[at:at+16]...)
		end := at + 16 + n
		switch {
		case id == optBuffer:
			for _, c := range d.cpus {
				moved[uint64(c.offset)] = uint64(len(out))
				out = append(out, b[c.offset:c.offset+4]...)
				piece := int(c.offset) + 4
				for range o.Uint32(b[c.offset:]) {
					piece = pack(piece)
				}
				end = max(end, piece)
			}
			for !bytes.Equal(b[end:end+4], []byte{0, 0, 0, 0}) || o.Uint64(b[end+8:]) == 0 {
				end++ // the options behind it
			}
		case flags&1 != 0:
			pack(at + 16)
		default:
			if id == optDone {
				options = append(options, len(out))
			}
			out = append(out, b[at+16:end]...)
		}
		o.PutUint64(out[start+8:], uint64(len(out)-start-16))
		at = end
	}
	move := func(p []byte) {
		if v := o.Uint64(p); v != 0 {
			o.PutUint64(p, moved[v])
		}
	}
	move(out[head-8:])
	for _, at := range options {
		for {
			id, v := o.Uint16(out[at:]), out[at+6:][:o.Uint32(out[at+2:])]
			at += 6 + len(v)
			switch {
			case id == optDone, id >= optHeader && id <= optCmdlines:
				move(v)
			case id == optBuffer:
				move(v)
				for i := range d.cpus {
					move(v[len(v)-(len(d.cpus)-i)*20+4:])
				}
			}
			if id == optDone {
				break
			}
		}
	}
	if err := os.WriteFile(to, out, 0o600); err != nil {
		t.Fatal(err)
	}
}

// compareReport compares the events of a file with what trace-cmd prints in three ways: the event and its arguments; with
// -l the columns of flags and depths; and with -R the number that the flags are, and the fields of events that this
// package does not know.
func compareReport(t *testing.T, exe, file, printed string, jobs int) {
	t.Helper()
	report := func(args ...string) io.Reader {
		cmd := exec.CommandContext(t.Context(), exe, append([]string{"report", "-t", "-i", printed}, args...)...)
		cmd.Stderr = io.Discard
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		return bufio.NewReaderSize(out, 1<<20)
	}
	events := func(r io.Reader) (func() (*Event, error, bool), func()) {
		text, err := NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return iter.Pull2(text.Events())
	}
	r, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Jobs(jobs)
	plain, stopPlain := events(report())
	defer stopPlain()
	latency, stopLatency := events(report("-l"))
	defer stopLatency()
	raw := bufio.NewScanner(report("-R", "-l"))
	n, bad := 0, 0
	kinds := map[Kind]int{}
	switched, renamed := map[int32]string{}, map[int32]bool{} // first name in a sched_switch, by task
	differs := func(what, got, want string) {
		if bad++; bad <= 10 {
			t.Errorf("event %d, %s:\n%s\ntrace-cmd:\n%s", n, what, got, want)
		}
	}
	for ev, err := range r.Events() {
		if err != nil {
			t.Fatalf("event %d: %v", n, err)
		}
		want, err, ok := plain()
		lat, err2, ok2 := latency()
		if err != nil || err2 != nil || !ok || !ok2 {
			t.Fatalf("event %d: trace-cmd: %v, %v; we %s", n, err, err2, show(ev))
		}
		n++
		kinds[ev.Kind]++
		if ev.Kind == Lost {
			want.Time = ev.Time // text has none
			if show(ev) != show(want) {
				differs("lost", show(ev), show(want))
			}
			continue
		}
		if ev.Kind == Raw {
			want.Text = ev.Text // compared below
		}
		// Where no task but the idle ones came before, trace-cmd may take the first name that a sched_switch gives a task
		// for the whole trace, instead of the one that the file has for it.
		if want.Comm != ev.Comm && switched[ev.PID] == want.Comm && want.Comm != "" {
			want.Comm = ev.Comm
			renamed[ev.PID] = true
		}
		if ev.Kind == SchedSwitch {
			for _, task := range []Task{ev.Prev, ev.Next} {
				if switched[task.PID] == "" {
					switched[task.PID] = task.Comm
				}
			}
			// trace-cmd has the letters of the bits in Linux 2.6, whatever the format says.
			if want.PrevState = strings.Map(func(c rune) rune {
				if i := strings.IndexRune("ZXxW", c); i >= 0 {
					return rune("XZPI"[i])
				}
				return c
			}, want.PrevState); len(ev.PrevState) > 1 {
				want.PrevState += "+"
			}
		}
		if got, printed := show(ev), show(want); got != printed {
			differs("arguments", got, printed)
		}
		// It prints N for what the kernel prints n for, and has no letters for all bits: those are compared below.
		const seen = IRQsOff | NeedResched | HardIRQ | SoftIRQ
		if ev.Flags&seen != lat.Flags&seen || ev.Preempt != lat.Preempt || ev.Migrate != lat.Migrate {
			differs("columns", ev.Columns(), lat.Columns())
		}
		line := ""
		for raw.Scan() {
			if line = raw.Text(); !strings.HasPrefix(line, "cpus=") && !strings.HasPrefix(line, "CPU") && line != "" {
				break
			}
		}
		// "  comm-pid  cpu-0xflags  time: name:  fields"
		_, flags, _ := strings.Cut(line, fmt.Sprintf(" %d-0x", ev.CPU))
		flags, _, _ = strings.Cut(flags, " ")
		if fmt.Sprintf("%x", uint8(ev.Flags)) != flags {
			differs("flags", fmt.Sprintf("%x", uint8(ev.Flags)), line)
		}
		if ev.Kind == Raw {
			_, fields, _ := strings.Cut(line, ev.Point+":")
			if strings.TrimSpace(fields) != ev.Text {
				differs("fields", ev.Text, line)
			}
		}
	}
	if ev, err, ok := plain(); ok {
		t.Errorf("trace-cmd has more than %d events: %s, %v", n, show(ev), err)
	}
	t.Logf("%d events, %d differ, %d tasks have two names: %v", n, bad, len(renamed), kinds)
	if len(renamed) > 1 {
		t.Errorf("trace-cmd has other names for the tasks %v", renamed)
	}
	if n == 0 {
		t.Error("no event")
	}
}

// compareEvents sees that two files have the same events.
func compareEvents(t *testing.T, a, b string, jobs int) {
	t.Helper()
	x, err := Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	y, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	y.Jobs(jobs)
	next, stop := iter.Pull2(y.Events())
	defer stop()
	n := 0
	for ev, err := range x.Events() {
		other, err2, ok := next()
		if err != nil || err2 != nil || !ok {
			t.Fatalf("event %d: %v, %v", n, err, err2)
		}
		if *ev != *other {
			t.Fatalf("event %d: %s\nthe other file has %s", n, show(ev), show(other))
		}
		n++
	}
	if ev, err, ok := next(); ok {
		t.Fatalf("the other file has more than %d events: %v, %v", n, ev, err)
	}
}

// show prints what an event has in the terms in which trace-cmd has it: functions without their size
// and with an offset that is no offset ("/0x0"), and no names of hrtimer modes.
func show(e *Event) string {
	if e == nil {
		return "none"
	}
	sym := func(s Symbol) string {
		name := strings.TrimSuffix(s.Name, "/0x0")
		if name == "" || strings.HasPrefix(name, "0x") {
			return fmt.Sprintf("0x%x", s.Addr)
		}
		return name
	}
	name, num := e.Name, e.Num
	switch e.Kind {
	case HrtimerStart, HrtimerInit, TimerStart:
		name = ""
	}
	if e.Kind == Lost {
		return fmt.Sprintf("%d [%03d] lost %d", e.Time, e.CPU, num)
	}
	return fmt.Sprintf("%s-%d [%03d] %d: %s: addr=%x mode=%d name=%q text=%q func=%s parent=%s num=%d ret=%d %+v %s %+v",
		e.Comm, e.PID, e.CPU, e.Time, e.Point, e.Addr, e.Mode, name, e.Text, sym(e.Func), sym(e.Parent), num, e.Ret,
		e.Prev, e.PrevState, e.Next)
}

// BenchmarkDat reads the largest trace.dat of the oracle.
func BenchmarkDat(b *testing.B) {
	file := slices.MaxFunc(oracleFiles(b, "runs/*/trace.dat"), func(x, y string) int { return cmp.Compare(size(x), size(y)) })
	for _, jobs := range []int{1, 2} {
		b.Run(fmt.Sprintf("j%d", jobs), func(b *testing.B) {
			n := 0
			for b.Loop() {
				r, err := Open(file)
				if err != nil {
					b.Fatal(err)
				}
				r.Jobs(jobs)
				for _, err := range r.Events() {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				r.Close()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func size(file string) int64 {
	st, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return st.Size()
}
