package lockx

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/engine/kernel"
)

const sample = `0 0 0 ...S.. INIT ffff8881010e0018 ffffffff846bfbe0 sub=0 inner=3 outer=0 type=0 __raw_spin_lock_init+0x3a &net->unx.table.locks[i]
1 3 2 .sH.T. ACQ ffffffff82caf3a0 0 sub=1 try=1 read=2 check=1 irqoff=1 nest=abc __debug_object_init+0x3d fill_pool_map-wait-type-override

1 3 2 .sH.T. > CLASS 12 key=ffffffff82caf3a1 sub=1 inner=3 outer=1 type=2 ver=4 lock=ffffffff82caf3a0 ({ do { x; } while (0); })
1 3 2 .sH.T. > MARK 12 ENABLED_SOFTIRQ_READ mask=280
1 3 2 .sH.T. > CHAIN 3 irq=1 depth=2 from=0 chainkey=79969451c93b6d11 3/1 4/0
1 3 2 .sH.T.! > OFF check_noncircular+0x162
1 3 2 h..... FREERANGE ffffffffa000a000 size=8192 selftest=0
0 0 0 ..HS.. # TESTEND expected=0 debug_locks=1 mask=2
`

func TestReader(t *testing.T) {
	r := NewReader(iotest(sample))
	next := func() *Record {
		t.Helper()
		rec, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	if rec := next(); rec.Op != Init || rec.Lock != 0xffff8881010e0018 || rec.A != 3 || string(rec.Text) != "&net->unx.table.locks[i]" {
		t.Errorf("INIT: %+v", rec)
	}
	rec := next()
	if rec.Op != Acq || rec.CPU != 1 || rec.PID != 3 || rec.Depth != 2 || rec.Key != 0 || rec.Nest != 0xabc ||
		rec.Mode != 1|kernel.Try|kernel.Recursive|kernel.Check|kernel.IRQsOff ||
		rec.Context != kernel.InSoftirq|kernel.HardirqsOn|kernel.Threaded || string(rec.Site) != "__debug_object_init+0x3d" {
		t.Errorf("ACQ: %+v", rec)
	}
	n := 0
	if err := r.Ahead(func(q *Record) bool { n++; return true }); err != nil || n != 6 {
		t.Errorf("ahead: %d records, %v, want 6", n, err)
	}
	if r.rec.Op != Acq || r.rec.Mode&kernel.Try == 0 {
		t.Errorf("looking ahead changed the record: %+v", r.rec)
	}
	if rec := next(); rec.Op != OutClass || rec.Class != 12 || rec.Mode != 1 || rec.B != 1 || rec.C != 2 || rec.D != 4 ||
		string(rec.Text) != "({ do { x; } while (0); })" {
		t.Errorf("CLASS: %+v", rec)
	}
	if rec := next(); rec.Op != OutMark || rec.A != int(kernel.SoftirqOnR) || rec.B != 0x280 {
		t.Errorf("MARK: %+v", rec)
	}
	if rec := next(); rec.Op != OutChain || len(rec.IDs) != 2 || rec.IDs[0] != 3|1<<13 || rec.Key != 0x79969451c93b6d11 {
		t.Errorf("CHAIN: %+v", rec)
	}
	if rec := next(); rec.Op != OutOff || !rec.Off {
		t.Errorf("OFF: %+v", rec)
	}
	if rec := next(); rec.Op != FreeRange || rec.Key != 8192 || rec.Context != kernel.InHardirq {
		t.Errorf("FREERANGE: %+v", rec)
	}
	if rec := next(); rec.Op != TestEnd || rec.B != 1 || r.Line() != 9 {
		t.Errorf("TESTEND: %+v at line %d", rec, r.Line())
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// iotest gives a few bytes at a time, so that lines are cut everywhere.
func iotest(s string) io.Reader { return &drip{s} }

type drip struct{ s string }

func (d *drip) Read(b []byte) (int, error) {
	if d.s == "" {
		return 0, io.EOF
	}
	n := copy(b, d.s[:min(7, len(d.s))])
	d.s = d.s[n:]
	return n, nil
}

func TestReaderErrors(t *testing.T) {
	for _, bad := range []string{
		"nonsense",
		"0 0 0 ...S.. ACQ ffff",
		"0 0 0 ...S.. ACQ x 0 sub=0 try=0 read=0 check=1 irqoff=1 nest=0 a b",
		"0 0 0 ...S.. ACQ 1 0 sub=0 try=0 raed=0 check=1 irqoff=1 nest=0 a b",
		"0 0 0 ...S.. ACQ 11112222333344445 0 sub=0 try=0 read=0 check=1 irqoff=1 nest=0 a b",
		"0 0 0 ...S.. WHAT 1",
		"0 0 0 ...S.. > MARK 1 NOTHING mask=1",
		"0 0 0 ...S.. > CHAIN 1 irq=0 depth=1 from=0 chainkey=1 5",
		"0 0 0 ...S",
	} {
		r := NewReader(strings.NewReader("0 0 0 ...S.. RESET\n" + bad + "\n0 0 0 ...S.. RESET\n"))
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		_, err := r.Next()
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v, want an error with its line", bad, err)
		}
		if rec, err := r.Next(); err != nil || rec.Op != Reset {
			t.Errorf("%q: the next record is lost: %v", bad, err)
		}
	}
	r := NewReader(strings.NewReader(strings.Repeat("x", 10*maxLine)))
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "not a lockx log") {
		t.Errorf("endless line: %v", err)
	}
	boom := errors.New("boom")
	r = NewReader(io.MultiReader(strings.NewReader("0 0 0 ...S.. RESET\n0 "), failing{boom}))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, boom) {
		t.Errorf("read error: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzReplay: no text makes the reader or the validator panic or hang.
func FuzzReplay(f *testing.F) {
	f.Add(sample)
	f.Add("0 1 0 ..HS.. ACQ 10 20 sub=0 try=0 read=0 check=1 irqoff=0 nest=30 a b\n0 1 1 ..HS.. DOWNGRADE 10 20 a\n0 1 1 ..HS.. REL 10 20 a\n")
	f.Add("0 1 0 ..HS.. SYNC 10 0 sub=7 try=0 read=1 check=1 irqoff=0 nest=0 a b\n0 1 0 ..HS.. FREERANGE 0 size=99\n0 1 0 ..HS.. SETCLASS 10 7 sub=9 a b\n")
	f.Add("0 1 0 ..HS.. INITSUB 10 20 sub=3 b\n0 1 0 ..HS.. CMPFN 5 key=20 f\n0 1 0 ..HS.. > ZAP 5 key=20\n0 1 0 ..HS.. RESET\n")
	f.Fuzz(func(t *testing.T, s string) {
		p := NewReplay(NewReader(strings.NewReader(s)), Options{})
		for p.Run() != nil {
		}
	})
}
