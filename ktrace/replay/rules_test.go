package replay

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/ktrace"
)

// script makes the text of a trace of lines "PID FLAGS EVENT ARGUMENTS", the
// flags as ftrace prints them. In place of an address stands a name before the
// name of the lock: "s:NAME" is a static lock, "v:NAME" one on a stack, "d1:NAME"
// one elsewhere.
// "got" is an acquisition with its lock_acquired, "mutex" one with
// contention_begin in between, "put" a release. "@CPU" before the pid says
// where; it is CPU 0 otherwise.
func script(text string) string {
	var b strings.Builder
	addrs := map[string]string{}
	n := 0
	line := func(cpu, pid, flags, event, args string) {
		n++
		comm := "task"
		if pid == "0" {
			comm = "<idle>"
		}
		fmt.Fprintf(&b, "%16s-%s [00%s] %s %5d.%06d: %s: %s\n", comm, pid, cpu, flags, 1, n, event, args)
	}
	addr := func(lock string) (string, string) {
		at, name, ok := strings.Cut(lock, ":")
		if !ok {
			at, name = "s", lock
		}
		if addrs[lock] == "" {
			base := map[byte]uint64{'d': 0xffff888000001000, 's': 0xffffffff81001000, 'v': 0xffffc90000001000}[at[0]]
			addrs[lock] = strconv.FormatUint(base+0x100*uint64(len(addrs)), 16)
		}
		return addrs[lock], name
	}
	for _, cpu := range []string{"0", "1"} { // both have releases
		line(cpu, "999", ".....", "lock_release", "ffffffff81000ff0 before")
	}
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) == 0 {
			continue
		}
		if f[0] == "LOST" {
			fmt.Fprintf(&b, "CPU:%s [LOST %s EVENTS]\n", f[1], f[2])
			continue
		}
		if f[0] == "AGAIN" { // so many lines
			k, _ := strconv.Atoi(f[1])
			lines := strings.SplitAfter(strings.TrimSuffix(b.String(), "\n"), "\n")
			b.WriteString(strings.Join(lines[len(lines)-k:], "") + "\n")
			continue
		}
		if f[0] == "DAMAGED" {
			b.WriteString("what is this: it is no event\n")
			continue
		}
		cpu := "0"
		if f[0][0] == '@' {
			cpu, f = f[0][1:], f[1:]
		}
		pid, flags, event, args := f[0], f[1], f[2], f[3:]
		mode := ""
		for len(args) > 1 && (args[0] == "try" || args[0] == "read") {
			mode, args = mode+args[0]+" ", args[1:]
		}
		switch event {
		case "got", "mutex", "want", "put":
			for _, lock := range args {
				a, name := addr(lock)
				if event == "put" {
					line(cpu, pid, flags, "lock_release", a+" "+name)
					continue
				}
				line(cpu, pid, flags, "lock_acquire", a+" "+mode+name)
				if event == "mutex" {
					line(cpu, pid, flags, "contention_begin", a+" (flags=SPIN|MUTEX)")
				}
				if event != "want" {
					line(cpu, pid, flags, "lock_acquired", a+" "+name)
				}
			}
		default:
			line(cpu, pid, flags, event, strings.Join(args, " "))
		}
	}
	return b.String()
}

const (
	fork10 = "1 ..... sched_process_fork comm=task pid=1 child_comm=task child_pid=10\n"
	abba   = "10 ..... got a b\n10 ..... put b a\n11 ..... got b a\n11 ..... put a b\n"
)

