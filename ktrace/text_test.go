package ktrace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oracle is the directory of recorded traces.
func oracle(t *testing.T) string {
	dir := os.Getenv("LOCKDEP_ORACLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "oracle")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no oracle: ", err)
	}
	return dir
}

func count(t *testing.T, name string) (events, faults int, byKind map[Kind]int) {
	t.Helper()
	r, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	byKind = make(map[Kind]int)
	for ev, err := range r.Events() {
		if err != nil {
			if faults++; faults <= 5 {
				t.Error(err)
			}
			continue
		}
		events++
		byKind[ev.Kind]++
	}
	return events, faults, byKind
}

// TestOracleText reads whole recordings. Each line of the samples is one event.
func TestOracleText(t *testing.T) {
	dir := oracle(t)
	for _, c := range []struct {
		file   string
		events int
	}{
		{"perf/a.script.zst", 129886},
		{"perf/z.script.zst", 143636},
		{"perf/pipe.script.zst", 27092},
		{"runs/lx_bootwork2/trace.txt.zst", 399988 + 1}, // the first lines only, so the last event is Lost
	} {
		t.Run(c.file, func(t *testing.T) {
			n, _, kinds := count(t, filepath.Join(dir, c.file))
			if n != c.events {
				t.Errorf("%d events, want %d", n, c.events)
			}
			if kinds[Raw] != 0 || kinds[LockAcquire] == 0 {
				t.Errorf("kinds: %v", kinds)
			}
		})
	}
}

