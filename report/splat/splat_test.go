package splat

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sides gives one cycle of two locks as it is met from either side.
func sides(last string) (string, string) {
	text := func(want, have, fn, other string) string {
		return fmt.Sprintf(`======================================================
WARNING: possible circular locking dependency detected
6.9.0 #1 Not tainted
------------------------------------------------------
task/7 is trying to acquire lock:
ffff888100000010 (%[1]s){+.+.}-{3:3}, at: %[3]s+0x20/0x40

but task is already holding lock:
ffff888100000020 (%[2]s){+.+.}-{3:3}, at: %[3]s+0x10/0x40

which lock already depends on the new lock.


the existing dependency chain (in reverse order) is:

-> #1 (%[2]s){+.+.}-{3:3}:
       lock_acquire+0x10/0x20
       _raw_spin_lock+0x10/0x20
       %[4]s+0x20/0x40

-> #0 (%[1]s){+.+.}-{3:3}:
       lock_acquire+0x10/0x20
       _raw_spin_lock+0x10/0x20
       %[3]s+0x20/0x40

other info that might help us debug this:

 Possible unsafe locking scenario:

       CPU0                    CPU1
       ----                    ----
  lock(%[2]s);
                               lock(%[1]s);
                               lock(%[2]s);
  lock(%[1]s);

 *** DEADLOCK ***

1 lock held by task/7:
 #0: ffff888100000020 (%[2]s){+.+.}-{3:3}, at: %[3]s+0x10/0x40

stack backtrace:
CPU: 0 UID: 0 PID: 7 Comm: task Not tainted 6.9.0 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x10/0x20
 %[3]s+0x20/0x40
 </TASK>
`, want, have, fn, other)
	}
	return text("&a->lock", "&b->lock#3", "put", last), text("&b->lock#5", "&a->lock", last, "put")
}

func TestDedup(t *testing.T) {
	a, b := sides("get")
	c, _ := sides("other")
	rs := parse(t, []byte(a+"\nnoise\n"+b+"\n"+c))
	if len(rs) != 3 {
		t.Fatalf("%d reports, want 3", len(rs))
	}
	if rs[0].SyzkallerTitle() != rs[2].SyzkallerTitle() || rs[0].SyzkallerTitle() == rs[1].SyzkallerTitle() {
		t.Errorf("titles %q, %q, %q: want the first and the last alike", rs[0].SyzkallerTitle(), rs[1].SyzkallerTitle(), rs[2].SyzkallerTitle())
	}
	gs := Dedup(rs)
	if len(gs) != 2 || len(gs[0].Reports) != 2 || gs[0].Reports[1] != rs[1] {
		t.Errorf("%d groups; keys %q, %q, %q", len(gs), rs[0].Key(), rs[1].Key(), rs[2].Key())
	}
	for i, text := range []string{a, b, c} {
		if diff := cmp.Diff(text, kernel(t, rs[i])); diff != "" {
			t.Errorf("-text +printed:\n%s", diff)
		}
		if c := rs[i].Cut(); len(c) > 0 {
			t.Errorf("cut: %q", c)
		}
	}
}

// TestCallers reads two reports whose lines alternate.
func TestCallers(t *testing.T) {
	a, b := sides("get")
	la, lb := strings.Split(strings.TrimSuffix(a, "\n"), "\n"), strings.Split(strings.TrimSuffix(b, "\n"), "\n")
	var text strings.Builder
	for i := range max(len(la), len(lb)) {
		if i < len(la) {
			fmt.Fprintf(&text, "[   12.%06d][   T7] %s\n", i, la[i])
		}
		if i < len(lb) {
			fmt.Fprintf(&text, "[   12.%06d][    C1] %s\n", i, lb[i])
		}
		fmt.Fprintf(&text, "[   12.%06d][  T99] usb 1-1: new device\n", i)
	}
	rs := parse(t, []byte(text.String()))
	if len(rs) != 2 {
		t.Fatalf("%d reports, want 2", len(rs))
	}
	for i, want := range []string{a, b} {
		if diff := cmp.Diff(want, kernel(t, rs[i])); diff != "" {
			t.Errorf("report %d: -text +printed:\n%s", i, diff)
		}
	}
}

