package lockx

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/golockdep/lockdep/engine/kernel"
)

// Prior is what is known of the graph before a log that does not begin at boot: from the dumps /proc/lockdep and
// /proc/lockdep_chains taken before and after the log, and from what the log itself makes. What follows from neither is
// taken so:
//
//  1. Indices: a dump lists classes by index, and it has no gap as long as no class was removed for good. The first
//     class that the log makes bounds it. Classes made between the first dump and the log are in the second.
//  2. Usage: that of the first dump. USED and USED_READ are in no dump and count as set unless the log sets them. A
//     mark that the model makes and the kernel does not, on a class from before, was known if the second dump has it:
//     excused. Masks are not compared for these classes.
//  3. Wait types: those of RCU's own locks are in the kernel's source. A class of another static lock is not checked.
//  4. Dependencies: the dumps have the adjacent ones, without their kinds. They are loaded without any kind, so no
//     finding rests on them. A kind that the model learns and the kernel does not log was known: excused. So is a
//     dependency that is not adjacent, between classes from before.
//  5. Chains: a chain of classes from before that the log does not make was known; a dump has to list its sequence of
//     classes (it has no read modes). What it implies for dependencies is learned without a judgement.
//  6. Locks held: a task's inputs are set aside until its stack is empty; what the kernel concluded from them is
//     adopted.
type Prior struct {
	classes []PriorClass            // by index
	edges   map[[2]uint64]bool      // keys; true: in the first dump
	chains  map[string]bool         // sequences of keys
	after   map[uint64]kernel.Usage // of the second dump
	log     *scan
}

// PriorClass is a line of /proc/lockdep. Key includes the subclass.
type PriorClass struct {
	Key     uint64
	Sub     uint8
	Name    string
	Version uint32
	Usage   kernel.Usage
}

// Dump is a pair of files, /proc/lockdep and /proc/lockdep_chains.
type Dump struct{ Classes, Chains io.Reader }

// ReadPrior reads the dumps and looks through the log for what it makes. before is nil if there is no such dump.
func ReadPrior(before *Dump, after Dump, log io.Reader) (*Prior, error) {
	p := &Prior{edges: map[[2]uint64]bool{}, chains: map[string]bool{}, after: map[uint64]kernel.Usage{}}
	var err error
	if p.log, err = scanLog(NewReader(log)); err != nil {
		return nil, err
	}
	if before != nil {
		if p.classes, err = p.readDump(*before, true); err != nil {
			return nil, fmt.Errorf("dump before the log: %w", err)
		}
	}
	later, err := p.readDump(after, false)
	if err != nil {
		return nil, fmt.Errorf("dump after the log: %w", err)
	}
	for i, c := range later {
		p.after[c.Key] = c.Usage
		if i >= len(p.classes) && i < p.log.firstClass {
			c.Usage = 0
			p.classes = append(p.classes, c)
		}
	}
	return p, nil
}

func (p *Prior) readDump(d Dump, first bool) ([]PriorClass, error) {
	var classes []PriorClass
	sc := bufio.NewScanner(d.Classes)
	var from uint64
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		if key, ok := strings.CutPrefix(line, " -> ["); ok {
			to, err := strconv.ParseUint(key[:max(strings.IndexByte(key, ']'), 0)], 16, 64)
			if err != nil {
				return nil, fmt.Errorf("lockdep line %d: key of a dependency: %w", n, err)
			}
			e := [2]uint64{from, to}
			p.edges[e] = p.edges[e] || first
			continue
		}
		if line == "" || line == "all lock classes:" {
			continue
		}
		c, err := parseClass(line)
		if err != nil {
			return nil, fmt.Errorf("lockdep line %d: %w", n, err)
		}
		from = c.Key
		classes = append(classes, c)
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	return classes, p.readChains(d.Chains)
}

