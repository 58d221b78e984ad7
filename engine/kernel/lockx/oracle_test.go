package lockx

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/klauspost/compress/zstd"
)

// noValidate is the address of __lockdep_no_validate__ in the kernel of every log (see kallsyms.gz of any run).
const noValidate = 0xffffffff83260fb0

// oracleDir returns the folder of the oracle, or "" where there is none.
func oracleDir(t testing.TB) string {
	dir := os.Getenv("LOCKDEP_ORACLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "oracle")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Logf("no oracle at %s: set LOCKDEP_ORACLE", dir)
		return ""
	}
	return dir
}

func openZst(t testing.TB, path string) io.ReadCloser {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close(); f.Close() })
	return z.IOReadCloser()
}

func readZst(t testing.TB, path string) io.Reader {
	t.Helper()
	b, err := io.ReadAll(openZst(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b)
}

// prior loads what is known before the log of dir, or nil for a log from boot.
func prior(t testing.TB, dir string) *Prior {
	t.Helper()
	dump := func(dir string) *Dump {
		return &Dump{readZst(t, filepath.Join(dir, "lockdep.zst")), readZst(t, filepath.Join(dir, "lockdep_chains.zst"))}
	}
	var before *Dump
	if exists(filepath.Join(dir, "before")) {
		before = dump(filepath.Join(dir, "before"))
	} else if filepath.Base(dir) != "lx_selftest" { // which begins late in the boot, and has no dump from before
		return nil
	}
	p, err := ReadPrior(before, *dump(dir), openZst(t, filepath.Join(dir, "lockx.txt.zst")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestOracle(t *testing.T) {
	ran := 0
	for _, root := range []string{oracleDir(t), "testdata/oracle"} {
		if root == "" {
			continue
		}
		logs, err := filepath.Glob(filepath.Join(root, "*", "*", "lockx.txt.zst"))
		if err != nil {
			t.Fatal(err)
		}
		for _, log := range logs {
			dir := filepath.Dir(log)
			ran++
			t.Run(filepath.Base(dir), func(t *testing.T) { testOracle(t, dir) })
		}
	}
	if ran == 0 {
		t.Fatal("no log to replay")
	}
}

func testOracle(t *testing.T, dir string) {
	p := NewReplay(NewReader(openZst(t, filepath.Join(dir, "lockx.txt.zst"))), Options{
		NoValidate: noValidate, Prior: prior(t, dir),
	})
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	r := &p.Result
	names := func(m map[Op]int) string {
		s := ""
		for _, o := range []Op{OutClass, OutMark, OutDep, OutDepUpd, OutChain, OutZap, OutOff} {
			s += fmt.Sprintf(" %s %d", opName[o], m[o])
		}
		return s
	}
	t.Logf("records %d inputs %d same%s; displaced%s", r.Records, r.Inputs, names(r.Same), names(r.Displaced))
	t.Logf("excused %v set aside %d adopted %d by name %d off outside %d race %d tests %d findings %d",
		r.Excused, r.SetAside, r.Adopted, r.ZappedByName, r.OffOutside, r.OffRace, len(r.Tests), len(r.Findings))
	for side, l := range map[string][]Difference{"only the kernel": r.OnlyKernel, "only the model": r.OnlyModel} {
		slices.SortFunc(l, func(a, b Difference) int { return a.Line - b.Line })
		for i, d := range l {
			if i == 10 {
				t.Errorf("%s: %d more", side, len(l)-i)
				break
			}
			t.Errorf("%s, line %d: %s %+v", side, d.Line, opName[d.Op], d.Conclusion)
		}
	}
	if r.Depths != 0 || r.OffWrong != 0 {
		t.Errorf("held stacks differ at %d inputs, %d inputs came while the model was off", r.Depths, r.OffWrong)
	}
	// What is excused or met elsewhere has to stay the exception.
	displaced, excused := 0, 0
	for _, n := range r.Displaced {
		displaced += n
	}
	for _, n := range r.Excused {
		excused += n
	}
	if displaced > 20 || excused > 40 || r.SetAside > 20 || r.OffRace > 40 {
		t.Errorf("displaced %d, excused %d, set aside %d, race %d: too many", displaced, excused, r.SetAside, r.OffRace)
	}
	if r.Records < 5000 || r.Same[OutChain] == 0 {
		t.Errorf("%d records, %d chains: hardly a log", r.Records, r.Same[OutChain])
	}
	if p.opt.Prior == nil {
		checkDump(t, p, dir)
	}
	if filepath.Base(dir) == "lx_selftest" {
		checkSelftests(t, r.Tests)
	}
	if dmesg, err := os.ReadFile(filepath.Join(dir, "dmesg.txt")); err == nil {
		checkReport(t, p, string(dmesg))
	}
}

// checkDump compares the graph at the end with /proc/lockdep and /proc/lockdep_chains of the same moment: classes with
// name, version, subclass and irq usage, adjacent dependencies, and chains as sequences of classes.
func checkDump(t *testing.T, p *Replay, dir string) {
	want := &Prior{edges: map[[2]uint64]bool{}, chains: map[string]bool{}}
	classes, err := want.readDump(Dump{
		readZst(t, filepath.Join(dir, "lockdep.zst")), readZst(t, filepath.Join(dir, "lockdep_chains.zst")),
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[uint64]PriorClass{}
	for _, c := range classes {
		byKey[c.Key] = c
	}
	n, edges, chains, lost := 0, 0, map[string]bool{}, 0
	p.V.EachClass(func(i kernel.ClassInfo) bool {
		n++
		c := byKey[i.Key]
		irq := kernel.Usage(1<<kernel.Used - 1)
		// A class without a name is printed as the symbol of its key.
		if i.Name != "" && (c.Name != i.Name || c.Version != i.Version) || c.Sub != i.Sub || c.Usage != i.Usage&irq {
			t.Errorf("class %x: %+v, in the dump %+v", i.Key, i, c)
		}
		p.V.EachDependency(i.ID, func(d kernel.Dependency) bool {
			if d.Distance == 1 {
				edges++
				if !want.edges[[2]uint64{i.Key, p.V.Info(d.To).Key}] {
					t.Errorf("dependency %s -> %s is not in the dump", i.Name, p.V.Info(d.To).Name)
				}
			}
			return true
		})
		return true
	})
	p.V.EachChain(func(_ uint64, _ uint8, ids []uint16) bool {
		var seq []byte
		for _, id := range ids {
			seq = appendKey(seq, p.V.Info(kernel.ClassID(id&0x1fff+1)).Key)
		}
		chains[string(seq)] = true
		if !want.chains[string(seq)] {
			t.Errorf("chain %x is not in the dump", seq)
		}
		return true
	})
	for seq := range want.chains {
		if !chains[seq] {
			lost++
		}
	}
	// Reading the dumps makes chains after the log has stopped: three in one of the runs.
	if n != len(classes) || edges != len(want.edges) || lost > 3 {
		t.Errorf("%d classes, %d adjacent dependencies, %d chains missing; in the dump %d, %d", n, edges, lost,
			len(classes), len(want.edges))
	}
	t.Logf("dump: %d classes, %d adjacent dependencies, %d sequences of classes the same, %d sequences later", n, edges,
		len(chains), lost)
}

// checkSelftests compares the verdict and the kind of each self-test of the log with what the kernel printed when it
// ran them aloud. Only checks that make no call into lockdep leave nothing in the log.
func checkSelftests(t *testing.T, tests []SelfTest) {
	b, err := os.ReadFile("../testdata/selftests/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(tests) != 394 || len(lines) != 394 {
		t.Fatalf("%d self-tests in the log, %d verdicts, want 394", len(tests), len(lines))
	}
	outside := 0
	for i, s := range tests {
		f := strings.SplitN(lines[i], " ", 5)
		title := f[4]
		switch {
		case s.Name != f[0]:
			t.Fatalf("self-test %d is %s, verdict of %s", i+1, s.Name, f[0])
		case strings.Contains(title, "DEBUG_LOCKS_WARN_ON") || strings.Contains(title, "held lock freed"):
			outside++
			if s.Finding != nil || !s.Off {
				t.Errorf("%s: off %v, finding %v, the kernel printed %q", s.Name, s.Off, s.Finding, title)
			}
		case s.Off != (s.Finding != nil):
			t.Errorf("%s: kernel off %v, finding %v", s.Name, s.Off, s.Finding)
		case s.Finding != nil && f[4][0] != '(':
			ok := false
			for _, k := range splatTitles {
				ok = ok || k.kind == s.Finding.Kind && strings.Contains(title, k.text)
			}
			if !ok {
				t.Errorf("%s: %s, the kernel printed %q", s.Name, s.Finding.Kind, title)
			}
		}
	}
	t.Logf("self-tests: %d of 394 by what the log has, %d outside of it", 394-outside, outside)
}

var opName = map[Op]string{
	OutClass: "CLASS", OutMark: "MARK", OutDep: "DEP", OutDepUpd: "DEPUPD", OutChain: "CHAIN", OutZap: "ZAP",
	OutOff: "OFF",
}

// splat is what a printed report says that a finding can be held against.
type splat struct {
	kind        kernel.Kind
	title, task string
	locks       []string // the lock wanted and the one held, or the one lock, as printed
	chain       []string // -> #n, from n down to 0
	table       []string // lock(...) lines
	exists      string
	held        []string
}

var splatTitles = []struct {
	text string
	kind kernel.Kind
}{
	{"possible circular locking dependency detected", kernel.Circular},
	{"possible recursive locking detected", kernel.RecursiveLock},
	{"-unsafe lock order detected", kernel.IRQOrder},
	{"inconsistent lock state", kernel.Inconsistent},
	{"possible irq lock inversion dependency detected", kernel.IRQInversion},
	{"bad unlock balance detected!", kernel.UnlockBalance},
	{"lock held when returning to user space!", kernel.HeldInUser},
	{"Nested lock was not taken", kernel.NestNotHeld},
	{"BUG: Invalid wait context", kernel.WaitContext},
	{"trying to register non-static key", kernel.NonStaticKey},
}

var (
	stamp    = regexp.MustCompile(`(?m)^\[[^]]*\] ?`)
	hlock    = regexp.MustCompile(`(?m)^[0-9a-f]{16} \(.*\)\{....\}-\{\d:\d\}, at: .*$`)
	heldLine = regexp.MustCompile(`(?m)^ #\d+: (.*)$`)
	link     = regexp.MustCompile(`(?m)^-> #\d+ (\(.*\)\{....\}-\{\d:\d\}):$`)
	takes    = regexp.MustCompile(`(?m)^ +((?:r?lock|sync)\(.*\));$`)
	chainIs  = regexp.MustCompile(`(?m)^Chain exists of:\n  (.*)$`)
	isTask   = regexp.MustCompile(`(?m)^\S+/(\d+)(?: \[HC.*\])? (?:is trying|just changed|takes|is leaving)`)
)

func parseSplat(dmesg string) *splat {
	text := stamp.ReplaceAllString(dmesg, "")
	for _, title := range splatTitles {
		i := strings.Index(text, title.text)
		if i < 0 {
			continue
		}
		s := &splat{kind: title.kind}
		s.title = text[strings.LastIndexByte(text[:i], '\n')+1 : i+len(title.text)]
		body := text[i:]
		if end := strings.Index(body, "stack backtrace:"); end > 0 {
			body = body[:end]
		}
		s.locks = hlock.FindAllString(body, -1)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			s.chain = append(s.chain, m[1])
		}
		for _, m := range takes.FindAllStringSubmatch(body, -1) {
			s.table = append(s.table, m[1])
		}
		if m := chainIs.FindStringSubmatch(body); m != nil {
			s.exists = m[1]
		}
		for _, m := range heldLine.FindAllStringSubmatch(body, -1) {
			s.held = append(s.held, m[1])
		}
		if m := isTask.FindStringSubmatch(body); m != nil {
			s.task = m[1]
		}
		return s
	}
	return nil
}

// The kernel's forms, from a finding.

func name(c kernel.ClassInfo) string {
	s := c.Name
	if c.Version > 1 {
		s += fmt.Sprintf("#%d", c.Version)
	}
	if c.Sub > 0 {
		s += fmt.Sprintf("/%d", c.Sub)
	}
	return s
}

func lockName(c kernel.ClassInfo) string {
	letters := ""
	for _, b := range []kernel.UsageBit{kernel.InHardirqW, kernel.InHardirqR, kernel.InSoftirqW, kernel.InSoftirqR} {
		n := 0
		if c.Usage.Has(b) {
			n = 1
		}
		if c.Usage.Has(b + 2) {
			n += 2
		}
		letters += ".-+?"[n : n+1]
	}
	outer := c.Outer
	if outer == 0 {
		outer = c.Inner
	}
	return fmt.Sprintf("(%s){%s}-{%d:%d}", name(c), letters, outer, c.Inner)
}

// symbol brings the forms of an address in the log and in a report together: fn[mod]+0x1 and fn+0x1/0x2 [mod].
func symbol(s string) string {
	if mod, rest, ok := strings.Cut(s, "["); ok && strings.Contains(rest, "]+") {
		name, off, _ := strings.Cut(rest, "]")
		return mod + off + " [" + name + "]"
	}
	at, mod, _ := strings.Cut(s, " ")
	at, _, _ = strings.Cut(at, "/")
	if mod != "" {
		at += " " + mod
	}
	return at
}

func (p *Replay) heldName(h kernel.HeldInfo) string {
	return fmt.Sprintf("%016x %s, at: %s", h.Addr, lockName(h.Class), symbol(p.Site(h.Site)))
}

func printed(s string) string {
	head, site, _ := strings.Cut(s, ", at: ")
	return head + ", at: " + symbol(site)
}

// sameLock compares two forms of a lock. The log was given its symbols after the run, when a module's init section was
// gone: what was in it has the name of whatever table comes before. And the wait types of a class from before the log
// may not be known.
func (p *Replay) sameLock(got, want string) bool {
	if strings.Contains(got, ", at: orc_header+") {
		init := regexp.MustCompile(`, at: (orc_header|lx_init)\+0x[0-9a-f]+ `)
		got, want = init.ReplaceAllString(got, ", at: init "), init.ReplaceAllString(want, ", at: init ")
	}
	if p.opt.Prior != nil && strings.Contains(got, "-{0:0}") {
		waits := regexp.MustCompile(`-\{\d:\d\}`)
		got, want = waits.ReplaceAllString(got, ""), waits.ReplaceAllString(want, "")
	}
	return got == want
}

func mapped(l []string, f func(string) string) []string {
	var out []string
	for _, s := range l {
		out = append(out, f(s))
	}
	return out
}

func scenario(f *kernel.Finding) []string {
	n := [3]string{name(f.Names[0]), name(f.Names[1]), name(f.Names[2])}
	lock := func(s string) string { return "lock(" + s + ")" }
	switch f.Scenario {
	case kernel.ScenarioCPUs:
		first, last := lock(n[2]), lock(n[0])
		if f.Prev.Mode&(kernel.Shared|kernel.Recursive) != 0 {
			first = "r" + first
		}
		if f.Lock.Mode&(kernel.Shared|kernel.Recursive) != 0 {
			last = "r" + last
		} else if f.Lock.Sync {
			last = "sync(" + n[0] + ")"
		}
		return []string{first, lock(n[1]), lock(n[2]), last}
	case kernel.ScenarioSelf:
		return []string{lock(n[0]), lock(n[1])}
	case kernel.ScenarioIRQ:
		return []string{lock(n[2]), lock(n[0]), lock(n[1]), lock(n[0])}
	case kernel.ScenarioIRQOne:
		return []string{lock(n[0]), lock(n[0])}
	}
	return nil
}

func checkReport(t *testing.T, p *Replay, dmesg string) {
	want := parseSplat(dmesg)
	if want == nil {
		if len(p.Result.Findings) > 0 {
			t.Errorf("finding %v, but the kernel reported nothing", p.Result.Findings[0].Kind)
		}
		return
	}
	if len(p.Result.Findings) != 1 {
		t.Fatalf("%d findings, the kernel reported %q", len(p.Result.Findings), want.title)
	}
	f := p.Result.Findings[0]
	same := func(what string, got, want []string) {
		if !slices.EqualFunc(got, want, p.sameLock) {
			t.Errorf("%s: %s is\n  %q, reported\n  %q", f.Kind, what, got, want)
		}
	}
	if f.Kind != want.kind {
		t.Fatalf("finding %s, reported %q", f.Kind, want.title)
	}
	if id := strconv.FormatUint(f.Task, 10); want.task != "" && id != want.task {
		t.Errorf("task %s, reported %s", id, want.task)
	}
	var locks, chain, held []string
	switch f.Kind {
	case kernel.Circular, kernel.RecursiveLock, kernel.IRQOrder:
		locks = []string{p.heldName(f.Lock), p.heldName(f.Prev)}
	case kernel.Inconsistent, kernel.IRQInversion, kernel.WaitContext:
		locks = []string{p.heldName(f.Lock)}
	}
	same("locks", locks, mapped(want.locks, printed))
	if f.Kind == kernel.Circular {
		for i := len(f.Path) - 1; i >= 0; i-- {
			chain = append(chain, lockName(f.Path[i].Class))
		}
	}
	same("chain", chain, want.chain)
	same("scenario", scenario(f), want.table)
	exists := ""
	if f.Exists {
		exists = name(f.Names[0]) + " --> " + name(f.Names[1]) + " --> " + name(f.Names[2])
	}
	same("summary", []string{exists}, []string{want.exists})
	for _, h := range f.Held {
		held = append(held, p.heldName(h))
	}
	same("held list", held, mapped(want.held, printed))
	state := func(b kernel.UsageBit) string {
		s := [2]string{"HARDIRQ", "SOFTIRQ"}[b>>2&1]
		if b&1 != 0 {
			s += "-READ"
		}
		return s
	}
	if f.Kind == kernel.IRQOrder && !strings.Contains(want.title, " "+state(f.Bit)+"-safe -> ") {
		t.Errorf("state %s, reported %q", state(f.Bit), want.title)
	}
	t.Logf("report: %s", want.title)
}

// TestNoValidate holds the constant against the kernel's own table of symbols.
func TestNoValidate(t *testing.T) {
	dir := oracleDir(t)
	if dir == "" {
		t.Skip("no oracle")
	}
	f, err := os.Open(filepath.Join(dir, "runs", "lx_boot2", "kallsyms.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x B __lockdep_no_validate__\n", uint64(noValidate)); !strings.Contains(string(b), want) {
		t.Errorf("kallsyms has no %q", want)
	}
}