// TestDress dresses a report as logs and mails do; it must come out as it was.
func TestDress(t *testing.T) {
	a, _ := sides("get")
	each := func(f func(i int, l string) string) string {
		var b strings.Builder
		for i, l := range strings.Split(strings.TrimSuffix(a, "\n"), "\n") {
			b.WriteString(f(i, l))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"console": each(func(i int, l string) string { return fmt.Sprintf("[%5d.%06d] %s\n", i, i, l) }),
		"level":   each(func(i int, l string) string { return fmt.Sprintf("<4>[%5d.%06d] %s\r\n", i, i, l) }),
		"syslog": each(func(i int, l string) string {
			return fmt.Sprintf("Jan  3 10:00:%02d box kernel: [%5d.%06d] %s\n", i%60, i, i, l)
		}),
		"journal": each(func(i int, l string) string {
			return fmt.Sprintf("Jan 03 10:00:%02d.%06d box kernel: %s\n", i%60, i, l)
		}),
		"iso": each(func(i int, l string) string {
			return fmt.Sprintf("2024-01-03T10:00:%02d.1+01:00 box kernel: %s\n", i%60, l)
		}),
		"decoded":  each(func(i int, l string) string { return fmt.Sprintf("kern  :warn  : [%5d.%06d] %s\n", i, i, l) }),
		"wall":     each(func(i int, l string) string { return fmt.Sprintf("[Wed Jan  3 10:00:%02d 2024] %s\n", i%60, l) }),
		"quoted":   each(func(_ int, l string) string { return "> > " + l + "\n" }),
		"indented": each(func(_ int, l string) string { return "      " + l + "\n" }),
		"unheard":  each(func(i int, l string) string { return fmt.Sprintf("vm-%d console| %s\n", i, l) }),
		"html": each(func(_ int, l string) string {
			return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(l) + "\n"
		}),
		"printable": each(func(_ int, l string) string { return softBreaks(strings.ReplaceAll(l, "=", "=3D")) + "\n" }),
		"wrapped": each(func(i int, l string) string {
			l = fmt.Sprintf("[%5d.%06d] %s", i, i, l)
			if k := strings.LastIndexByte(l[:min(len(l), 60)], ' '); len(l) > 60 && k > 20 {
				l = l[:k] + "\n" + l[k+1:]
			}
			return l + "\n"
		}),
	} {
		t.Run(name, func(t *testing.T) {
			rs := parse(t, []byte("some text\n\n"+text+"\n\nRegards\n"))
			if len(rs) != 1 {
				t.Fatalf("%d reports, want 1", len(rs))
			}
			if diff := cmp.Diff(a, kernel(t, rs[0])); diff != "" {
				t.Errorf("-text +printed:\n%s", diff)
			}
		})
	}
}

func softBreaks(s string) string {
	if len(s) < 70 {
		return s
	}
	k := 66
	for s[k-1] == '=' || s[k-2] == '=' { // not within an escape
		k--
	}
	return s[:k] + "=\n" + s[k:]
}

func TestTalk(t *testing.T) {
	for _, text := range []string{
		"Subject: WARNING: possible circular locking dependency detected\n\nhello,\nI saw this.\n",
		"+	if (DEBUG_LOCKS_WARN_ON(depth >= 20))\n+		return;\n",
		"INFO: task x:1 blocked for more than 120 seconds.\n1 lock held by x/1:\n #0: ffff888100000020 (&a){+.+.}-{3:3}, at: put+0x10/0x40\n",
		"Showing all locks held in the system:\n1 lock held by x/1:\n #0: ffff888100000020 (&a){+.+.}-{3:3}, at: put+0x10/0x40\n\n=============================================\n",
	} {
		for _, r := range parse(t, []byte(text)) {
			t.Errorf("%s in %q", r.Kind, text)
		}
	}
}

func TestCut(t *testing.T) {
	a, _ := sides("get")
	for _, c := range []struct{ upTo, want string }{
		{"stack backtrace:", "backtrace"},
		{"1 lock held", "held locks, backtrace"},
		{"-> #0", "part of the dependency chain, held locks, backtrace"},
		{"which lock", "dependency chain, held locks, backtrace"},
		{"but task", "lock held, dependency chain, held locks, backtrace"},
	} {
		text, _, _ := strings.Cut(a, c.upTo)
		rs := parse(t, []byte(text))
		if len(rs) != 1 {
			t.Errorf("cut at %q: %d reports", c.upTo, len(rs))
			continue
		}
		if got := strings.Join(rs[0].Cut(), ", "); got != c.want {
			t.Errorf("cut at %q: says %q, want %q", c.upTo, got, c.want)
		}
		checkRoundTrip(t, rs[0])
	}
}

// noise is n bytes of a log with banners in it that lead to nothing.
type noise struct{ n int64 }

func (z *noise) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	const lines = "[   12.345678] usb 1-1: new high-speed device\n[   12.345679] WARNING: possible circular locking dependency detected\n"
	k := 0
	for k+len(lines) < len(p) {
		k += copy(p[k:], lines)
	}
	z.n -= int64(k)
	return k, nil
}

func TestNoiseMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	// Banners in every second line, and a line without end.
	in := io.MultiReader(&noise{2 << 20}, io.LimitReader(zeros{}, 8<<20), &noise{1 << 20})
	rs, err := Parse(in)
	if err != nil || len(rs) != 0 {
		t.Errorf("%d reports, %v", len(rs), err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+4<<20 {
		t.Errorf("the heap grew from %d to %d", before.HeapAlloc, after.HeapAlloc)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReadError(t *testing.T) {
	a, _ := sides("get")
	rs, err := Parse(io.MultiReader(strings.NewReader(a), errReader{}))
	if len(rs) != 1 || err == nil || !strings.HasPrefix(err.Error(), "line ") {
		t.Errorf("%d reports, %v: want the report before the fault, and its line", len(rs), err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, os.ErrPermission }

func ExampleParse() {
	text := `[   12.1] =====================================
[   12.1] WARNING: bad unlock balance detected!
[   12.1] 6.9.0 #1 Not tainted
[   12.1] -------------------------------------
[   12.1] task/7 is trying to release lock (&a->lock) at:
[   12.1] [<ffffffff81000010>] put+0x10/0x40
[   12.1] but there are no more locks to release!
`
	rs, err := Parse(strings.NewReader(text))
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range rs {
		fmt.Println(r.Summary())
		fmt.Println(r.SyzkallerTitle())
	}
	// Output:
	// unlock-imbalance: &a->lock in put, task task/7, kernel 6.9.0 (cut: held locks, backtrace)
	// WARNING: bad unlock balance in put
}

func FuzzParse(f *testing.F) {
	a, b := sides("get")
	f.Add([]byte(a + b))
	f.Add([]byte("> " + strings.ReplaceAll(a, "\n", "\n> ")))
	f.Add([]byte("======\nWARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected\n6.1 #1\n-----\na/1 [HC0[0]:SC0[0]:HE0:SE1] is trying to acquire:\n(b){+.+.}-{3:3}, at: f+0x1/0x2\n... which became HARDIRQ-irq-safe at:\n... f+0x1/0x2\nthe dependencies between x:\n-> (c){....} ops: 3 {\n   INITIAL USE at:\n }\n ... key at: [<ff>] k+0x0/0x1\n"))
	f.Add([]byte("DEBUG_LOCKS_WARN_ON(1)\nWARNING: CPU: 0 PID: 1 at kernel/locking/lockdep.c:1 f+0x1/0x2\nCall Trace:\n f+0x1/0x2\n"))
	f.Add([]byte("BUG: MAX_LOCK_DEPTH too low!\nturning off the locking correctness validator.\ndepth: 48  max: 48!\n2 locks held by a/1:\n #0: <RELEASED>\n #1:\n (b){....}, at: f+0x1/0x2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rs, err := Parse(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			var b bytes.Buffer
			if err := r.Kernel(&b); err != nil {
				t.Fatal(err)
			}
			if b.Len() > 64*len(text)+4096 {
				t.Errorf("%d bytes printed of %d", b.Len(), len(text))
			}
			_ = r.Explain(&b)
			_, _, _ = r.Summary(), r.SyzkallerTitle(), r.Key()
		}
		if err := WriteJSONL(io.Discard, rs); err != nil {
			t.Fatal(err)
		}
		_ = WriteDOT(io.Discard, rs)
	})
}

// TestBounds: neither a line nor a report that was cut off takes in without end
// what follows.
func TestBounds(t *testing.T) {
	s := newSource(io.LimitReader(zeros{}, 1<<20))
	if l, err := s.next(); err != nil || len(l) != maxLine || cap(s.buf) > 4*maxLine {
		t.Errorf("a line of %d bytes in %d, %v; want %d", len(l), cap(s.buf), err, maxLine)
	}
	a, _ := sides("get")
	text, _, _ := strings.Cut(a, "1 lock held")
	text += strings.Repeat("usb 1-1: new device\n", 2*maxQuiet) + "1 lock held by other/9:\n #0: ffff888100000020 (&c){+.+.}-{3:3}, at: put+0x10/0x40\n"
	rs := parse(t, []byte(text))
	if len(rs) != 1 || rs[0].Held != nil {
		t.Errorf("%d reports; held: %+v, want none", len(rs), rs[0].Held)
	}
}
