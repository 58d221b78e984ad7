package ktrace

import (
	"compress/gzip"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOraclePerf compares every sample with what perf script printed of it. The text has microseconds, and neither flags
// nor depths; that of the pipe has no process.
func TestOraclePerf(t *testing.T) {
	dir := filepath.Join(oracle(t), "perf")
	for _, c := range []struct {
		data, text string
		samples    int
	}{
		{"a.data.zst", "a.script.zst", 129886},
		{"z.data", "z.script.zst", 143636},
		{"pipe.data", "pipe.script.zst", 27092},
	} {
		t.Run(c.data, func(t *testing.T) {
			data, text := open(t, filepath.Join(dir, c.data)), open(t, filepath.Join(dir, c.text))
			next, stop := iter.Pull2(text.Events())
			defer stop()
			n, flags, bad := 0, 0, 0
			for ev, err := range data.Events() {
				want, err2, ok := next()
				if err != nil || err2 != nil || !ok {
					t.Fatalf("sample %d: %v, of the text: %v, %v", n, err, err2, ok)
				}
				n++
				got := *ev
				if got.Flags&FlagsKnown != 0 {
					flags++
				}
				got.Flags, got.Preempt, got.Migrate = 0, 0, 0
				got.Time -= got.Time % 1000
				if want.TGID == -1 {
					got.TGID = -1
				}
				if got != *want {
					if bad++; bad < 5 {
						t.Errorf("sample %d:\n got %+v\nwant %+v", n, got, *want)
					}
				}
			}
			if _, _, ok := next(); ok || n != c.samples || flags != n || bad > 0 {
				t.Errorf("%d samples, %d with flags, %d wrong; want %d", n, flags, bad, c.samples)
			}
		})
	}
}

// TestPerfTasks reads what perf script prints of tasks that end.
func TestPerfTasks(t *testing.T) {
	for _, c := range []struct {
		line      string
		tgid, pid int32
	}{
		{"  :-1    -1/-1    [000]  7.382858: lock:lock_acquire: 0xffff8880bc5fddd8 &rq->__lock", -1, -1},
		{"  :-1  8300/-1    [000]  7.382858: lock:lock_acquire: 0xffff8880bc5fddd8 &rq->__lock", 8300, -1},
		{"  :-1  8300/76    [000]  7.382858: lock:lock_acquire: 0xffff8880bc5fddd8 &rq->__lock", 8300, 76},
	} {
		r, err := NewReader(strings.NewReader(c.line + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		for ev, err := range r.Events() {
			if err != nil || ev.TGID != c.tgid || ev.PID != c.pid || ev.Comm != ":-1" || ev.Kind != LockAcquire {
				t.Errorf("%s: %+v, %v", c.line, ev, err)
			}
		}
	}
}

// TestHrtimerMode reads the modes of a timer from a format that has other words before them.
func TestHrtimerMode(t *testing.T) {
	f, err := parseFormat("timer", []byte("name: hrtimer_setup\nID: 7\n\tfield:void * hrtimer;\toffset:8;\tsize:8;\tsigned:0;\n"+
		"\tfield:enum hrtimer_mode mode;\toffset:16;\tsize:4;\tsigned:0;\n"+
		`print fmt: "clockid=%s mode=%s", __print_symbolic(REC->clockid, { 0, "CLOCK_REALTIME" }, { 1, "CLOCK_MONOTONIC" }), `+
		`__print_symbolic(REC->mode, { HRTIMER_MODE_ABS, "ABS" }, { HRTIMER_MODE_REL, "REL" })`))
	if err != nil || f.kind != HrtimerInit || f.hrtimerMode(1) != "REL" || f.hrtimerMode(8) != "ABS|HARD" {
		t.Errorf("%v, %v", f, err)
	}
}

// TestOraclePerfStart compares the begin of the kernel's text with the symbols of that boot. Events of irqs and preemption
// have offsets from there.
func TestOraclePerfStart(t *testing.T) {
	dir := filepath.Join(oracle(t), "perf")
	f, err := os.Open(filepath.Join(dir, "kallsyms.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	want := (&symbols{raw: text}).stext()
	for _, name := range []string{"a.data.zst", "z.data", "pipe.data"} {
		r := open(t, filepath.Join(dir, name))
		for _, err := range r.Events() {
			if err != nil {
				t.Error(err)
			}
		}
		if got := r.src.(*perfSource).symbols.stext(); got != want || want == 0 {
			t.Errorf("%s: the kernel begins at %#x, want %#x", name, got, want)
		}
	}
}

func open(t *testing.T, name string) *Reader {
	t.Helper()
	r, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