// TestRules holds the rules of approximation: of each a case that must be
// reported beside one that must be silent. want is the level, kind and classes
// of each finding, and counts are those that are not 0.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		check            func(*Counts) bool
	}{
		{"abba", abba, "likely circular a b", nil},
		{"same order", "10 ..... got a b\n10 ..... put b a\n11 ..... got a b\n11 ..... put a b", "", nil},
		{"out of order", "10 ..... got a b\n10 ..... put a\n10 ..... got c\n10 ..... put c b\n11 ..... got c a\n11 ..... put a c", "likely circular a b c", nil},
		{"out of order, released", "10 ..... got a b\n10 ..... put b\n10 ..... got c\n10 ..... put c a\n11 ..... got c b\n11 ..... put b c", "", nil},
		{"three", "10 ..... got a b\n10 ..... put b a\n11 ..... got b c\n11 ..... put c b\n12 ..... got c a\n12 ..... put a c", "likely circular a b c", nil},
		{"try", "10 ..... got a b\n10 ..... put b a\n11 ..... got b\n11 ..... got try a\n11 ..... put a b", "", nil},

		// Loss.
		{"lost", "10 ..... got a\nLOST 0 5\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b", "", func(c *Counts) bool {
			return c.Lost == 5 && c.LostGaps == 1 && c.Dropped == 1
		}},
		{"lost elsewhere", "@1 10 ..... got a\nLOST 0 5\n@1 10 ..... got b\n@1 10 ..... put b a\n11 ..... got b a\n11 ..... put a b", "likely circular a b", nil},
		{"release is unseen, irq", "10 d..1. want a\n10 d..1. irq_enable caller=_raw_spin_unlock_irqrestore+0x1/0x2 parent=0x0\n999 ..... put x\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b", "", func(c *Counts) bool {
			return c.Gaps == 1
		}},
		{"acquisition is unseen, irq", "10 ..... want a\n10 d.... irq_disable caller=_raw_spin_lock_irq+0x1/0x2 parent=0x0\n10 d.... irq_enable caller=f+0x1/0x2 parent=0x0\n999 ..... put x\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b", "", func(c *Counts) bool {
			return c.Gaps == 1
		}},
		{"release is unseen, preempted", "1 ..... mutex m\n1 ..... put m\n10 ...1. got a\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b", "", func(c *Counts) bool {
			return c.Gaps == 1
		}},
		{"held by another", "10 ..... got a\n11 ..... got a\n11 ..... put a\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b", "", func(c *Counts) bool {
			return c.Overtaken == 1
		}},

		{"lost while another learns", "@1 12 ..... got c\n@1 12 ..... put c\n10 ..... got a\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b\nLOST 1 5\n@1 12 ..... got c\n@1 12 ..... put c", "", nil},
		{"damaged", "10 ..... got a\nDAMAGED\n10 ..... got b\n10 ..... put b\n11 ..... got b a\n11 ..... put a b", "", nil},
		{"damaged before", "10 ..... got a\n10 ..... put a\nDAMAGED\n@1 10 ..... got c\n@1 10 ..... put c\n" + abba, "likely circular a b", nil},

		// Releases.
		{"never taken", fork10 + "10 ..... put a", "likely unlock-imbalance a", nil},
		{"taken before the trace", "10 ..... put a", "", func(c *Counts) bool { return c.ReleasedBefore == 3 }},
		{"taken by another", fork10 + "11 ..... got a\n10 ..... put a\n11 ..... got b\n11 ..... put b\n12 ..... got b a\n12 ..... put a b", "", func(c *Counts) bool {
			return c.ReleasedElsewhere == 1
		}},
		{"to user space", fork10 + "10 ..... got a\n10 d.... irq_enable caller=syscall_exit_to_user_mode+0x1/0x2 parent=0x0", "likely held-userspace a", nil},
		{"to user space, stack unknown", "10 ..... got a\n10 d.... irq_enable caller=syscall_exit_to_user_mode+0x1/0x2 parent=0x0", "", func(c *Counts) bool {
			return c.Dropped == 1
		}},
		{"ends", fork10 + "10 ..... got a\n10 ..... sched_process_exit comm=task pid=10 prio=120", "likely held-exit a", nil},
		{"ends clean", fork10 + "10 ..... got a\n10 ..... put a\n10 ..... sched_process_exit comm=task pid=10 prio=120", "", nil},

		// Classes.
		{"two static locks", "10 ..... got s1:lock b\n10 ..... put b s1:lock\n11 ..... got b s2:lock\n11 ..... put s2:lock b", "", nil},
		{"copy of a static map", "10 ..... want v:work\n10 ..... got m\n10 ..... put m v:work\n11 ..... got m\n11 ..... want s:work\n11 ..... put s:work m", "likely circular work m", nil},
		{"per-CPU locks beside a static one", "10 ..... want d1:work\n10 ..... got m\n10 ..... put m d1:work\n11 ..... got m\n11 ..... want s:work\n11 ..... put s:work m", "", nil},
		{"one lock by name", "10 ..... got d1:&x->l b\n10 ..... put b d1:&x->l\n11 ..... got b d1:&x->l\n11 ..... put d1:&x->l b", "likely circular &x->l b", nil},
		{"two locks by name", "10 ..... got d1:&x->l b\n10 ..... put b d1:&x->l\n11 ..... got b d2:&x->l\n11 ..... put d2:&x->l b", "possible circular &x->l b", nil},
		{"nested in its class", "10 ..... got d1:&x->l d2:&x->l\n10 ..... put d2:&x->l d1:&x->l\n11 ..... got d2:&x->l d1:&x->l\n11 ..... put d1:&x->l d2:&x->l", "", nil},
		{"the same again", "10 ..... got a\n10 ..... want a\n10 ..... put a a", "likely recursive a", nil},
		{"the same again, and got", "10 ..... got a\n10 ..... got a\n10 ..... put a", "", func(c *Counts) bool { return c.Gaps == 1 }},
		{
			"many of a class", fork10 + "10 ..... got d1:&x d2:&x d3:&x d4:&x d5:&x d6:&x d7:&x d8:&x d9:&x\n" +
				"10 ..... put d9:&x d8:&x d7:&x d6:&x d5:&x d4:&x d3:&x d2:&x d1:&x", "", func(c *Counts) bool { return c.Merged == 1 },
		},
		{"without a name", "10 ...1. got d1:(null)\n10 ...1. put d1:(null)", "likely nonstatic-key", nil},
		{"annotation without a name", "10 ...1. want d1:(null)\n10 ...1. put d1:(null)", "", nil},

		// Readers.
		{"readers that queue", "10 ..... got read a\n10 ..... want read a\n10 ..... got read b\n", "likely recursive a", nil},
		{"readers in an interrupt", "10 ..s1. got read a\n10 ..s1. got read a\n10 ..s1. put a a", "", nil},
		{"readers of a map", "10 ..... want read a\n10 ..... got b\n10 ..... put b a\n11 ..... got b\n11 ..... want read a\n11 ..... put a b", "possible circular a b", nil},
		{"readers of a map that is known", "10 ..... want read cpu_hotplug_lock\n10 ..... got b\n10 ..... put b cpu_hotplug_lock\n11 ..... got b\n11 ..... want read cpu_hotplug_lock", "likely circular cpu_hotplug_lock b", nil},
		{"recursive readers", "10 ..... want read d1:s.seqcount\n10 ..... got b\n10 ..... put b d1:s.seqcount\n11 ..... got b\n11 ..... want read d1:s.seqcount", "", nil},
		{"unchecked", "10 ..... want rcu_callback\n10 ..... got b\n10 ..... put b rcu_callback\n11 ..... got b\n11 ..... want rcu_callback", "", nil},

		// Wait types.
		{"mutex in a spinning lock", "1 ..... mutex x\n1 ..... put x\n10 ...1. got s\n10 ...2. mutex m\n10 ...1. put m s", "likely wait-context m", nil},
		{"mutexes are not told", "10 ...1. got s\n10 ...2. got m\n10 ...1. put m s", "", nil},
		{"the other way round", "10 ...1. mutex m\n10 ...1. got s\n10 ...1. put s m", "", nil},
		{"mutex in RCU", "10 ..... want read d1:rcu_read_lock\n10 ...1. mutex m\n10 ..... put m d1:rcu_read_lock", "likely wait-context m", nil},
		{"mutex in an interrupt", "10 d.h1. mutex m\n10 d.h1. put m", "likely wait-context m", nil},
		{"semaphore while the boot is not preemptible", "1 ..... mutex m\n1 ..... put m\n0 ...1. got a\n0 ...1. mutex m\n0 ...1. put m a", "", nil},

		// Interrupts.
		{"in and on", "1 b.... got x\n1 b.... put x\n10 ...1. got a\n10 ...1. put a\n0 ..s1. got a\n0 ..s1. put a", "likely inconsistent a", nil},
		{"in and off", "10 b..1. got a\n10 b..1. put a\n0 ..s1. got a\n0 ..s1. put a", "", nil},
		{"no bottom halves off at all", "10 ...1. got a\n10 ...1. put a\n0 ..s1. got a\n0 ..s1. put a", "possible inconsistent a", nil},
		{"on while it is held", "1 b.... got x\n1 b.... put x\n0 d.h1. got a\n0 d.h1. put a\n10 d..1. got a\n10 d..1. irq_enable caller=f+0x1/0x2 parent=0x0\n10 ...1. put a", "likely inconsistent a", nil},
		{"on, seen at the next event", "1 b.... got x\n1 b.... put x\n0 d.h1. got a\n0 d.h1. put a\n10 d..1. got a\n10 ...1. got b\n10 ...1. put b a", "likely inconsistent a\nlikely irq-unsafe-order a b", nil},
		{"off all the time", "0 d.h1. got a\n0 d.h1. put a\n10 d..1. got a\n10 d..2. got b\n10 d..2. put b a", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := script(c.text)
			in, err := ktrace.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			r := New(Options{})
			r.Read("script", in, func(int) {}, func(err error) bool {
				if !strings.Contains(text, "what is this") {
					t.Error(err)
				}
				return true
			})
			res := r.Judge()
			var got []string
			for _, f := range res.Findings {
				words := append([]string{f.Level.String(), string(f.Report.Kind)}, f.Report.Cycle()...)
				if len(f.Report.Cycle()) == 0 {
					words = append(words, f.Report.Classes()...)
				}
				got = append(got, strings.Join(words, " "))
				if (f.Level == Likely) != (len(f.Why) == 0) {
					t.Errorf("level %s because of %q", f.Level, f.Why)
				}
			}
			if strings.Join(got, "\n") != c.want {
				t.Errorf("found %q, want %q\n%s", got, c.want, text)
			}
			if c.check != nil && !c.check(&res.Counts) {
				t.Errorf("counts %+v\n%s", res.Counts, text)
			}
		})
	}
}
