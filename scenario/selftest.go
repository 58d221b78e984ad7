package scenario

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
)

// selftestText holds the operations of the kernel's locking self-tests, one a line under T|row|column|function|verdict|mask.
//
//go:embed selftests.txt
var selftestText string

// section is a part of the table: what is printed before its first row, and the blanks before the cells.
type section struct {
	row         string // the first row
	head        string
	first, rest string // before the first cell and before each other
}

const (
	wide  = "  --------------------------------------------------------------------------\n"
	mid   = "  -----------------------------------------------------\n"
	blank = "             |"
)

var sections = []section{
	{"A-A deadlock", "------------------------\n| Locking API testsuite:\n--" + wide[2:] +
		"                                 | spin |wlock |rlock |mutex | wsem | rsem |rtmutex\n" + wide, "", ""},
	{"recursive read-lock", wide, blank, blank},
	{"hard-irqs-on + irq-safe-A/12", wide, "", ""},
	{"hard-irq read-recursion/123", "", "      |", ""},
	{"ww api failures", wide + "  | Wound/wait tests |\n  ---------------------\n", "", ""},
	{"context", mid + "                                 |block | try  |context|\n" + mid, "", ""},
	{"hardirq read-lock/lock-read", wide + "  | queued read lock tests |\n  ---------------------------\n", "", ""},
	{"correct nesting", "  --------------------\n  | fs_reclaim tests |\n  --------------------\n", "", ""},
	{"in hardirq context", wide + "  | wait context tests |\n" + wide + "                                 | rcu  | raw  | spin |mutex |\n" + wide, "", ""},
	{"local_lock inversion  2", wide + "  | local_lock tests |\n  ---------------------\n", "", ""},
}

// selftest is one of the tests.
type selftest struct {
	row, fn string
	reports bool // the kernel must report
	ops     []string
}

func selftests(text string) []selftest {
	var tests []selftest
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "T|"); ok {
			f := strings.Split(rest, "|")
			tests = append(tests, selftest{row: f[0], fn: strings.Trim(f[2], "()"), reports: f[3] == "FAILURE"})
		} else if line != "" {
			s := &tests[len(tests)-1]
			s.ops = append(s.ops, line)
		}
	}
	return tests
}

// Selftest runs the kernel's locking self-tests on the engine and prints the table "Locking API testsuite" of Linux
// 6.12. It returns the number of tests whose verdict is not the kernel's. The error is w's.
//
// What the ww mutexes and rcu assert by themselves is no verdict of the validator: those operations carry their outcome
// in the list.
func Selftest(w io.Writer) (unexpected int, err error) {
	return runSelftests(w, selftests(selftestText))
}

func runSelftests(w io.Writer, tests []selftest) (unexpected int, err error) {
	var b strings.Builder
	var sec section
	next := 0
	for i, s := range tests {
		if i == 0 || s.row != tests[i-1].row {
			if i > 0 {
				b.WriteByte('\n')
			}
			if next < len(sections) && sections[next].row == s.row {
				sec = sections[next]
				b.WriteString(sec.head)
				next++
			}
			fmt.Fprintf(&b, "%33s:%s", s.row, sec.first)
		} else {
			b.WriteString(sec.rest)
		}
		reported, err := s.run()
		if err != nil {
			return unexpected, err
		}
		if reported == s.reports {
			b.WriteString("  ok  |")
		} else {
			unexpected++
			b.WriteString("FAILED|")
		}
	}
	b.WriteByte('\n')
	if unexpected > 0 {
		line := "-----------------------------------------------------------------\n"
		fmt.Fprintf(&b, "%sBUG: %3d unexpected failures (out of %3d) - debugging disabled! |\n%s", line, unexpected, len(tests), line)
	} else {
		fmt.Fprintf(&b, "-------------------------------------------------------\nGood, all %3d testcases passed! |\n---------------------------------\n", len(tests))
	}
	_, err = io.WriteString(w, b.String())
	return unexpected, err
}

