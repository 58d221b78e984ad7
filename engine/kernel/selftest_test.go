package kernel

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// selftest is one of the kernel's locking self-tests.
type selftest struct {
	row, column, fn string
	reports         bool
	ops             []string
	kind            string // what is reported, in the words of the conformance suite
	step            int    // at which operation, from 1
	title           string // what the kernel printed
}

func loadSelftests(t *testing.T) []selftest {
	t.Helper()
	raw, err := os.ReadFile("testdata/selftests/raw.txt")
	if err != nil {
		t.Fatal(err)
	}
	var tests []selftest
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "T|"); ok {
			f := strings.Split(rest, "|")
			tests = append(tests, selftest{row: f[0], column: f[1], fn: strings.Trim(f[2], "()"), reports: f[3] == "FAILURE"})
		} else if line != "" {
			s := &tests[len(tests)-1]
			s.ops = append(s.ops, line)
		}
	}
	verdicts, err := os.Open("testdata/selftests/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer verdicts.Close()
	sc := bufio.NewScanner(verdicts)
	for i := 0; sc.Scan(); i++ {
		f := strings.SplitN(sc.Text(), " ", 5)
		if i >= len(tests) || f[0] != tests[i].fn {
			t.Fatalf("verdicts.txt line %d is about %s", i+1, f[0])
		}
		tests[i].kind, tests[i].title = f[2], f[4]
		fmt.Sscan(f[3], &tests[i].step)
	}
	return tests
}

// wantKind gives the suite's word for a kind.
var wantKind = map[string]Kind{
	"circular": Circular, "recursive": RecursiveLock, "safe-to-unsafe": IRQOrder, "inconsistent-state": Inconsistent,
	"irq-inversion": IRQInversion, "bad-unlock-balance": UnlockBalance, "held-lock-freed": HeldFreed,
	"nested-lock-not-held": NestNotHeld, "invalid-wait-context": WaitContext,
}

// titles are the kernel's words for them.
var titles = map[Kind]string{
	Circular: "possible circular locking", RecursiveLock: "possible recursive locking", IRQOrder: "-unsafe lock order",
	Inconsistent: "inconsistent lock state", IRQInversion: "irq lock inversion", UnlockBalance: "bad unlock balance",
	HeldFreed: "held lock freed", NestNotHeld: "Nested lock was not taken", WaitContext: "Invalid wait context",
}

func TestSelftests(t *testing.T) {
	tests := loadSelftests(t)
	if len(tests) != 394 {
		t.Fatalf("%d tests, want 394", len(tests))
	}
	for _, exact := range []bool{true, false} {
		right := 0
		for _, s := range tests {
			name := fmt.Sprintf("%s/%s/exact=%v", s.fn, s.row, exact)
			found, step := runSelftest(Settings{Exact: exact}, s)
			kind := "none"
			if found != nil {
				kind = found.Kind.String()
				for word, k := range wantKind {
					if k == found.Kind {
						kind = word
					}
				}
			} else if step != 0 {
				kind = "debug-assert"
			}
			if (step != 0) != s.reports || kind != s.kind || step != s.step {
				t.Errorf("%s: %s at step %d, want %s at %d: %q", name, kind, step, s.kind, s.step, s.ops)
				continue
			}
			if found != nil && s.title[0] != '-' && s.title[0] != '(' && !strings.Contains(s.title, titles[found.Kind]) {
				t.Errorf("%s: %s, but the kernel printed %q", name, kind, s.title)
				continue
			}
			if found != nil && found.Kind == IRQOrder {
				state := [...]string{"HARDIRQ", "HARDIRQ-READ", "SOFTIRQ", "SOFTIRQ-READ"}[found.Bit>>1&2|found.Bit&1]
				if !strings.Contains(s.title, " "+state+"-safe -> "+state+"-unsafe ") {
					t.Errorf("%s: %s, but the kernel printed %q", name, state, s.title)
					continue
				}
			}
			right++
		}
		t.Logf("exact=%v: %d of %d", exact, right, len(tests))
	}
}