func parseClass(line string) (PriorClass, error) {
	var c PriorClass
	head, name, ok := strings.Cut(line, ": ")
	for ok && !strings.Contains(head, "BD:") || ok && !isUsage(head[strings.LastIndexByte(head, ' ')+1:]) {
		var more string
		more, name, ok = strings.Cut(name, ": ")
		head += ": " + more
	}
	key, _, _ := strings.Cut(head, " ")
	var err error
	if c.Key, err = strconv.ParseUint(key, 16, 64); err != nil || !ok {
		return c, fmt.Errorf("not a class: %q", line)
	}
	usage := head[strings.LastIndexByte(head, ' ')+1:]
	for i := range 4 {
		in := kernel.UsageBit([4]int{0, 1, 4, 5}[i])
		if usage[i] == '-' || usage[i] == '?' {
			c.Usage |= 1 << in
		}
		if usage[i] == '+' || usage[i] == '?' {
			c.Usage |= 1 << (in + 2)
		}
	}
	c.Name, c.Version = name, 1
	if n := len(c.Name); n > 2 && c.Name[n-2] == '/' && c.Name[n-1] >= '1' && c.Name[n-1] <= '7' {
		c.Sub = c.Name[n-1] - '0'
		c.Name = c.Name[:n-2]
	}
	if i := strings.LastIndexByte(c.Name, '#'); i > 0 {
		if v, err := strconv.ParseUint(c.Name[i+1:], 10, 32); err == nil && v > 1 {
			c.Version = uint32(v)
			c.Name = c.Name[:i]
		}
	}
	return c, nil
}

func isUsage(s string) bool { return len(s) == 4 && strings.Trim(s, ".+-?") == "" }

func (p *Prior) readChains(r io.Reader) error {
	sc := bufio.NewScanner(r)
	var seq []byte
	end := func() {
		if len(seq) > 0 {
			p.chains[string(seq)] = true
		}
		seq = seq[:0]
	}
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		if line == "" || !strings.HasPrefix(line, "[") {
			end()
			continue
		}
		i := strings.IndexByte(line, ']')
		key, err := strconv.ParseUint(line[1:max(i, 1)], 16, 64)
		if err != nil {
			return fmt.Errorf("lockdep_chains line %d: key of a class: %w", n, err)
		}
		seq = appendKey(seq, key)
	}
	end()
	return sc.Err()
}

func appendKey(b []byte, key uint64) []byte {
	for s := 56; s >= 0; s -= 8 {
		b = append(b, byte(key>>s))
	}
	return b
}

// scan is what a log makes, seen from before it.
type scan struct {
	chains     map[uint64][]int // chain key -> number of RESETs before each time it is made
	marks      map[int]kernel.Usage
	deps       map[[2]int]bool // made
	adjacent   map[[2]int]bool // became adjacent
	made       map[int]bool
	firstClass int // index, or -1
	resets     int // while scanning: met so far; while replaying: done so far
}

func scanLog(r *Reader) (*scan, error) {
	s := &scan{
		chains: map[uint64][]int{}, marks: map[int]kernel.Usage{}, deps: map[[2]int]bool{},
		adjacent: map[[2]int]bool{}, made: map[int]bool{}, firstClass: -1,
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			s.resets = 0
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		switch rec.Op {
		case OutChain:
			s.chains[rec.Key] = append(s.chains[rec.Key], s.resets)
		case OutMark:
			if !s.made[rec.Class] {
				s.marks[rec.Class] |= 1 << rec.A
			}
		case OutDep:
			if !s.made[rec.Class] && !s.made[rec.Next] {
				s.deps[[2]int{rec.Class, rec.Next}] = true
			}
		case OutDepUpd:
			if rec.B == 1 {
				s.adjacent[[2]int{rec.Class, rec.Next}] = true
			}
		case OutClass:
			s.made[rec.Class] = true
			if s.firstClass < 0 {
				s.firstClass = rec.Class
			}
		case Reset:
			s.resets++
		}
	}
}