// run tells whether the test ends in a report.
func (s selftest) run() (reported bool, err error) {
	// read_lock is a recursive reader but for the tests of queued ones.
	m := testMachine{world: newWorld(kernel.New(kernel.Settings{Exact: true})), recursive: !strings.HasPrefix(s.fn, "queued")}
	m.task = m.v.NewTask(1, "selftest")
	for i, op := range s.ops {
		m.site = kernel.Site(i)
		f := append(strings.Fields(op), "", "", "", "")
		do := testOps[f[0]]
		if do == nil {
			return false, fmt.Errorf("self-test %s: unknown operation %q", s.fn, op)
		}
		do(&m, f[1:])
	}
	return m.v.Off(), nil
}

// testMachine is one CPU with one task.
type testMachine struct {
	*world
	task      *kernel.Task
	site      kernel.Site
	recursive bool
	noFS      bool
}

func (m *testMachine) take(l *kernel.Map, mode kernel.Mode, nest *kernel.Map) {
	m.acquire(m.task, l, mode, nest, m.site)
}
func (m *testMachine) drop(l *kernel.Map) { m.v.Release(m.task, l, m.site) }

// lock returns the lock; those of one class differ in the number behind the first letter of their names.
func (m *testMachine) lock(kind, name string) *kernel.Map {
	if kind == "mutex" && name[0] == 'o' {
		kind = "ww"
	}
	return m.world.lock(kind, name, kind+name[:1], "")
}

// nest returns the lock of an argument nest=NAME or ctx=NAME, or nil.
func (m *testMachine) nest(arg string) *kernel.Map {
	name, ok := strings.CutPrefix(arg, "nest=")
	if !ok {
		name, ok = strings.CutPrefix(arg, "ctx=")
	}
	spin, isSpin := strings.CutPrefix(name, "lock_")
	switch {
	case !ok || name == "-":
		return nil
	case isSpin:
		return m.lock("spin", spin)
	case name[0] == 't':
		return m.lock("wwctx", name)
	}
	return m.lock("mutex", name)
}

// read is how read_lock takes its lock here (read_lock_is_recursive).
func (m *testMachine) read() kernel.Mode {
	if m.recursive || m.task.Context&(kernel.InHardirq|kernel.InSoftirq) != 0 || m.task.BHDisabled() {
		return kernel.Check | kernel.Recursive
	}
	return kernel.Check | kernel.Shared
}

func (m *testMachine) reclaim(a []string, begin, end bool) {
	takes := a[0] == "GFP_KERNEL" && !m.noFS
	if begin {
		if takes {
			m.take(m.builtin("fs_reclaim"), kernel.Check, nil)
		}
		mmu := m.builtin("mmu_notifier_invalidate_range_start")
		m.take(mmu, kernel.Check, nil)
		m.drop(mmu)
	}
	if end && takes {
		m.drop(m.builtin("fs_reclaim"))
	}
}

// taking, dropping and freeing make the plain operations of a kind of lock.
func taking(kind string, mode kernel.Mode) func(*testMachine, []string) {
	return func(m *testMachine, a []string) { m.take(m.lock(kind, a[0]), kernel.Check|mode, m.nest(a[1])) }
}

func dropping(kind string) func(*testMachine, []string) {
	return func(m *testMachine, a []string) { m.drop(m.lock(kind, a[0])) }
}

func freeing(kind string) func(*testMachine, []string) {
	return func(m *testMachine, a []string) { m.v.Freed(m.task, m.lock(kind, a[0]).Addr, 1, m.site) }
}

func (m *testMachine) readRCU(name string) { m.take(m.builtin(name), kernel.Recursive, nil) }