// runSelftest runs the operations until the validator is off. It returns the finding, if one was made, and the step;
// no finding and a step is an assertion of the ww mutexes, which are not the validator's.
func runSelftest(set Settings, s selftest) (*Finding, int) {
	m := newMachine(set, !strings.HasPrefix(s.fn, "queued"))
	for i, op := range s.ops {
		m.do(op)
		if m.v.Off() {
			return m.found, i + 1
		}
	}
	return nil, 0
}

// machine is one CPU with one task, and locks by kind and name.
type machine struct {
	v               *Validator
	t               *Task
	maps            map[string]*Map
	readerRecursive bool // read_lock is recursive everywhere
	noFS            bool
	found           *Finding
	step            Site
}

func newMachine(set Settings, readerRecursive bool) *machine {
	m := &machine{maps: map[string]*Map{}, readerRecursive: readerRecursive}
	set.Found = func(f *Finding) { m.found = f }
	m.v = New(set)
	m.t = m.v.NewTask(1, "test")
	return m
}

// lock returns the lock of the type and name; the locks of one class differ in a number behind the first letter.
func (m *machine) lock(typ, name string, outer, inner WaitType, lt LockType) *Map {
	l := m.maps[typ+name]
	if l == nil {
		class := typ + name[:1]
		if typ == "wait" {
			class = typ + name
		}
		key := uint64(0)
		for _, c := range class {
			key = key*131 + uint64(c)
		}
		l = &Map{Addr: uint64(1+len(m.maps)) << 12, Key: key << 4, Name: class, Inner: inner, Outer: outer, Type: lt}
		m.maps[typ+name] = l
	}
	return l
}

func (m *machine) spin(name string) *Map  { return m.lock("spin", name, 0, WaitConfig, 0) }
func (m *machine) rw(name string) *Map    { return m.lock("rw", name, 0, WaitConfig, 0) }
func (m *machine) rwsem(name string) *Map { return m.lock("rwsem", name, 0, WaitSleep, 0) }
func (m *machine) ctx(name string) *Map   { return m.lock("wwctx", name, 0, 0, 0) }
func (m *machine) mutex(name string) *Map {
	if name[0] == 'o' {
		return m.lock("ww", name, 0, WaitSleep, 0)
	}
	return m.lock("mutex", name, 0, WaitSleep, 0)
}

func (m *machine) acquire(l *Map, mode Mode, nest *Map) {
	if m.t.Context&HardirqsOn == 0 {
		mode |= IRQsOff
	}
	m.v.Acquire(m.t, l, mode, nest, m.step)
}

func (m *machine) release(l *Map) { m.v.Release(m.t, l, m.step) }

func (m *machine) nest(arg string) *Map {
	name, ok := strings.CutPrefix(arg, "nest=")
	if !ok {
		return nil
	}
	if n, ok := strings.CutPrefix(name, "lock_"); ok {
		return m.spin(n)
	}
	if name[0] == 't' {
		return m.ctx(name)
	}
	return m.mutex(name)
}

func (m *machine) reclaim(gfp string, acquire bool) {
	fs := m.lock("wait", "fs_reclaim", 0, 0, 0)
	mmu := m.lock("wait", "mmu_notifier", 0, 0, 0)
	takes := gfp == "GFP_KERNEL" && !m.noFS
	if acquire {
		if takes {
			m.acquire(fs, Check, nil)
		}
		m.acquire(mmu, Check, nil)
		m.release(mmu)
	} else if takes {
		m.release(fs)
	}
}

