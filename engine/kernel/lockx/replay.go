package lockx

import (
	"io"

	"github.com/golockdep/lockdep/engine/kernel"
)

// Conclusion is something that lockdep concluded, in a form that can be compared. Its fields are those of Record.
type Conclusion struct {
	Op          Op
	Class, Next int
	A, B, C, D  int
	Key         uint64
	Name        string
	N           int
	IDs         [16]uint16
}

// Difference is a conclusion that only one side drew, and the line of the input or conclusion.
type Difference struct {
	Line int
	Conclusion
}

// Result is what a replay found.
type Result struct {
	Records, Inputs int
	// Same counts the conclusions of each kind that both drew from the same input, in the same order; Displaced those
	// that both drew, but from different inputs: two CPUs raced, or the class was made for a CMPFN.
	Same, Displaced       map[Op]int
	OnlyKernel, OnlyModel []Difference
	// Excused counts, by rule, differences about what was known before the log began: see Prior.
	Excused map[string]int
	// SetAside counts inputs of tasks that held unknown locks when the log began; Adopted the conclusions from them.
	SetAside, Adopted int
	// Depths counts inputs at which the task's depth was not that of the model.
	Depths int
	// ZappedByName counts classes whose name, not key, lay in memory that was freed: names have no address in the log.
	ZappedByName int
	// OffOutside counts the times that lockdep was turned off by something that is no call into it.
	OffOutside int
	// OffWrong counts inputs that lockdep took while the model was off; OffRace those of other CPUs that came before
	// the kernel had turned itself off, as it does some time after the input that makes it.
	OffWrong, OffRace int
	// Tests are the self-tests in the log, in their order.
	Tests    []SelfTest
	Findings []*kernel.Finding
}

// SelfTest is one of the kernel's self-tests: whether lockdep was off at its end, and the finding that turned the model
// off, if one did.
type SelfTest struct {
	Name    string
	Off     bool
	Finding *kernel.Finding
}

// Options of a replay.
type Options struct {
	// NoValidate is the address of __lockdep_no_validate__.
	NoValidate uint64
	// Prior is what was known before the log began. nil: it begins at boot.
	Prior *Prior
	// Settings of the validator. Exact is set; the callbacks are replaced.
	Settings kernel.Settings
	// Unchecked replays the inputs and compares nothing, for speed.
	Unchecked bool
}

// task is a task of the log. aside: it holds locks that were taken before the log began.
type task struct {
	*kernel.Task
	aside bool
}

// Replay feeds the inputs of a log to a validator and compares what both conclude.
type Replay struct {
	V      *kernel.Validator
	Result Result

	opt   Options
	r     *Reader
	locks table
	tasks []*task // by pid
	more  map[uint32]*task
	idle  [256]*task
	sites interner

	// By CPU: what the model concluded from the latest input and the kernel has not said yet, and that input.
	due  [256][]Difference
	last [256]Op
	cpu  uint8
	// Conclusions without a partner so far.
	early, late map[Conclusion][]int
	silent      bool  // in a self-test, where reports are not printed
	offCPU      uint8 // where the model turned off
	offSaid     bool  // the kernel said so too
	notStatic   uint64
	adopt       [256]bool
	scan        *scan
}

// NewReplay makes a replay of the log r.
func NewReplay(r *Reader, opt Options) *Replay {
	p := &Replay{r: r, opt: opt, tasks: make([]*task, 1<<12), more: map[uint32]*task{}}
	p.locks.init(1 << 10)
	p.sites.init()
	p.early, p.late = map[Conclusion][]int{}, map[Conclusion][]int{}
	p.Result = Result{Same: map[Op]int{}, Displaced: map[Op]int{}, Excused: map[string]int{}}
	s := opt.Settings
	s.Exact = true
	s.NoValidate = opt.NoValidate
	s.Static = func(addr uint64) bool { return addr != p.notStatic }
	s.Found = p.found
	if !opt.Unchecked {
		s.Learned = p.learned
	}
	if opt.Prior != nil {
		s.Known = p.known
	}
	p.V = kernel.New(s)
	if opt.Prior != nil {
		p.load()
	}
	return p
}

// Site returns the text of a site.
func (p *Replay) Site(s kernel.Site) string { return p.sites.text(s) }