// testOps are the operations of the list.
var testOps = map[string]func(m *testMachine, a []string){
	"L": taking("spin", 0), "U": dropping("spin"), "SI": freeing("spin"),
	"RAWL": taking("raw", 0), "RAWU": dropping("raw"),
	"WL": taking("rwlock", 0), "WU": dropping("rwlock"), "RU": dropping("rwlock"), "RWI": freeing("rwlock"),
	"RL": func(m *testMachine, a []string) { m.take(m.lock("rwlock", a[0]), m.read(), nil) },
	"ML": taking("mutex", 0), "MU": dropping("mutex"), "WWU": dropping("mutex"), "MAP_RELEASE": dropping("mutex"), "MI": freeing("mutex"),
	"WSL": taking("rwsem", 0), "RSL": taking("rwsem", kernel.Shared), "WSU": dropping("rwsem"), "RSU": dropping("rwsem"), "RWSI": freeing("rwsem"),
	"RTL": taking("rtmutex", 0), "RTU": dropping("rtmutex"), "RTI": freeing("rtmutex"),
	"LLL": taking("local", 0), "LLU": dropping("local"),
	"MTRY": tryMutex, "WWT": tryMutex,
	"IRQ_DISABLE":       func(m *testMachine, _ []string) { m.v.HardirqsOffAt(m.task) },
	"IRQ_ENABLE":        func(m *testMachine, _ []string) { m.v.HardirqsOnAt(m.task, m.site) },
	"BH_DISABLE":        func(m *testMachine, _ []string) { m.v.DisableBH(m.task) },
	"BH_ENABLE":         func(m *testMachine, _ []string) { m.v.EnableBH(m.task, m.site) },
	"HARDIRQ_CTX_ENTER": func(m *testMachine, _ []string) { m.v.EnterHardirq(m.task) },
	"HARDIRQ_THREADED":  func(m *testMachine, _ []string) { m.v.SetThreaded(m.task) },
	"HARDIRQ_CTX_EXIT":  func(m *testMachine, _ []string) { m.v.ExitHardirq(m.task) },
	"SOFTIRQ_CTX_ENTER": func(m *testMachine, _ []string) { m.v.EnterSoftirq(m.task) },
	"SOFTIRQ_CTX_EXIT":  func(m *testMachine, _ []string) { m.v.ExitSoftirq(m.task) },
	"WW_INIT": func(m *testMachine, a []string) {
		c := m.lock("wwctx", a[0])
		m.v.Freed(m.task, c.Addr, 1, m.site)
		m.take(c, kernel.Check, nil)
	},
	"WW_DONE": func(m *testMachine, a []string) {
		if !m.v.Held(m.task, m.lock("wwctx", a[0])) {
			m.v.TurnOff()
		}
	},
	"WW_FINI": dropping("wwctx"),
	"WWL": func(m *testMachine, a []string) {
		if a[3] == "EALREADY" {
			return
		}
		m.take(m.lock("mutex", a[0]), kernel.Check, m.nest(a[1]))
		if a[3] == "EDEADLK" {
			m.drop(m.lock("mutex", a[0]))
		}
	},
	"MAP_ACQUIRE": func(m *testMachine, a []string) {
		mode := kernel.Check
		if a[1] == "try=1" {
			mode |= kernel.Try
		}
		m.take(m.lock("mutex", a[0]), mode, nil)
	},
	"ASSERT_FAILS":       func(m *testMachine, _ []string) { m.v.TurnOff() },
	"RCU_LOCK":           func(m *testMachine, _ []string) { m.readRCU("rcu_read_lock") },
	"RCU_UNLOCK":         func(m *testMachine, _ []string) { m.drop(m.builtin("rcu_read_lock")) },
	"RCU_SCHED_LOCK":     func(m *testMachine, _ []string) { m.readRCU("rcu_read_lock_sched") },
	"RCU_SCHED_UNLOCK":   func(m *testMachine, _ []string) { m.drop(m.builtin("rcu_read_lock_sched")) },
	"RCU_BH_LOCK":        func(m *testMachine, _ []string) { m.v.DisableBH(m.task); m.readRCU("rcu_read_lock_bh") },
	"RCU_BH_UNLOCK":      func(m *testMachine, _ []string) { m.drop(m.builtin("rcu_read_lock_bh")); m.v.EnableBH(m.task, m.site) },
	"FS_RECLAIM_ACQUIRE": func(m *testMachine, a []string) { m.reclaim(a, true, false) },
	"FS_RECLAIM_RELEASE": func(m *testMachine, a []string) { m.reclaim(a, false, true) },
	"MIGHT_ALLOC":        func(m *testMachine, a []string) { m.reclaim(a, true, true) },
	"NOFS_SAVE":          func(m *testMachine, _ []string) { m.noFS = true },
	"NOFS_RESTORE":       func(m *testMachine, _ []string) { m.noFS = false },
}

// tryMutex takes the mutex if the attempt succeeds in the list.
func tryMutex(m *testMachine, a []string) {
	if a[2] == "1" {
		m.take(m.lock("mutex", a[0]), kernel.Check|kernel.Try, nil)
	}
}