func (m *machine) do(op string) {
	m.step++
	a := append(strings.Fields(op), "", "", "")
	n, v, t := a[1], m.v, m.t
	read := Mode(Shared)
	if m.readerRecursive || t.Context&(InHardirq|InSoftirq) != 0 || t.BHDisabled() {
		read = Recursive
	}
	rcu := m.lock("wait", "rcu", WaitFree, WaitConfig, 0)
	rcuBH := m.lock("wait", "rcu_bh", WaitFree, WaitConfig, 0)
	rcuSched := m.lock("wait", "rcu_sched", WaitFree, WaitSpin, 0)
	switch a[0] {
	case "L":
		m.acquire(m.spin(n), Check, m.nest(a[2]))
	case "U":
		m.release(m.spin(n))
	case "RAWL":
		m.acquire(m.lock("raw", n, 0, WaitSpin, 0), Check, nil)
	case "RAWU":
		m.release(m.lock("raw", n, 0, WaitSpin, 0))
	case "WL":
		m.acquire(m.rw(n), Check, nil)
	case "RL":
		m.acquire(m.rw(n), Check|read, nil)
	case "WU", "RU":
		m.release(m.rw(n))
	case "ML":
		m.acquire(m.mutex(n), Check, m.nest(a[2]))
	case "MU", "WWU", "MAP_RELEASE":
		m.release(m.mutex(n))
	case "MTRY", "WWT":
		if a[3] == "1" {
			m.acquire(m.mutex(n), Check|Try, nil)
		}
	case "WSL":
		m.acquire(m.rwsem(n), Check, nil)
	case "RSL":
		m.acquire(m.rwsem(n), Check|Shared, nil)
	case "WSU", "RSU":
		m.release(m.rwsem(n))
	case "RTL":
		m.acquire(m.lock("rtmutex", n, 0, WaitSleep, 0), Check, nil)
	case "RTU":
		m.release(m.lock("rtmutex", n, 0, WaitSleep, 0))
	case "SI":
		v.Freed(t, m.spin(n).Addr, 1, m.step)
	case "RWI":
		v.Freed(t, m.rw(n).Addr, 1, m.step)
	case "MI":
		v.Freed(t, m.mutex(n).Addr, 1, m.step)
	case "RWSI":
		v.Freed(t, m.rwsem(n).Addr, 1, m.step)
	case "RTI":
		v.Freed(t, m.lock("rtmutex", n, 0, WaitSleep, 0).Addr, 1, m.step)
	case "LLL":
		m.acquire(m.lock("local", n+"A", 0, WaitConfig, TypePerCPU), Check, nil)
	case "LLU":
		m.release(m.lock("local", n+"A", 0, WaitConfig, TypePerCPU))
	case "IRQ_DISABLE":
		v.HardirqsOffAt(t)
	case "IRQ_ENABLE":
		v.HardirqsOnAt(t, m.step)
	case "BH_DISABLE":
		v.DisableBH(t)
	case "BH_ENABLE":
		v.EnableBH(t, m.step)
	case "HARDIRQ_CTX_ENTER":
		v.EnterHardirq(t)
	case "HARDIRQ_THREADED":
		v.SetThreaded(t)
	case "HARDIRQ_CTX_EXIT":
		v.ExitHardirq(t)
	case "SOFTIRQ_CTX_ENTER":
		v.EnterSoftirq(t)
	case "SOFTIRQ_CTX_EXIT":
		v.ExitSoftirq(t)
	case "WW_INIT":
		v.Freed(t, m.ctx(n).Addr, 1, m.step)
		m.acquire(m.ctx(n), Check, nil)
	case "WW_DONE":
		if !v.Held(t, m.ctx(n)) {
			v.TurnOff()
		}
	case "WW_FINI":
		m.release(m.ctx(n))
	case "WWL":
		if a[4] == "EALREADY" {
			return
		}
		var nest *Map
		if c := strings.TrimPrefix(a[2], "ctx="); c != "-" {
			nest = m.ctx(c)
		}
		m.acquire(m.mutex(n), Check, nest)
		if a[4] == "EDEADLK" {
			m.release(m.mutex(n))
		}
	case "MAP_ACQUIRE":
		mode := Check
		if a[2] == "try=1" {
			mode |= Try
		}
		m.acquire(m.mutex(n), mode, nil)
	case "ASSERT_FAILS":
		v.TurnOff()
	case "RCU_LOCK":
		m.acquire(rcu, Recursive, nil)
	case "RCU_UNLOCK":
		m.release(rcu)
	case "RCU_BH_LOCK":
		v.DisableBH(t)
		m.acquire(rcuBH, Recursive, nil)
	case "RCU_BH_UNLOCK":
		m.release(rcuBH)
		v.EnableBH(t, m.step)
	case "RCU_SCHED_LOCK":
		m.acquire(rcuSched, Recursive, nil)
	case "RCU_SCHED_UNLOCK":
		m.release(rcuSched)
	case "FS_RECLAIM_ACQUIRE":
		m.reclaim(n, true)
	case "FS_RECLAIM_RELEASE":
		m.reclaim(n, false)
	case "MIGHT_ALLOC":
		m.reclaim(n, true)
		m.reclaim(n, false)
	case "NOFS_SAVE":
		m.noFS = true
	case "NOFS_RESTORE":
		m.noFS = false
	default:
		panic("unknown operation " + op)
	}
}