// Run replays the log to its end. At an error the result holds up to there.
func (p *Replay) Run() error {
	for {
		rec, err := p.r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		p.Result.Records++
		if rec.Op.Input() {
			p.input(rec)
		} else if !p.opt.Unchecked {
			p.output(rec)
		}
	}
	for cpu := range p.due {
		p.flush(uint8(cpu))
	}
	p.settle()
	return nil
}

func (p *Replay) task(rec *Record) *task {
	var at **task
	switch {
	case rec.PID == 0:
		at = &p.idle[rec.CPU]
	case int(rec.PID) < len(p.tasks):
		at = &p.tasks[rec.PID]
	default:
		t := p.more[rec.PID]
		at = &t
	}
	if *at == nil {
		*at = &task{Task: p.V.NewTask(uint64(rec.PID), ""), aside: p.opt.Prior != nil}
		if int(rec.PID) >= len(p.tasks) {
			p.more[rec.PID] = *at
		}
	}
	return *at
}

func (p *Replay) input(rec *Record) {
	p.Result.Inputs++
	if len(p.due[rec.CPU]) > 0 {
		p.flush(rec.CPU)
	}
	p.cpu = rec.CPU
	p.last[rec.CPU] = rec.Op
	p.adopt[rec.CPU] = false
	t := p.task(rec)
	t.Context = rec.Context

	switch rec.Op { // what goes on while lockdep is off, and concerns no task
	case Init:
		m := p.locks.get(rec.Lock)
		*m = kernel.Map{
			Addr: rec.Lock, Key: rec.Key, Inner: kernel.WaitType(rec.A), Outer: kernel.WaitType(rec.B),
			Type: kernel.LockType(rec.C),
		}
		return
	case RegisterKey:
		p.V.RegisterKey(rec.Key)
		return
	case UnregisterKey:
		p.V.UnregisterKey(rec.Key)
		return
	case FreeRange:
		p.V.FreeRange(rec.Lock, rec.Key)
		return
	case ResetLock:
		if rec.Key != 0 {
			m := p.locks.get(rec.Lock)
			p.rekey(m, rec)
			p.V.ResetLock(m)
		}
		return
	case Reset:
		p.V.ResetChains(t.Task)
		t.aside = false
		if p.scan != nil {
			p.scan.resets++
		}
		return
	}

	if rec.Off {
		if !p.V.Off() {
			p.V.TurnOff()
			p.Result.OffOutside++
		}
		return
	}
	if p.V.Off() {
		if rec.CPU != p.offCPU && !p.offSaid {
			p.Result.OffRace++
		} else {
			p.Result.OffWrong++
		}
		return
	}
	if t.Depth() != int(rec.Depth) || t.aside {
		switch {
		case rec.Depth == 0:
			t.aside = false
			if t.Depth() != 0 {
				p.Result.Depths++
				p.V.ResetTask(t.Task)
			}
		case t.aside:
			p.Result.SetAside++
			p.adopt[rec.CPU] = true
			return
		default:
			p.Result.Depths++
		}
	}

	switch rec.Op {
	case Acq, Sync:
		m := p.locks.get(rec.Lock)
		site := p.sites.of(rec.Site)
		if m.Key != rec.Key || m.Key == 0 {
			p.rekey(m, rec)
		}
		sub := uint8(rec.Mode)
		if p.V.ClassOf(m, sub) == 0 {
			p.meet(m, sub)
		}
		var nest *kernel.Map
		if rec.Nest != 0 {
			nest = p.locks.get(rec.Nest)
		}
		if rec.Op == Sync {
			p.V.Sync(t.Task, m, rec.Mode, nest, site)
		} else {
			p.V.Acquire(t.Task, m, rec.Mode, nest, site)
		}
	case Rel:
		p.V.Release(t.Task, p.locks.get(rec.Lock), 0)
	case SetClass:
		m := p.locks.get(rec.Lock)
		site := p.sites.of(rec.Site)
		name, sub, key := string(rec.Text), uint8(rec.Mode), rec.Key
		if p.V.Class(key, sub) == 0 {
			made := *m
			made.Key = key
			p.meet(&made, sub)
		}
		p.V.SetClass(t.Task, m, key, name, sub, site)
	case Downgrade:
		p.V.Downgrade(t.Task, p.locks.get(rec.Lock), p.sites.of(rec.Site))
	case HardirqsOn:
		p.V.HardirqsEnabled(t.Task, 0)
	case SoftirqsOn:
		p.V.SoftirqsEnabled(t.Task, rec.A != 0, p.sites.of(rec.Site))
	case InitSub:
		m := p.locks.get(rec.Lock)
		sub := uint8(rec.Mode)
		p.rekey(m, rec)
		if p.V.Class(m.Key, sub) == 0 {
			p.meet(m, sub)
		}
		p.V.InitSub(t.Task, m, sub, 0)
	case CmpFn:
		m := &kernel.Map{Key: rec.Key}
		if p.V.Class(rec.Key, 0) == 0 {
			// The kernel made the class just before it wrote this record.
			for c := range p.late {
				if c.Op == OutClass && c.Key == rec.Key {
					describe(m, &c)
				}
			}
			p.V.UseIndex(rec.Class)
		}
		p.V.SetCompare(t.Task, m, nested, 0)
	case Contended:
		p.V.Contended(t.Task, p.locks.get(rec.Lock), p.sites.of(rec.Site))
	}
}

