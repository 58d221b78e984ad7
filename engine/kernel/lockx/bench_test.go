package lockx

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/golockdep/lockdep/engine/kernel"
)

// largest returns the text of the largest log there is.
func largest(b *testing.B) []byte {
	dir := oracleDir(b)
	if dir == "" {
		b.Skip("no oracle")
	}
	text, err := io.ReadAll(openZst(b, filepath.Join(dir, "runs", "lx_bootwork2", "lockx.txt.zst")))
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkReplay replays a log from its text: reading, feeding, and comparing every conclusion.
func BenchmarkReplay(b *testing.B) {
	text := largest(b)
	b.SetBytes(int64(len(text)))
	records := 0
	for b.Loop() {
		p := NewReplay(NewReader(bytes.NewReader(text)), Options{NoValidate: noValidate})
		if err := p.Run(); err != nil {
			b.Fatal(err)
		}
		if len(p.Result.OnlyKernel)+len(p.Result.OnlyModel) != 0 {
			b.Fatal("the replay differs from the kernel")
		}
		records += p.Result.Records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}

// call is an input with its locks and tasks found.
type call struct {
	op      Op
	context kernel.Context
	mode    kernel.Mode
	on      bool
	task    uint32
	lock    *kernel.Map
	site    kernel.Site
	init    kernel.Map
}

// decode turns the log into calls, through the replay itself so that keys and classes are known.
// It returns the number of tasks and what the validator counted.
func decode(b *testing.B, text []byte) (calls []call, tasks int, stats kernel.Stats) {
	p := NewReplay(NewReader(bytes.NewReader(text)), Options{NoValidate: noValidate, Unchecked: true})
	ids := map[*task]uint32{}
	for {
		rec, err := p.r.Next()
		if err == io.EOF {
			return calls, len(ids), p.V.Stats()
		}
		if err != nil {
			b.Fatal(err)
		}
		if !rec.Op.Input() {
			continue
		}
		c := call{op: rec.Op, context: rec.Context, mode: rec.Mode, on: rec.A != 0}
		if len(rec.Site) > 0 && rec.Op != Rel {
			c.site = p.sites.of(rec.Site)
		}
		t := p.task(rec)
		if _, ok := ids[t]; !ok {
			ids[t] = uint32(len(ids))
		}
		c.task = ids[t]
		if rec.Lock != 0 && rec.Op != FreeRange {
			c.lock = p.locks.get(rec.Lock)
		}
		key := rec.Key
		before := *p.locks.get(rec.Lock)
		p.input(rec)
		if c.lock != nil && (c.lock.Key != before.Key || rec.Op == Init) {
			// The lock was set up or given its key here.
			c.init = *c.lock
			if rec.Op != Init {
				calls = append(calls, call{op: Init, lock: c.lock, task: c.task, context: c.context, init: kernel.CopyMap(c.lock, c.lock.Addr)})
			}
		}
		if rec.Op == UnregisterKey || rec.Op == RegisterKey || rec.Op == FreeRange || rec.Op == CmpFn {
			c.init.Key = key
			c.init.Addr = p.r.rec.Lock
		}
		calls = append(calls, c)
	}
}

// BenchmarkEngine feeds the calls of a log, decoded before, to the validator.
func BenchmarkEngine(b *testing.B) {
	calls, n, want := decode(b, largest(b))
	b.ResetTimer()
	done := 0
	for b.Loop() {
		v := kernel.New(kernel.Settings{Exact: true, NoValidate: noValidate})
		tasks := make([]*kernel.Task, n)
		for i := range tasks {
			tasks[i] = v.NewTask(uint64(i), "")
		}
		for i := range calls {
			c := &calls[i]
			t := tasks[c.task]
			t.Context = c.context
			switch c.op {
			case Acq:
				v.Acquire(t, c.lock, c.mode, nil, c.site)
			case Rel:
				v.Release(t, c.lock, c.site)
			case Init:
				*c.lock = c.init
			case HardirqsOn:
				v.HardirqsEnabled(t, c.site)
			case SoftirqsOn:
				v.SoftirqsEnabled(t, c.on, c.site)
			case Sync:
				v.Sync(t, c.lock, c.mode, nil, c.site)
			case Downgrade:
				v.Downgrade(t, c.lock, c.site)
			case InitSub:
				v.InitSub(t, c.lock, uint8(c.mode), c.site)
			case RegisterKey:
				v.RegisterKey(c.init.Key)
			case UnregisterKey:
				v.UnregisterKey(c.init.Key)
			case FreeRange:
				v.FreeRange(c.init.Addr, c.init.Key)
			case CmpFn:
				m := c.init
				v.SetCompare(t, &m, nested, c.site)
			}
		}
		if s := v.Stats(); v.Off() || s != want {
			b.Fatalf("not the log's conclusions: off %v, %+v, want %+v", v.Off(), s, want)
		}
		done += len(calls)
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "records/s")
}