// rcuWaits are the wait types of the maps in kernel/rcu/update.c, of Linux 6.12: outer and inner.
var rcuWaits = map[string][2]kernel.WaitType{
	"rcu_read_lock":       {kernel.WaitFree, kernel.WaitConfig},
	"rcu_read_lock_bh":    {kernel.WaitFree, kernel.WaitConfig},
	"rcu_read_lock_sched": {kernel.WaitFree, kernel.WaitSpin},
}

// load enters the classes and dependencies from before.
func (p *Replay) load() {
	prior := p.opt.Prior
	p.scan = prior.log
	p.scan.resets = 0
	ids := map[uint64]kernel.ClassID{}
	for i, c := range prior.classes {
		usage := (c.Usage | 1<<kernel.Used | 1<<kernel.UsedRead) &^ p.scan.marks[i]
		wait := rcuWaits[c.Name]
		m := kernel.Map{Key: c.Key - uint64(c.Sub), Name: c.Name, Outer: wait[0], Inner: wait[1]}
		p.V.UseIndex(i)
		ids[c.Key] = p.V.LoadClass(&m, c.Sub, c.Version, usage)
	}
	for e, first := range prior.edges {
		from, to := ids[e[0]], ids[e[1]]
		if at := [2]int{from.Index(), to.Index()}; from != 0 && to != 0 && !p.scan.deps[at] {
			distance := 1
			if !first && p.scan.adjacent[at] {
				distance = 2
			}
			p.V.LoadDependency(from, to, 0, distance, 0)
		}
	}
}

// prior tells whether the class was there before the log.
func (p *Replay) prior(index int) bool { return p.scan != nil && !p.scan.made[index] }

// known is rule 5.
func (p *Replay) known(key uint64, _ uint8, ids []uint16) bool {
	for _, resets := range p.scan.chains[key] {
		if resets == p.scan.resets {
			return false
		}
	}
	if p.scan.resets > 0 {
		return false
	}
	var seq []byte
	for _, id := range ids {
		index := int(id & 0x1fff)
		if !p.prior(index) {
			return false
		}
		seq = appendKey(seq, p.V.Info(kernel.ClassID(index+1)).Key)
	}
	return p.opt.Prior.chains[string(seq)]
}

// excused is rules 2 and 4.
func (p *Replay) excused(c Conclusion) bool {
	if p.scan == nil || !p.prior(c.Class) {
		return false
	}
	if c.Op == OutMark {
		if !p.opt.Prior.after[p.V.Info(kernel.ClassID(c.Class+1)).Key].Has(kernel.UsageBit(c.A)) {
			return false
		}
		p.Result.Excused["a mark of a class from before"]++
		return true
	}
	if c.Op != OutDep && c.Op != OutDepUpd || !p.prior(c.Next) {
		return false
	}
	switch {
	case c.Op == OutDepUpd:
		p.Result.Excused["a kind of a dependency from before"]++
	case c.B > 1:
		p.Result.Excused["a dependency from before that is not adjacent"]++
	default:
		// It was there at a distance, and the kernel logs that it became adjacent.
		upd := c
		upd.Op = OutDepUpd
		if len(p.late[upd]) == 0 {
			return false
		}
		p.late[upd] = p.late[upd][1:]
		p.Result.Excused["a dependency from before that became adjacent"]++
	}
	return true
}

// adopted is rule 6.
func (p *Replay) adopted(c *Conclusion) {
	p.Result.Adopted++
	from, to := kernel.ClassID(c.Class+1), kernel.ClassID(c.Next+1)
	switch c.Op {
	case OutClass:
		m := kernel.Map{Key: c.Key - uint64(c.N)}
		describe(&m, c)
		p.V.UseIndex(c.Class)
		p.V.LoadClass(&m, uint8(c.N), uint32(c.D), 0)
	case OutMark:
		p.V.LoadUsage(from, kernel.UsageBit(c.A))
	case OutDep, OutDepUpd:
		p.V.LoadDependency(from, to, kernel.Kinds(c.A), c.B, 0)
	case OutChain:
		if c.C == 0 && c.B == c.N {
			p.V.LoadChain(c.Key, uint8(c.A), c.IDs[:c.N])
		}
	}
}