// nested stands for every comparison: the log has their names only. Such a class may nest in itself.
func nested(_, _ *kernel.Map) int { return -1 }

// rekey gives a lock the key that the record names. A lock without one is static and its own key; the log says which
// address that is (of a per-cpu lock, the one that all CPUs share) after the call. Where it does not, the lock is not
// static. A lock that has another key than we know was copied.
func (p *Replay) rekey(m *kernel.Map, rec *Record) {
	key := rec.Key
	if key == 0 {
		if key = m.Key; key == 0 {
			if key = p.keyAhead(rec); key == 0 {
				p.notStatic = rec.Lock
			}
		}
	}
	if m.Key != key {
		*m = kernel.Map{Addr: rec.Lock, Key: key, Inner: m.Inner, Outer: m.Outer, Type: m.Type}
	}
	m.Addr = rec.Lock
}

// keyAhead finds the KEY that follows the present record, or 0. SYNC has none: the lock's address it is.
func (p *Replay) keyAhead(rec *Record) uint64 {
	if rec.Op == Sync {
		return rec.Lock
	}
	cpu, pid, lock, key := rec.CPU, rec.PID, rec.Lock, uint64(0)
	_ = p.r.Ahead(func(q *Record) bool {
		if q.CPU != cpu || q.PID != pid {
			return true
		}
		if q.Op == OutKey && q.Lock == lock {
			key = q.Key
		}
		return !q.Op.Input() && key == 0
	})
	return key
}

// meet prepares for a class that the model is about to make: the kernel says soon what the lock is like and which
// index the class has. Both are facts about the kernel that no input carries (a static lock has no INIT; indices come
// from a free list), not conclusions; that there is a new class at all is one.
func (p *Replay) meet(m *kernel.Map, sub uint8) {
	want := m.Key + uint64(sub)
	_ = p.r.Ahead(func(q *Record) bool {
		if q.Op != OutClass || q.Key != want || uint8(q.Mode) != sub {
			return true
		}
		c := p.conclusion(q)
		describe(m, &c)
		p.V.UseIndex(c.Class)
		return false
	})
}

func describe(m *kernel.Map, c *Conclusion) {
	m.Name, m.Inner, m.Outer, m.Type = c.Name, kernel.WaitType(c.A), kernel.WaitType(c.B), kernel.LockType(c.C)
}

func (p *Replay) found(f *kernel.Finding) {
	p.offCPU, p.offSaid = p.cpu, false
	if f.Site == 0 {
		f.Site = p.sites.of(p.r.rec.Site)
	}
	p.Result.Findings = append(p.Result.Findings, f)
	if n := len(p.Result.Tests); n > 0 && p.silent {
		p.Result.Tests[n-1].Finding = f
	}
}

