package replay

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/golockdep/lockdep/ktrace"
)

// eventsOf makes events of bytes, five each: few tasks, locks and names, so
// that they meet.
func eventsOf(data []byte) []ktrace.Event {
	kinds := [...]ktrace.Kind{
		ktrace.LockAcquire, ktrace.LockAcquire, ktrace.LockRelease, ktrace.LockAcquired, ktrace.LockContended, ktrace.ContentionBegin,
		ktrace.IRQDisable, ktrace.IRQEnable, ktrace.SoftirqEntry, ktrace.SoftirqExit, ktrace.IRQEntry, ktrace.IRQExit,
		ktrace.SchedSwitch, ktrace.Fork, ktrace.Exit, ktrace.Lost, ktrace.WorkStart, ktrace.LockRelease, ktrace.LockAcquire, ktrace.Raw,
	}
	names := [...]string{
		"a", "&b->lock", "(c).wait.lock", "&x->wait", "rcu_read_lock", nameless, "s.seqcount", "x-wait-type-override", "&dev->mutex", "d",
	}
	callers := [...]string{"f+0x1/0x2", "_raw_spin_lock_irq+0x1/0x2", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irq+0x1", "syscall_exit_to_user_mode+0x1", ""}
	var out []ktrace.Event
	for i := 0; i+5 <= len(data); i += 5 {
		b := data[i:]
		ev := ktrace.Event{
			Kind: kinds[int(b[0])%len(kinds)], CPU: int32(b[1]&3) - 1, PID: int32(b[1]>>2&7) - 1, Time: uint64(i),
			Flags: ktrace.Flags(b[2]) | ktrace.FlagsKnown, Preempt: b[3] & 1, Mode: ktrace.Mode(b[3] >> 1 & 3),
			Addr: uint64(b[4]&15)*8 + 8, Name: names[int(b[4]>>4)%len(names)], Num: int64(b[3]),
		}
		if b[1]&0x80 != 0 {
			ev.Flags = 0
		}
		if b[3]&0x80 != 0 {
			ev.Addr += 0xffffffff81000000
		}
		ev.Func.Name = callers[int(b[4])%len(callers)]
		ev.Next.PID, ev.Prev.PID = int32(b[4]&7), ev.PID
		out = append(out, ev)
	}
	return out
}

// FuzzReplay: no sequence of events is too strange, what was learned can be
// written in every form, and the same events give the same.
func FuzzReplay(f *testing.F) {
	f.Add([]byte("\x02\x05\x00\x00\x10\x00\x05\x00\x00\x01\x00\x05\x00\x00\x02\x02\x05\x00\x00\x02\x02\x05\x00\x00\x01"))
	f.Add(bytes.Repeat([]byte("\x02\x05\x00\x00\x01\x00\x05\x00\x00\x11\x00\x09\x00\x00\x12\x03\x09\x00\x00\x12"), 30))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first string
		for range 2 {
			r := New(Options{Waits: true, LockStat: true})
			r.begin("fuzz")
			for _, ev := range eventsOf(data) {
				if ev.Kind == ktrace.Raw && ev.Num == 0 {
					r.damaged()
				}
				r.event(&ev)
			}
			for _, tk := range r.tasks[1:] {
				check(t, r, tk)
			}
			res := r.Judge()
			var b bytes.Buffer
			for _, write := range []func(io.Writer) error{res.WriteLockdep, res.WriteChains, res.WriteStats, res.WriteLockStat} {
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range res.Findings {
				if err := f.Report.Kernel(&b); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(&b, f.Level, f.Why)
			}
			fmt.Fprintln(&b, len(res.Graph().Observations), res.Doubts())
			if first == "" {
				first = b.String()
			} else if first != b.String() {
				t.Error("the same events gave another result")
			}
		}
	})
}

// check holds a task's stack against its invariants.
func check(t *testing.T, r *Replay, tk *task) {
	key, bits := emptyChain, uint64(0)
	for i := range tk.held[:tk.depth] {
		e := &tk.held[i]
		if e.below != key || e.bits != bits {
			t.Fatalf("task %d: entry %d: chain %x and bits %x, want %x and %x", tk.pid, i, e.below, e.bits, key, bits)
		}
		from := key
		if i == 0 || tk.held[i-1].state.irq() != e.state.irq() {
			from = emptyChain
		}
		key = mix(from, uint64(e.class)<<3|uint64(e.mode&(read|inInterrupt)))
		bits |= 1 << (r.classes[e.class].base & 63)
	}
	if tk.chain != key || tk.bits != bits {
		t.Fatalf("task %d: chain %x and bits %x, want %x and %x", tk.pid, tk.chain, tk.bits, key, bits)
	}
}