// TestFalseNegative holds the smallest deadlock that the kernel's search misses: it meets C first over the edge of a
// recursive reader, marks it visited and does not see the way over B.
func TestFalseNegative(t *testing.T) {
	s := selftest{ops: strings.Split("WL A,RL C,RU C,WU A,WL A,WL B,WL C,WU C,WU B,WU A,RL C,WL A", ",")}
	if f, _ := runSelftest(Settings{Exact: true}, s); f != nil {
		t.Errorf("exact search: %v, the kernel finds nothing", f.Kind)
	}
	f, step := runSelftest(Settings{}, s)
	if f == nil || f.Kind != Circular || step != 12 {
		t.Fatalf("complete search: %+v at step %d, want circular at 12", f, step)
	}
	way := ""
	for _, p := range f.Path {
		way += p.Class.Name + " "
	}
	if way != "rwA rwB rwC " {
		t.Errorf("path %s, want A B C", way)
	}
}

// TestRandom compares with a model that was written from the same rules in another way, on random sequences, with the
// kernel's search and with the complete one.
func TestRandom(t *testing.T) {
	raw, err := os.ReadFile("testdata/random/sequences.txt")
	if err != nil {
		t.Fatal(err)
	}
	n, differ := compareModel(t, raw)
	if n < 1000 || differ == 0 {
		t.Errorf("%d sequences, %d of them tell the searches apart", n, differ)
	}
}

// TestModel is TestRandom with sequences that the model makes now: LOCKDEP_SEQUENCES of them, 3000 without it, from
// LOCKDEP_SEED on. LOCKDEP_CONFORMANCE names the folder of model.py.
func TestModel(t *testing.T) {
	dir := cmp.Or(os.Getenv("LOCKDEP_CONFORMANCE"), "../../../shared/conformance")
	if _, err := os.Stat(filepath.Join(dir, "model.py")); err != nil {
		t.Skip("LOCKDEP_CONFORMANCE: no model.py in " + dir)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "testdata/random/make.py", dir,
		cmp.Or(os.Getenv("LOCKDEP_SEQUENCES"), "3000"), cmp.Or(os.Getenv("LOCKDEP_SEED"), "1"))
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compareModel(t, raw)
}

// compareModel runs sequences with the verdicts of the model, and returns how many there are and how many tell the two
// searches apart.
func compareModel(t *testing.T, raw []byte) (n, differ int) {
	wrong := 0
	words := map[Kind]string{Internal: "assert"}
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSpace(line), " | ")
		n++
		s := selftest{fn: "random", ops: strings.Split(f[3], ", ")}
		if f[0] == "0" {
			s.fn = "queued"
		}
		if f[1] != f[2] {
			differ++
		}
		for i, exact := range []bool{true, false} {
			found, step := runSelftest(Settings{Exact: exact}, s)
			got := "none 0"
			if found != nil {
				word := found.Kind.String()
				if w := words[found.Kind]; w != "" {
					word = w
				}
				got = fmt.Sprintf("%s %d", word, step)
			}
			if got != f[1+i] {
				if wrong++; wrong <= 5 {
					t.Errorf("line %d, exact %v: %s, the model says %s: %s", n, exact, got, f[1+i], f[3])
				}
			}
		}
	}
	t.Logf("%d sequences, %d wrong; the two searches differ in %d", n, wrong, differ)
	return n, differ
}