// learned puts what the model concluded on the list of the CPU.
func (p *Replay) learned(e kernel.Event) {
	c := Conclusion{Class: e.Class.Index(), Next: e.Next.Index()}
	switch e.Kind {
	case kernel.NewClass:
		i := p.V.Info(e.Class)
		c = Conclusion{
			Op: OutClass, Class: c.Class, Key: i.Key, N: int(i.Sub), A: int(i.Inner), B: int(i.Outer), C: int(i.Type),
			D: int(i.Version), Name: i.Name,
		}
	case kernel.NewMark:
		c = Conclusion{Op: OutMark, Class: c.Class, A: int(e.Bit), B: int(e.Usage)}
		if p.prior(c.Class) {
			c.B = 0
		}
	case kernel.NewDependency, kernel.NewKind:
		c.Op, c.A, c.B = OutDep, int(e.Kinds), e.Distance
		if e.Kind == kernel.NewKind {
			c.Op = OutDepUpd
		}
	case kernel.NewChain:
		// The log has sixteen entries a line.
		for from := 0; from < len(e.IDs); from += 16 {
			c = Conclusion{Op: OutChain, A: int(e.IRQ), B: len(e.IDs), C: from, Key: e.Key}
			c.N = copy(c.IDs[:], e.IDs[from:])
			p.due[p.cpu] = append(p.due[p.cpu], Difference{p.r.line, c})
		}
		return
	case kernel.Zapped:
		c = Conclusion{Op: OutZap, Class: c.Class, Key: e.Key}
	case kernel.TurnedOff:
		if p.silent {
			return
		}
		c = Conclusion{Op: OutOff}
	}
	p.due[p.cpu] = append(p.due[p.cpu], Difference{p.r.line, c})
}

// conclusion makes a conclusion of a record.
func (p *Replay) conclusion(rec *Record) Conclusion {
	c := Conclusion{Op: rec.Op, Class: rec.Class, Next: rec.Next, A: rec.A, B: rec.B, C: rec.C, D: rec.D, Key: rec.Key}
	switch rec.Op {
	case OutClass:
		c.N, c.Name, c.Next = int(rec.Mode), string(rec.Text), 0
		if c.Name == "(null)" {
			c.Name = "" // how the kernel prints no name
		}
	case OutMark:
		if p.prior(c.Class) {
			c.B = 0
		}
	case OutChain:
		c.N = copy(c.IDs[:], rec.IDs)
	case OutOff:
		c = Conclusion{Op: OutOff}
	}
	return c
}

// output takes what the kernel said and looks for the model's.
func (p *Replay) output(rec *Record) {
	switch rec.Op {
	case OutKey, Text:
		return
	case TestBegin:
		p.silent = true
		p.Result.Tests = append(p.Result.Tests, SelfTest{Name: string(rec.Text)})
		return
	case TestEnd:
		p.silent = false
		if n := len(p.Result.Tests); n > 0 {
			p.Result.Tests[n-1].Off = rec.B == 0
		}
		return
	}
	cpu := rec.CPU
	c := p.conclusion(rec)
	if p.adopt[cpu] {
		p.adopted(&c)
		return
	}
	if c.Op == OutZap && p.last[cpu] == FreeRange && !p.isDue(cpu, c) {
		if id := kernel.ClassID(c.Class + 1); p.V.Info(id).Key == c.Key {
			p.cpu = cpu
			p.V.Zap(id)
			p.Result.ZappedByName++
		}
	}
	p.offSaid = p.offSaid || c.Op == OutOff
	if c.Op == OutOff && len(p.due[cpu]) == 0 && !p.V.Off() {
		p.outside(rec)
	}
	due := p.due[cpu]
	if len(due) > 0 && due[0].Conclusion == c {
		p.Result.Same[c.Op]++
		p.due[cpu] = due[1:]
		return
	}
	if c.Op == OutZap { // the kernel walks its hash table, we walk by index: the order among them means nothing
		for i := range due {
			if due[i].Conclusion == c {
				p.Result.Same[c.Op]++
				p.due[cpu] = append(due[:i], due[i+1:]...)
				return
			}
		}
	}
	if l := p.early[c]; len(l) > 0 {
		p.early[c] = l[1:]
		p.Result.Displaced[c.Op]++
		return
	}
	p.late[c] = append(p.late[c], p.r.line)
}

func (p *Replay) isDue(cpu uint8, c Conclusion) bool {
	for i := range p.due[cpu] {
		if p.due[cpu][i].Conclusion == c {
			return true
		}
	}
	return false
}

