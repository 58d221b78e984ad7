package ktrace

import (
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
		{"runs/lx_bootwork2/trace.txt.zst", 399988},
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