func TestStyles(t *testing.T) {
	for _, c := range []struct{ line, comm, columns string }{
		{"            work-76  [003] d..1.  37.430105: lock_acquire: ffff8881003982a0 try read &ctx->wqh", "work", "d..1."},
		{"cpus=4\n    work x-76      3d..1.    37.430105: lock_acquire:         0xffff8881003982a0 try read &ctx->wqh", "work x", "d..1."},
		{"cpus=4\n  work-76  [003]    37.430105: lock_acquire:         0xffff8881003982a0 try read &ctx->wqh", "work", "....."},
		{"  w-1 2  76/76 [003] 37.430105: lock:lock_acquire: 0xffff8881003982a0 try read &ctx->wqh ffffffff810d17f9 [unknown]", "w-1 2", "....."},
	} {
		r, err := NewReader(strings.NewReader(c.line + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ev, err := range r.Events() {
			if err != nil {
				t.Errorf("%q: %v", c.line, err)
				continue
			}
			n++
			if ev.Kind != LockAcquire || ev.Mode != Try|Read || ev.Name != "&ctx->wqh" || ev.Addr != 0xffff8881003982a0 ||
				ev.CPU != 3 || ev.PID != 76 || ev.Time != 37430105000 || ev.Comm != c.comm || ev.Columns() != c.columns {
				t.Errorf("%q: got %+v, columns %s", c.line, *ev, ev.Columns())
			}
		}
		if n != 1 {
			t.Errorf("%q: %d events, want 1", c.line, n)
		}
	}
}

// lines are of every kind of event and of every printer.
var lines = []string{
	"# tracer: nop\n#                                _-----=> irqs-off/BH-disabled\n#                               / _----=> need-resched\n#                              | / _---=> hardirq/softirq\n#                              || / _--=> preempt-depth\n#                              ||| / _-=> migrate-disable\n",
	"            work-76  [003] d..1.  37.430105: lock_acquire: ffff8881003982a0 try read &ctx->wqh\n",
	"            work-76  [003] d..1.  37.430106: lock_release: ffff8881003982a0 &ctx->wqh\n",
	"            work-76  [003] .....  37.430107: irq_disable: caller=do_syscall_64+0x1d/0x190 parent=0x0\n",
	"          <idle>-0   [000] d.h2.  37.430108: irq_handler_entry: irq=9 name=acpi\n",
	"          <idle>-0   [000] d.h2.  37.430109: irq_handler_exit: irq=9 ret=handled\n",
	"          <idle>-0   [000] ..s2.  37.430110: softirq_entry: vec=9 [action=RCU]\n",
	"            work-76  [003] d..2.  37.430111: sched_switch: prev_comm=work prev_pid=76 prev_prio=120 prev_state=R+ ==> next_comm=kworker/3:1 next_pid=44 next_prio=120\n",
	"     kworker/3:1-44  [003] .....  37.430112: workqueue_queue_work: work struct=ffff88817abfa160 function=vmstat_update workqueue=mm_percpu_wq req_cpu=3 cpu=3\n",
	"     kworker/3:1-44  [003] .....  37.430113: timer_start: timer=ffff88817abfa1c0 function=delayed_work_timer_fn expires=4294702 [timeout=250] bucket_expiry=4294720 cpu=3 idx=100 flags=D|P|I\n",
	"     kworker/3:1-44  [003] .....  37.430114: hrtimer_start: hrtimer=ffff88817a3f0dd8 function=tick_nohz_handler expires=31860000000 softexpires=31860000000 mode=ABS was_armed=0\n",
	"            work-76  [003] .....  37.430115: console: [    1.0] a message\nand its second line\n",
	"CPU:1 [LOST 12 EVENTS]\n",
	"cpus=4\n    work x-76      3d..1.    37.430105: lock_acquire:         0xffff8881003982a0 &ctx->wqh\n",
	"  w-1 2  76/76 [003] 37.430105: lock:lock_acquire: 0xffff8881003982a0 &ctx->wqh ffffffff810d17f9 [unknown]\n\tffffffff810d17f9 lock_acquire ([kernel.kallsyms])\n",
}

// TestTextCut reads text that ends at every byte: no event is another than in the whole text, but for the one that was
// cut, and what is no event is an error with its line.
func TestTextCut(t *testing.T) {
	whole := strings.Join(lines[:13], "")
	read := func(text string) (out []string, damage []error) {
		r, err := NewReader(strings.NewReader(text))
		if err != nil {
			return nil, []error{err}
		}
		for ev, err := range r.Events() {
			if err != nil {
				damage = append(damage, err)
				continue
			}
			out = append(out, fmt.Sprintf("%+v", *ev))
		}
		return out, damage
	}
	all, damage := read(whole)
	if len(all) != 12 || len(damage) > 0 {
		t.Fatalf("%d events, %v", len(all), damage)
	}
	for n := range len(whole) {
		got, damage := read(whole[:n])
		for i, line := range got {
			if i < len(got)-1 && line != all[i] {
				t.Fatalf("cut at %d: event %d is %s, want %s", n, i, line, all[i])
			}
		}
		for _, err := range damage {
			var e *Error
			if !errors.As(err, &e) || n > 0 && e.Line == 0 && e.Offset < 0 {
				t.Fatalf("cut at %d: %v has no place", n, err)
			}
		}
	}
	// Noise between good lines is passed over, a run of it as one error.
	got, damage := read(whole + strings.Repeat("no event at all\n", 1000) + lines[1])
	if len(got) != 13 || len(damage) != 1 || !strings.Contains(damage[0].Error(), "1000 lines") {
		t.Errorf("%d events, %v", len(got), damage)
	}
}

func FuzzText(f *testing.F) {
	for _, l := range lines {
		f.Add(l)
	}
	f.Add(strings.Join(lines, ""))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := NewReader(strings.NewReader(text))
		if err != nil {
			return
		}
		defer r.Close()
		for ev, err := range r.Events() {
			if (ev == nil) == (err == nil) {
				t.Fatal("want an event or an error")
			}
			if ev != nil && (ev.Kind == 0 || int(ev.Kind) >= len(points)) {
				t.Fatalf("kind %d", ev.Kind)
			}
		}
	})
}

// BenchmarkText reads the text of a recording from memory.
func BenchmarkText(b *testing.B) {
	file := oracleFiles(b, "runs/s_work4/trace.txt.zst")[0]
	in, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	z, err := newZstd(in)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for range r.Events() {
			n++
		}
		if n == 0 {
			b.Fatal("no event")
		}
	}
}