// outside makes the finding of a check that is no call into lockdep and left only its OFF in the log.
func (p *Replay) outside(rec *Record) {
	p.cpu = rec.CPU
	t := p.task(rec)
	switch site := string(rec.Site); {
	case hasPrefix(site, "syscall_exit_to_user_mode+"):
		p.V.ReturnToUser(t.Task, p.sites.of(rec.Site))
	case hasPrefix(site, "debug_check_no_locks_held+"):
		p.V.Exit(t.Task, p.sites.of(rec.Site))
	default:
		p.Result.OffOutside++
		p.V.TurnOff()
	}
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

// flush ends the latest input of a CPU: what the kernel did not say there it may have said or say elsewhere.
func (p *Replay) flush(cpu uint8) {
	for _, d := range p.due[cpu] {
		if l := p.late[d.Conclusion]; len(l) > 0 {
			p.late[d.Conclusion] = l[1:]
			p.Result.Displaced[d.Op]++
			continue
		}
		p.early[d.Conclusion] = append(p.early[d.Conclusion], d.Line)
	}
	p.due[cpu] = p.due[cpu][:0]
}

// settle makes differences of the conclusions that stayed alone.
func (p *Replay) settle() {
	for c, lines := range p.early {
		for _, n := range lines {
			if !p.excused(c) {
				p.Result.OnlyModel = append(p.Result.OnlyModel, Difference{n, c})
			}
		}
	}
	for c, lines := range p.late {
		for _, n := range lines {
			p.Result.OnlyKernel = append(p.Result.OnlyKernel, Difference{n, c})
		}
	}
}

// table finds locks by address.
type table struct {
	keys  []uint64
	locks []*kernel.Map
	used  int
	chunk []kernel.Map
}

func (t *table) init(n int) { t.keys, t.locks = make([]uint64, n), make([]*kernel.Map, n) }

func (t *table) get(addr uint64) *kernel.Map {
	mask := uint64(len(t.keys) - 1)
	i := addr * 0x9e3779b97f4a7c15 >> 20 & mask
	for t.keys[i] != addr || t.locks[i] == nil {
		if t.locks[i] == nil {
			return t.add(addr)
		}
		i = (i + 1) & mask
	}
	return t.locks[i]
}

func (t *table) add(addr uint64) *kernel.Map {
	if 2*t.used >= len(t.keys) {
		old := *t
		t.init(2 * len(old.keys))
		for i, l := range old.locks {
			if l != nil {
				t.place(old.keys[i], l)
			}
		}
	}
	if len(t.chunk) == 0 {
		t.chunk = make([]kernel.Map, 512)
	}
	l := &t.chunk[0]
	t.chunk = t.chunk[1:]
	l.Addr = addr
	t.place(addr, l)
	t.used++
	return l
}

func (t *table) place(addr uint64, l *kernel.Map) {
	mask := uint64(len(t.keys) - 1)
	i := addr * 0x9e3779b97f4a7c15 >> 20 & mask
	for t.locks[i] != nil {
		i = (i + 1) & mask
	}
	t.keys[i], t.locks[i] = addr, l
}

// interner numbers the texts of sites, from 1.
type interner struct {
	slots []uint32
	texts []string
}

func (n *interner) init() { n.slots, n.texts = make([]uint32, 1<<12), make([]string, 1) }

func hash(b []byte) uint64 {
	h := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		h = (h ^ (uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * 0x9e3779b97f4a7c15
	}
	return h ^ h>>32
}

func (n *interner) of(b []byte) kernel.Site {
	mask := uint64(len(n.slots) - 1)
	i := hash(b) & mask
	for n.slots[i] != 0 {
		if id := n.slots[i]; n.texts[id] == string(b) {
			return kernel.Site(id)
		}
		i = (i + 1) & mask
	}
	n.texts = append(n.texts, string(b))
	id := uint32(len(n.texts) - 1)
	n.slots[i] = id
	if 2*len(n.texts) > len(n.slots) {
		n.slots = make([]uint32, 2*len(n.slots))
		for id := 1; id < len(n.texts); id++ {
			i := hash([]byte(n.texts[id])) & uint64(len(n.slots)-1)
			for n.slots[i] != 0 {
				i = (i + 1) & uint64(len(n.slots)-1)
			}
			n.slots[i] = uint32(id)
		}
	}
	return kernel.Site(id)
}

func (n *interner) text(s kernel.Site) string {
	if s == 0 || int(s) >= len(n.texts) {
		return ""
	}
	return n.texts[s]
}
