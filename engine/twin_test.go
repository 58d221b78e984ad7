package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"sort"
	"strings"
	"unsafe"
)

// This file is the naive twin: the rules of doc.go and cycle.go once more, in
// Go maps and without any cache, sample limit, order or search bound. It sees
// every acquisition. What must agree with the engine, exactly:
//
//   - the held stacks and chain keys, after each operation;
//   - the dependencies between classes;
//   - every observation of the engine is an acquisition that took place;
//   - every finding's evidence earns the finding's level by the twin's rules:
//     no false alarm, no level too high;
//   - a cycle of two classes that is possible (no common gate class, reader rule)
//     is found; so is a recursion;
//   - a longer possible cycle is found, or another one over one of its edges;
//   - of orders seen after the cycle of classes was known, instances and
//     goroutines count: a likely cycle of two among them is found as likely;
//   - a contradiction between two instances of one class without other locks
//     is found.
//
// Where only the chain cache saw an instance pair (before its cycle of classes
// was known), the twin may know a higher level than the engine: no check.

type tlock struct {
	birth uint64
	class int // 1..
	mode  Mode
	try   bool
}

type trec struct {
	kind uint8
	init bool
	goid uint64
	lock tlock
	held []tlock
}

type tside struct {
	rec, from int
}

type twin struct {
	recs     []trec
	index    map[string]int
	sides    map[[2]int][]tside // by dependency: one of each chain of classes
	chains   map[string]bool
	hot      map[[2]int][]tside // of dependencies on a known cycle of two
	hotSeen  map[string]bool
	same     map[int][]tside // dependencies of a class on itself, nothing else held
	sameSeen map[string]bool
	writers  map[int][]int // all, by class
	handoff  map[int]bool
	again    map[int]bool // recursions, by class
	againR   map[int][]int
	orphaned map[int]bool // wanted orphans, by class
	need     map[[2]int]bool
	stacks   [][]tlock
}

func newTwin(tasks int) *twin {
	return &twin{
		index: map[string]int{}, sides: map[[2]int][]tside{}, chains: map[string]bool{},
		hot: map[[2]int][]tside{}, hotSeen: map[string]bool{}, same: map[int][]tside{}, sameSeen: map[string]bool{},
		writers: map[int][]int{}, handoff: map[int]bool{}, again: map[int]bool{}, againR: map[int][]int{},
		orphaned: map[int]bool{}, need: map[[2]int]bool{}, stacks: make([][]tlock, tasks),
	}
}

func (r *trec) key() string {
	b := make([]byte, 0, 64)
	b = append(b, r.kind, b2i(r.init))
	b = binary.AppendUvarint(b, r.goid)
	for _, l := range append(r.held[:len(r.held):len(r.held)], r.lock) {
		b = binary.AppendUvarint(b, l.birth)
		b = append(b, byte(l.class), byte(l.mode)|b2i(l.try)<<1)
	}
	return string(b)
}

// chain is the record without instances and goroutine.
func (r *trec) chain() string {
	b := []byte{r.kind}
	for _, l := range append(r.held[:len(r.held):len(r.held)], r.lock) {
		b = append(b, byte(l.class), byte(l.mode))
	}
	return string(b)
}

func b2i(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// excludes: the two can not be held at the same time.
func excludes(a, b tlock, exact bool) bool {
	if a.mode == Read && b.mode == Read {
		return false
	}
	if exact {
		return a.birth == b.birth
	}
	return a.class == b.class
}

func together(x, y *trec, exact bool) bool {
	for _, a := range x.held {
		for _, b := range y.held {
			if excludes(a, b, exact) {
				return false
			}
		}
	}
	return true
}

// level is the level that these sides earn together.
func (w *twin) level(s []tside) Level {
	thirds := true // a writer of its own between each two readers
	try := func(exact bool) bool {
		thirds = true
		for i := range s {
			x, y := &w.recs[s[i].rec], &w.recs[s[(i+1)%len(s)].rec]
			h := y.held[s[(i+1)%len(s)].from]
			if x.lock.class != h.class || exact && x.lock.birth != h.birth {
				return false
			}
			for j := range i {
				if !together(x, &w.recs[s[j].rec], exact) {
					return false
				}
			}
			if x.lock.mode == Read && h.mode == Read {
				ok, third := false, false
				for _, q := range w.writers[h.class] {
					same := exact && w.recs[q].lock.birth == x.lock.birth
					all, own := true, same
					for j := range s {
						all = all && together(&w.recs[q], &w.recs[s[j].rec], same)
						own = own && w.recs[q].goid != w.recs[s[j].rec].goid
					}
					ok = ok || all
					third = third || all && own
				}
				if !ok {
					return false
				}
				thirds = thirds && third
			}
		}
		return true
	}
	if !try(true) {
		if s[0].same(w) || !try(false) {
			return Suppressed
		}
		return Possible
	}
	two := false
	for i := range s {
		r := &w.recs[s[i].rec]
		if r.init || w.handoff[r.lock.class] {
			return Possible
		}
		two = two || r.goid != w.recs[s[0].rec].goid
	}
	if !two || !thirds {
		return Possible
	}
	return Likely
}

func (s tside) same(w *twin) bool {
	r := &w.recs[s.rec]
	return r.held[s.from].class == r.lock.class
}

func (w *twin) readers(s []tside) bool {
	for i := range s {
		n := s[(i+1)%len(s)]
		if w.recs[s[i].rec].lock.mode == Read && w.recs[n.rec].held[n.from].mode == Read {
			return true
		}
	}
	return false
}

// harness drives one engine and one twin with the same operations.
type harness struct {
	cfg     config
	v       *Validator
	tw      *twin
	maps    []Map
	births  []uint64 // of the locks
	nborn   uint64
	names   []ClassID // engine class of twin class i+1
	tasks   []*Task
	goids   []uint64
	wait    []int // lock index a task waits for, -1
	nextG   uint64
	cur     int
	init    bool
	locks   []simLock
	pcs     []uintptr
	nobs    uint32
	levels  []Level
	done    []string
	journal []byte
	flags   map[int]int
	rehand  bool
	lim     bool // some tables are small
	found   []FindingID
}

type simLock struct {
	class   int
	writer  int // task, -1 nobody, -2 a goroutine that ended
	readers []int
	orphanR int
}

type config struct {
	seed                                int64
	classes, insts, tasks, length       int
	rw                                  int // bit mask of reader/writer classes
	touch, init                         bool
	block, cross, end, fresh, try, read int // per mille
}

func newConfig(seed int64) config {
	r := rand.New(rand.NewSource(seed))
	c := config{
		seed: seed, classes: 2 + r.Intn(4), insts: 1 + r.Intn(3), tasks: 2 + r.Intn(2),
		length: 40 << r.Intn(4), rw: r.Intn(32), touch: r.Intn(6) == 0, init: r.Intn(8) == 0,
		try: r.Intn(100), read: 200 + r.Intn(600), fresh: r.Intn(40),
	}
	if r.Intn(2) == 0 {
		c.block, c.cross, c.end = r.Intn(60), r.Intn(60), r.Intn(40)
	} else if r.Intn(2) == 0 {
		c.block = r.Intn(20)
	}
	return c
}

// A twinOp is drawn blindly; what it can not do in the state at hand is skipped.
type twinOp struct {
	kind byte
	task int
	lock int
	mode Mode
	wait bool // may wait for a lock that is taken
	top  bool
}

func draw(c config) []twinOp {
	r := rand.New(rand.NewSource(c.seed ^ 0x5eed))
	ops := make([]twinOp, c.length)
	for i := range ops {
		o := twinOp{task: r.Intn(c.tasks), lock: r.Intn(c.classes * c.insts), wait: r.Intn(1000) < c.block, top: r.Intn(4) != 0}
		if r.Intn(1000) < c.read {
			o.mode = Read
		}
		switch p := r.Intn(1000); {
		case p < c.cross:
			o.kind = 'X'
		case p < c.cross+c.end:
			o.kind = 'E'
		case p < c.cross+c.end+c.fresh:
			o.kind = 'N'
		case p < c.cross+c.end+c.fresh+c.try:
			o.kind = 'T'
		case c.touch && p%10 == 0:
			o.kind = 'D'
		case c.init && p%40 == 1:
			o.kind = 'I'
		case r.Intn(5) < 3:
			o.kind = 'L'
		default:
			o.kind = 'U'
		}
		ops[i] = o
	}
	return ops
}

//go:noinline
func somePCs() []uintptr {
	var all []uintptr
	var pc [1]uintptr
	runtime.Callers(1, pc[:])
	all = append(all, pc[0])
	runtime.Callers(1, pc[:])
	all = append(all, pc[0])
	runtime.Callers(1, pc[:])
	all = append(all, pc[0])
	runtime.Callers(1, pc[:])
	all = append(all, pc[0])
	runtime.Callers(1, pc[:])
	all = append(all, pc[0])
	return all
}

var testPCs = somePCs()

func twinLimits() Limits {
	l := SmallLimits()
	l.Stacks, l.Frames, l.Text = 1<<9, 1<<13, 1<<15
	return l
}

func newHarness(c config) *harness { return newHarnessLim(c, twinLimits()) }

// newHarnessLim is newHarness with tables of another size. Once one is full, only
// what the engine still says is checked, not that it says all.
func newHarnessLim(c config, lim Limits) *harness {
	h := &harness{cfg: c, tw: newTwin(c.tasks), pcs: testPCs, flags: map[int]int{}}
	h.lim = lim != twinLimits()
	h.v = New(lim, Host{
		Goroutine: func() (uint64, uintptr) { return h.goids[h.cur], 0 },
		Init:      func() bool { return h.init },
		Journal:   func(b []byte) { h.journal = append(h.journal, b...) },
		Found:     func(f FindingID) { h.found = append(h.found, f) },
	})
	h.maps = make([]Map, c.classes*c.insts)
	h.births = make([]uint64, len(h.maps))
	h.init = c.init
	for i := range c.classes {
		h.names = append(h.names, h.v.AddClass(fmt.Sprintf("c%d", i+1), 0))
	}
	for i := range c.tasks {
		k := h.v.NewTask()
		if k == nil && h.lim {
			break
		}
		h.tasks = append(h.tasks, k)
		h.goids = append(h.goids, uint64(i+1))
		h.wait = append(h.wait, -1)
	}
	if c.seed&1 != 0 { // then the circle of handover.go takes a while
		for range 90 {
			h.v.NewTask()
		}
	}
	h.nextG = uint64(c.tasks + 1)
	for i := range h.maps {
		h.locks = append(h.locks, simLock{class: i/c.insts + 1, writer: -1, readers: make([]int, c.tasks)})
		h.setMap(i)
	}
	return h
}

func (h *harness) setMap(i int) {
	// Serials come round fast: after three births.
	h.nborn++
	h.births[i] = h.nborn<<12 | (1 + h.nborn%3)
	h.maps[i] = newMap(uint16(h.names[h.locks[i].class-1]), uint32(h.births[i])&serialMask)
	c := h.v.cradleOf(uintptr(unsafe.Pointer(&h.maps[i])))
	c.bear(h.births[i])
	*h.v.writerSet(uintptr(unsafe.Pointer(&h.maps[i]))) = [4]lastWriter{} // see wroteBefore: serials come round too fast here
	// Again takes a lock for the one that was released last if address and serial agree.
	// Of the locks that follow each other at an address, one of 4,095 has the serial of
	// the one before; here it is one of three, so Again must look.
	for _, k := range h.tasks {
		for d := k.depth; d < k.cap; d++ {
			if e := k.at(d); e.inst == uintptr(unsafe.Pointer(&h.maps[i])) {
				e.word |= lookBit
			}
		}
	}
}

func (h *harness) lockName(x int) string {
	return fmt.Sprintf("%c%d", 'A'+h.locks[x].class-1, x%h.cfg.insts+1)
}

func (h *harness) say(format string, a ...any) { h.done = append(h.done, fmt.Sprintf(format, a...)) }

func (h *harness) isRW(x int) bool { return h.cfg.rw>>(h.locks[x].class-1)&1 != 0 }

func (h *harness) modeOf(x int, m Mode) Mode {
	if !h.isRW(x) {
		return Write
	}
	return m
}

func (h *harness) nreaders(x int) int {
	n := h.locks[x].orphanR
	for _, r := range h.locks[x].readers {
		n += r
	}
	return n
}

// waiting reports whether somebody waits for lock x in that mode.
func (h *harness) waiting(x int, m Mode) bool {
	for t, w := range h.wait {
		if w == x && h.tw.stacks[t][len(h.tw.stacks[t])-1].mode == m {
			return true
		}
	}
	return false
}

func (h *harness) free(x int, m Mode, granting bool) bool {
	l := &h.locks[x]
	if m == Write {
		return l.writer == -1 && h.nreaders(x) == 0
	}
	return l.writer == -1 && (granting || !h.waiting(x, Write))
}

func (h *harness) tlock(x int, m Mode, try bool) tlock {
	return tlock{birth: h.births[x], class: h.locks[x].class, mode: m, try: try}
}

func (h *harness) take(t, x int, m Mode) {
	if m == Write {
		h.locks[x].writer = t
	} else {
		h.locks[x].readers[t]++
	}
}

// index of the lock with that birth.
func (h *harness) lockOf(l tlock) int {
	for i := range h.maps {
		if h.births[i] == l.birth {
			return i
		}
	}
	return -1
}

// step does one operation on both sides and checks that they agree; "" is well.
func (h *harness) step(o twinOp) string {
	t, x, tw := o.task, o.lock, h.tw
	m := h.modeOf(x, o.mode)
	h.cur = t
	if h.wait[t] >= 0 && o.kind != 'N' && o.kind != 'I' {
		return ""
	}
	switch o.kind {
	case 'I':
		if !h.init {
			return ""
		}
		h.init = false
		h.say("initialisation ends")
	case 'L':
		if len(tw.stacks[t]) > 5 {
			return ""
		}
		ok := h.free(x, m, false)
		if !ok && !o.wait {
			return ""
		}
		h.say("g%d: %s", h.goids[t], map[Mode]string{Write: "Lock ", Read: "RLock "}[m]+h.lockName(x))
		pc, taken := h.pcs[h.locks[x].class-1], false
		switch {
		case m == Write && h.isRW(x):
			h.v.AcquireWriter(h.tasks[t], &h.maps[x], pc)
		case ok && o.top: // as a Mutex that was free
			taken = true
			if !h.v.Again(h.tasks[t], &h.maps[x], pc, gotBit|uint64(m)<<modeShift) {
				h.v.Taken(h.tasks[t], &h.maps[x], pc, m)
			}
		default:
			h.v.Acquire(h.tasks[t], &h.maps[x], pc, m)
		}
		h.record(obsLock, t, x, m)
		if m == Write && h.isRW(x) {
			h.record(obsWriter, t, x, m)
		}
		if l := &h.locks[x]; !ok && (l.writer == -2 || l.orphanR > 0) {
			tw.orphaned[l.class] = true
		}
		tw.stacks[t] = append(tw.stacks[t], h.tlock(x, m, false))
		h.wait[t] = x
		if taken {
			h.granted(t)
		} else if ok {
			h.grant(t)
		} else {
			h.say("   waits")
		}
	case 'T':
		if len(tw.stacks[t]) > 5 {
			return ""
		}
		if !h.free(x, m, false) {
			h.say("g%d: tries %s in vain", h.goids[t], h.lockName(x))
			h.v.TryFailed(h.tasks[t], &h.maps[x], h.pcs[h.locks[x].class-1], m)
			if l := &h.locks[x]; l.writer == -2 || l.orphanR > 0 {
				tw.orphaned[l.class] = true
			}
			break
		}
		h.say("g%d: %s", h.goids[t], map[Mode]string{Write: "TryLock ", Read: "TryRLock "}[m]+h.lockName(x))
		h.v.TryAcquired(h.tasks[t], &h.maps[x], h.pcs[h.locks[x].class-1], m)
		tw.stacks[t] = append(tw.stacks[t], h.tlock(x, m, true))
		h.take(t, x, m)
	case 'D':
		for _, l := range tw.stacks[t] {
			if l.birth == h.births[x] {
				return ""
			}
		}
		h.say("g%d: Touch %s", h.goids[t], h.lockName(x))
		h.v.Touch(h.tasks[t], &h.maps[x], h.pcs[h.locks[x].class-1])
		h.record(obsTouch, t, x, Write)
	case 'U':
		n := len(tw.stacks[t])
		if n == 0 {
			return ""
		}
		i := n - 1
		if !o.top {
			i = o.lock % n
		}
		l := tw.stacks[t][i]
		for j := n - 1; j > i; j-- { // of two readers the upper one goes
			if tw.stacks[t][j].birth == l.birth && tw.stacks[t][j].mode == l.mode {
				i = j
				break
			}
		}
		x = h.lockOf(l)
		h.say("g%d: %s", h.goids[t], map[Mode]string{Write: "Unlock ", Read: "RUnlock "}[l.mode]+h.lockName(x))
		h.drop(t, x, l.mode)
		tw.stacks[t] = append(tw.stacks[t][:i:i], tw.stacks[t][i+1:]...)
		h.v.Release(h.tasks[t], &h.maps[x], l.mode)
	case 'X':
		if !h.releaseElsewhere(t, x) {
			return ""
		}
	case 'E':
		for _, l := range tw.stacks[t] {
			if tw.handoff[l.class] {
				return "" // the engine does not follow it, so nobody could release it
			}
		}
		h.say("g%d: ends", h.goids[t])
		h.v.EndTask(h.tasks[t])
		for _, l := range tw.stacks[t] {
			x := h.lockOf(l)
			h.drop(t, x, l.mode)
			if l.mode == Write {
				h.locks[x].writer = -2
			} else {
				h.locks[x].orphanR++
			}
		}
		tw.stacks[t] = nil
		h.goids[t] = h.nextG
		h.nextG++
	case 'N':
		l := &h.locks[x]
		if l.writer >= 0 || h.nreaders(x) != l.orphanR || h.waiting(x, Read) || h.waiting(x, Write) {
			return ""
		}
		h.say("%s: a new lock at its address", h.lockName(x))
		l.writer, l.orphanR = -1, 0
		h.setMap(x)
	}
	for again := true; again; {
		again = false
		for t := range h.wait {
			if x := h.wait[t]; x >= 0 {
				if s := tw.stacks[t]; h.free(x, s[len(s)-1].mode, true) {
					h.cur = t
					h.say("g%d: gets %s", h.goids[t], h.lockName(x))
					h.grant(t)
					again = true
				}
			}
		}
	}
	return h.check()
}

func (h *harness) grant(t int) {
	x, m := h.granted(t)
	h.v.Acquired(h.tasks[t], &h.maps[x], m)
}

func (h *harness) granted(t int) (x int, m Mode) {
	s := h.tw.stacks[t]
	x, m = h.wait[t], s[len(s)-1].mode
	h.take(t, x, m)
	h.wait[t] = -1
	return x, m
}

func (h *harness) drop(t, x int, m Mode) {
	if m == Write {
		h.locks[x].writer = -1
	} else {
		h.locks[x].readers[t]--
	}
}

// releaseElsewhere releases lock x, which t does not hold, on t.
func (h *harness) releaseElsewhere(t, x int) bool {
	l := &h.locks[x]
	tw := h.tw
	if h.maps[x].class() == 0 {
		return false // the table of classes is full: not followed
	}
	for _, e := range tw.stacks[t] {
		if e.birth == h.births[x] {
			return false
		}
	}
	switch {
	case l.writer == -2:
		l.writer = -1
		h.say("g%d: Unlock %s, whose goroutine ended", h.goids[t], h.lockName(x))
		h.v.Release(h.tasks[t], &h.maps[x], Write)
	case l.orphanR > 0:
		l.orphanR--
		h.say("g%d: RUnlock %s, whose goroutine ended", h.goids[t], h.lockName(x))
		h.v.Release(h.tasks[t], &h.maps[x], Read)
	case l.writer >= 0:
		o := l.writer
		h.drop(o, x, Write)
		h.unstack(o, x, Write)
		h.say("g%d: Unlock %s of g%d", h.goids[t], h.lockName(x), h.goids[o])
		h.v.Release(h.tasks[t], &h.maps[x], Write)
	case h.nreaders(x) > 0 && !h.waiting(x, Read):
		h.v.Release(h.tasks[t], &h.maps[x], Read)
		o := h.released(x)
		h.drop(o, x, Read)
		h.unstack(o, x, Read)
		h.say("g%d: RUnlock %s of g%d", h.goids[t], h.lockName(x), h.goids[o])
	default:
		return false
	}
	if !tw.handoff[l.class] {
		tw.handoff[l.class] = true
		h.rehand = true
	}
	return true
}

// released returns the task whose read lock of x another one just released: one
// that the engine chose, or where it has none yet, one that looks now.
func (h *harness) released(x int) int {
	var all []int
	for o, n := range h.locks[x].readers {
		if n > 0 {
			all = append(all, o)
		}
	}
	fewer := func() int {
		for _, o := range all {
			n := -int(h.v.posted(h.tasks[o], uintptr(unsafe.Pointer(&h.maps[x])), Read))
			for i := range h.tasks[o].depth {
				if e := h.tasks[o].at(i); e.inst == uintptr(unsafe.Pointer(&h.maps[x])) && e.mode() == Read && e.flags()&heldGot != 0 {
					n++
				}
			}
			if n < h.locks[x].readers[o] {
				return o
			}
		}
		return -1
	}
	o := fewer()
	if o < 0 && h.nreaders(x)-h.locks[x].orphanR > 1 {
		h.v.look(h.tasks[all[len(h.done)%len(all)]])
		o = fewer()
	}
	if o < 0 {
		o = all[0]
	}
	return o
}

// unstack takes the lowest entry of lock x in mode m off o's stack: the ones
// above it are still waited for.
func (h *harness) unstack(o, x int, m Mode) {
	s := h.tw.stacks[o]
	for i, e := range s {
		if e.birth == h.births[x] && e.mode == m {
			h.tw.stacks[o] = append(s[:i:i], s[i+1:]...)
			return
		}
	}
}

// record enters an acquisition and what follows from it.
func (h *harness) record(kind uint8, t, x int, m Mode) {
	tw := h.tw
	if kind != obsWriter && len(tw.stacks[t]) == 0 {
		return
	}
	r := trec{kind: kind, init: h.init, goid: h.goids[t], lock: h.tlock(x, m, false), held: append([]tlock(nil), tw.stacks[t]...)}
	k := r.key()
	id, known := tw.index[k]
	if !known {
		id = len(tw.recs)
		tw.recs = append(tw.recs, r)
		tw.index[k] = id
	}
	if kind == obsWriter {
		if !known {
			tw.writers[r.lock.class] = append(tw.writers[r.lock.class], id)
			if c := r.chain(); !tw.chains[c] {
				tw.chains[c] = true
				h.flags[0]++ // something new about classes
			}
		}
		return
	}
	fresh := !tw.chains[r.chain()]
	tw.chains[r.chain()] = true
	alone := true
	for _, l := range r.held {
		alone = alone && l.class == r.lock.class
	}
	hot := !tw.hotSeen[k] && kind == obsLock && !h.cfg.init
	wasHot := make(map[[2]int]bool)
	for _, l := range r.held {
		a, b := l.class, r.lock.class
		wasHot[[2]int{a, b}] = a != b && len(tw.sides[[2]int{a, b}]) > 0 && len(tw.sides[[2]int{b, a}]) > 0
	}
	again := false
	for i := len(r.held) - 1; i >= 0; i-- {
		l := r.held[i]
		e := [2]int{l.class, r.lock.class}
		if l.birth == r.lock.birth {
			if !again {
				again = true
				if l.mode == Read && r.lock.mode == Read {
					tw.againR[l.class] = append(tw.againR[l.class], id)
				} else {
					tw.again[l.class] = true
				}
				h.flags[0]++
			}
			continue
		}
		if fresh || len(tw.sides[e]) == 0 {
			tw.sides[e] = append(tw.sides[e], tside{id, i})
			h.flags[0]++
		}
		if hot && wasHot[e] {
			tw.hotSeen[k] = true
			tw.hot[e] = append(tw.hot[e], tside{id, i})
			h.flags[1]++
		}
		if e[0] == e[1] && alone && kind == obsLock && !known {
			tw.same[e[0]] = append(tw.same[e[0]], tside{id, i})
			h.flags[2]++
		}
	}
}

// classOf is the twin's number of an engine class.
func (h *harness) classOf(c ClassID) int {
	for i, n := range h.names {
		if n == c && c != 0 {
			return i + 1
		}
	}
	return 0
}

func (h *harness) ofRec(r *heldRec) tlock {
	return tlock{birth: r.birth, class: h.classOf(r.class), mode: r.mode, try: r.try}
}

// sideOf is the twin's record of an engine observation; false: it never was.
func (h *harness) recOf(id ObsID) (int, bool) {
	o := &h.v.obs[id]
	r := trec{kind: o.kind, init: o.flags&obsInit != 0, goid: o.goid, lock: h.ofRec(&o.lock)}
	for i := range uint32(o.n) {
		r.held = append(r.held, h.ofRec(&h.v.held[o.held+i]))
	}
	if o.kind == obsWriter && o.flags&obsTag != 0 {
		return h.recalled(&r)
	}
	x, ok := h.tw.index[r.key()]
	if !ok && o.flags&obsTag != 0 {
		r.init = !r.init
		x, ok = h.tw.index[r.key()]
	}
	return x, ok
}

// recalled is the twin's record of a writer that the engine recalled, whose held locks
// it knows by class.
func (h *harness) recalled(r *trec) (int, bool) {
	for _, q := range h.tw.writers[r.lock.class] {
		x := &h.tw.recs[q]
		ok := x.lock == r.lock && x.goid == r.goid && len(x.held) == len(r.held)
		for i := 0; ok && i < len(r.held); i++ {
			ok = x.held[i].class == r.held[i].class && x.held[i].mode == r.held[i].mode
		}
		if ok {
			return q, true
		}
	}
	return 0, false
}

func (h *harness) obsString(id ObsID) string {
	o := &h.v.obs[id]
	s := fmt.Sprintf("kind %d g%d flags %d holding [", o.kind, o.goid, o.flags)
	for i := range uint32(o.n) {
		s += h.recString(&h.v.held[o.held+i]) + " "
	}
	return s + "] takes " + h.recString(&o.lock)
}

func (h *harness) recString(r *heldRec) string {
	x := "?"
	if i := h.lockOf(h.ofRec(r)); i >= 0 {
		x = h.lockName(i)
	}
	return fmt.Sprintf("%s#%d%s", x, r.birth, map[Mode]string{Read: "{R}", Write: "{W}"}[r.mode])
}

// check compares the two sides.
func (h *harness) check() string {
	v, tw := h.v, h.tw
	if s := v.checkOrder(); s != "" {
		return s
	}
	partial := v.fullMask != 0
	if partial && !h.lim {
		return fmt.Sprint("full: ", v.Full())
	}
	if v.word != 0 {
		return "the validator is left locked"
	}
	for t := range h.tasks {
		if s := h.checkStack(t); s != "" {
			return s
		}
	}
	if !partial && int(v.nedges) != len(tw.sides) {
		return fmt.Sprintf("%d dependencies, the twin has %d: %v", v.nedges, len(tw.sides), h.edgeDiff())
	}
	for ; h.nobs < v.nobs; h.nobs++ {
		id := ObsID(h.nobs + 1)
		if v.obs[id].kind == 0 || v.obs[id].kind == obsOrphan || v.obs[id].flags&obsPartial != 0 {
			continue
		}
		if _, ok := h.recOf(id); !ok {
			return "an observation that never was: " + h.obsString(id)
		}
	}
	for f := FindingID(1); f <= FindingID(v.nfindings); f++ {
		x := &v.findings[f]
		for len(h.levels) < int(f) {
			h.levels = append(h.levels, Suppressed)
		}
		if x.level == h.levels[f-1] && !h.rehand {
			continue
		}
		h.levels[f-1] = x.level
		if s := h.justify(x); s != "" {
			return fmt.Sprintf("finding %d, %v at %v: %s%s", f, x.kind, x.level, s, h.evidence(x))
		}
	}
	h.rehand = false
	if partial {
		return ""
	}
	if h.flags[0] != 0 {
		if s := h.complete(); s != "" {
			return s
		}
	}
	if h.flags[1] != 0 {
		if s := h.completeHot(); s != "" {
			return s
		}
	}
	if h.flags[2] != 0 {
		if s := h.completeSame(); s != "" {
			return s
		}
	}
	clear(h.flags)
	return ""
}

func (h *harness) edgeDiff() (out []string) {
	have := map[[2]int]bool{}
	for e := uint32(1); e <= h.v.nedges; e++ {
		k := [2]int{h.classOf(h.v.edges[e].from), h.classOf(h.v.edges[e].to)}
		have[k] = true
		if len(h.tw.sides[k]) == 0 {
			out = append(out, fmt.Sprintf("only the engine has %c->%c", 'A'+k[0]-1, 'A'+k[1]-1))
		}
	}
	for k := range h.tw.sides {
		if !have[k] {
			out = append(out, fmt.Sprintf("only the twin has %c->%c", 'A'+k[0]-1, 'A'+k[1]-1))
		}
	}
	sort.Strings(out)
	return out
}

func (h *harness) checkStack(t int) string {
	v, task := h.v, h.tasks[t]
	key := initialKey
	var got []tlock
	past := map[[2]uintptr]uint32{}
	for i := range task.depth {
		e := task.at(i)
		if e.class() != 0 {
			key = mix(key, e.class(), e.mode())
		}
		if e.key != key {
			return fmt.Sprintf("g%d: held lock %d has another chain key", h.goids[t], i)
		}
		if k := [2]uintptr{e.inst, uintptr(e.mode())}; e.flags()&heldGot != 0 { // the lowest goes
			n := v.posted(task, e.inst, e.mode())
			n += h.noted(e, task.epoch)
			if past[k] < n {
				past[k]++
				continue
			}
		}
		got = append(got, tlock{birth: uint64(e.serial()), class: h.classOf(e.class()), mode: e.mode(), try: e.flags()&heldTry != 0})
	}
	want := slices.Clone(h.tw.stacks[t])
	for i, l := range want {
		want[i].birth &= serialMask
		if h.names[l.class-1] == 0 { // the table of classes was full
			want[i].class = 0
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("g%d holds %v, by the twin %v", h.goids[t], got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Sprintf("g%d holds %v, by the twin %v", h.goids[t], got, want)
		}
	}
	return ""
}

// noted counts the notes that entry e, or another of its lock, was released.
func (h *harness) noted(e *Held, epoch uint32) (n uint32) {
	for x := range h.v.handedTab {
		p := &h.v.handedTab[x]
		if p.inst == e.inst && p.mode == e.mode() && p.serial == e.serial() && h.v.epoch-epoch > h.v.epoch-p.at {
			n++
		}
	}
	return n
}

// justify says why finding f is not earned by its evidence; "": it is.
func (h *harness) justify(f *finding) string {
	tw := h.tw
	if f.level == Suppressed {
		return ""
	}
	c := h.classOf(h.v.obs[f.obs].lock.class)
	switch f.kind {
	case KindRecursive:
		if !tw.again[c] || f.level != Proved {
			return "no such recursion"
		}
		if tw.handoff[c] {
			return "the class is handed over"
		}
		return ""
	case KindRecursiveRead:
		if tw.handoff[c] {
			return "the class is handed over"
		}
		if l := h.readAgain(c, 100); f.level > l {
			return fmt.Sprintf("the twin says %v", l)
		}
		return ""
	case KindExitHeld:
		if !tw.orphaned[c] {
			return "nobody wanted it"
		}
		if tw.handoff[c] {
			return "the class is handed over"
		}
		return ""
	}
	var s []tside
	tag := false
	for i := range int(f.n) {
		p := &h.v.samples[f.samples[i]]
		tag = tag || h.v.obs[p.obs].flags&obsTag != 0
		if h.v.obs[p.obs].flags&obsPartial != 0 {
			if f.level > Possible || f.why&WhyPartial == 0 {
				return "the evidence is partial"
			}
			return ""
		}
		r, ok := h.recOf(p.obs)
		if !ok {
			return "evidence that never was"
		}
		s = append(s, tside{r, int(p.from)})
	}
	l := tw.level(s)
	if f.level > l {
		return fmt.Sprintf("the evidence is %v", l)
	}
	if f.level < l && !(tag && h.cfg.init) && !tw.readers(s) && h.v.fullMask == 0 {
		return fmt.Sprintf("the evidence is even %v", l)
	}
	return ""
}

func (h *harness) evidence(f *finding) string {
	s := ""
	for i := range int(f.n) {
		s += "\n\t" + h.obsString(h.v.samples[f.samples[i]].obs)
	}
	if f.n == 0 {
		s += "\n\t" + h.obsString(f.obs)
	}
	return s
}

// readAgain is the level of the best recursion of readers of class c, by writers with
// so many locks held at most.
func (h *harness) readAgain(c, held int) Level {
	best := Suppressed
	for _, id := range h.tw.againR[c] {
		r := &h.tw.recs[id]
		for _, q := range h.tw.writers[c] {
			ok := len(h.tw.recs[q].held) <= held
			for _, a := range h.tw.recs[q].held {
				for _, b := range r.held {
					ok = ok && (a.class == c || !excludes(a, b, false))
				}
			}
			if ok {
				l := Likely
				if r.init || h.tw.recs[q].lock.birth != r.lock.birth || h.tw.recs[q].goid == r.goid {
					l = Possible
				}
				best = max(best, l)
			}
		}
	}
	return best
}

// engineLevel is the highest level at which the engine has that kind of finding
// over exactly these dependencies, in any rotation.
func (h *harness) engineLevel(kind Kind, classes ...int) Level {
	best := Suppressed
	for f := uint32(1); f <= h.v.nfindings; f++ {
		x := &h.v.findings[f]
		if x.kind != kind {
			continue
		}
		if x.n == 0 {
			if h.classOf(h.v.obs[x.obs].lock.class) == classes[0] {
				best = max(best, x.level)
			}
			continue
		}
		if int(x.n) != len(classes) {
			continue
		}
		for rot := range classes {
			ok := true
			for i := range classes {
				e := &h.v.edges[h.v.samples[x.samples[i]].edge]
				ok = ok && h.classOf(e.from) == classes[(i+rot)%len(classes)] && h.classOf(e.to) == classes[(i+rot+1)%len(classes)]
			}
			if ok {
				best = max(best, x.level)
			}
		}
	}
	return best
}

// complete: what is possible by classes is found.
func (h *harness) complete() string {
	tw := h.tw
	for a := 1; a <= h.cfg.classes; a++ {
		for b := a + 1; b <= h.cfg.classes; b++ {
			k := [2]int{a, b}
			if tw.need[k] {
				continue
			}
			for _, p := range tw.sides[[2]int{a, b}] {
				for _, q := range tw.sides[[2]int{b, a}] {
					if !tw.need[k] && h.classLevel(p, q) {
						tw.need[k] = true
						if h.engineLevel(KindCircular, a, b) < Possible {
							return fmt.Sprintf("cycle %c->%c->%c is possible by\n\t%s\n\t%s\nand not found", 'A'+a-1, 'A'+b-1, 'A'+a-1, h.sideString(p), h.sideString(q))
						}
					}
				}
			}
		}
	}
	for c := range tw.again {
		if !tw.handoff[c] && h.engineLevel(KindRecursive, c) != Proved {
			return fmt.Sprintf("recursion of class %c not found", 'A'+c-1)
		}
	}
	for c := range tw.againR {
		// The engine can forget who wrote with other locks held, not who held none.
		l, least := h.readAgain(c, 100), h.readAgain(c, 0)
		if e := h.engineLevel(KindRecursiveRead, c); !tw.handoff[c] && (e > l || e < least || e == Suppressed && l != e) && !h.cfg.init {
			return fmt.Sprintf("recursion of readers of class %c is %v, not %v", 'A'+c-1, l, e)
		}
	}
	return ""
}

func (h *harness) sideString(s tside) string {
	r := &h.tw.recs[s.rec]
	return fmt.Sprintf("g%d holding %v takes %v", r.goid, r.held, r.lock)
}

// classLevel: the sides are possible by their classes.
func (h *harness) classLevel(s ...tside) bool {
	tw := h.tw
	for i := range s {
		n := s[(i+1)%len(s)]
		x, y := &tw.recs[s[i].rec], &tw.recs[n.rec]
		if !together(x, y, false) {
			return false
		}
		if x.lock.mode == Read && y.held[n.from].mode == Read {
			ok := false
			for _, q := range tw.writers[x.lock.class] {
				all := true
				for j := range s {
					all = all && together(&tw.recs[q], &tw.recs[s[j].rec], false)
				}
				ok = ok || all
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// completeHot: once a cycle of two classes is known, instances count.
func (h *harness) completeHot() string {
	tw := h.tw
	for e, ps := range tw.hot {
		if e[0] > e[1] {
			continue
		}
		for _, p := range ps {
			for _, q := range tw.hot[[2]int{e[1], e[0]}] {
				s := []tside{p, q}
				l := tw.level(s)
				if l != Likely || tw.readers(s) {
					continue
				}
				if h.crowded(e[0], e[1]) || h.crowded(e[1], e[0]) {
					continue
				}
				if g := h.engineLevel(KindCircular, e[0], e[1]); g < l {
					return fmt.Sprintf("cycle %c->%c->%c is %v, found as %v:\n\t%s\n\t%s", 'A'+e[0]-1, 'A'+e[1]-1, 'A'+e[0]-1, l, g, h.sideString(p), h.sideString(q))
				}
			}
		}
	}
	return ""
}

// crowded: the dependency may have dropped evidence.
func (h *harness) crowded(a, b int) bool {
	e := h.v.edgeFind(h.names[a-1], h.names[b-1])
	return h.v.edges[e].n >= maxSamplesHot
}

func (h *harness) completeSame() string {
	tw := h.tw
	for c, ps := range tw.same {
		if h.engineLevel(KindSameClass, c, c) >= Possible {
			continue
		}
		for i, p := range ps {
			for _, q := range ps[:i] {
				s := []tside{p, q}
				if tw.level(s) >= Possible && !tw.readers(s) {
					return fmt.Sprintf("instances of %c contradict each other, not found:\n\t%s\n\t%s", 'A'+c-1, h.sideString(p), h.sideString(q))
				}
			}
		}
	}
	return ""
}

// end makes the checks that are too dear after each operation.
func (h *harness) end() string {
	if s := h.completeLong(); s != "" {
		return s
	}
	if h.cfg.seed%4 == 0 {
		return replayed(h.v, h.journal)
	}
	return ""
}

// completeLong: a possible cycle of three or four classes shares a dependency
// with a finding.
func (h *harness) completeLong() string {
	found := map[[2]int]bool{}
	for f := uint32(1); f <= h.v.nfindings; f++ {
		x := &h.v.findings[f]
		for i := range int(x.n) {
			e := &h.v.edges[h.v.samples[x.samples[i]].edge]
			if x.level >= Possible {
				found[[2]int{h.classOf(e.from), h.classOf(e.to)}] = true
			}
		}
	}
	var path []int
	var sides []tside
	var evidence func(i int) bool
	evidence = func(i int) bool {
		if i == len(path) {
			return h.classLevel(sides...)
		}
		for _, s := range h.tw.sides[[2]int{path[i], path[(i+1)%len(path)]}] {
			ok := true
			for _, p := range sides {
				ok = ok && together(&h.tw.recs[p.rec], &h.tw.recs[s.rec], false)
			}
			if !ok {
				continue
			}
			sides = append(sides, s)
			if evidence(i + 1) {
				return true
			}
			sides = sides[:len(sides)-1]
		}
		return false
	}
	var walk func() string
	walk = func() string {
		at := path[len(path)-1]
		for c := path[0]; c <= h.cfg.classes; c++ {
			e := [2]int{at, c}
			if at == c || len(h.tw.sides[e]) == 0 || found[e] {
				continue
			}
			if c == path[0] && len(path) > 2 {
				sides = sides[:0]
				if evidence(0) {
					s := fmt.Sprintf("the cycle over classes %v is possible and not found:", path)
					for _, p := range sides {
						s += "\n\t" + h.sideString(p)
					}
					return s
				}
			}
			if slices.Contains(path, c) || len(path) == 4 {
				continue
			}
			path = append(path, c)
			if s := walk(); s != "" {
				return s
			}
			path = path[:len(path)-1]
		}
		return ""
	}
	for c := 1; c <= h.cfg.classes; c++ {
		path = append(path[:0], c)
		if s := walk(); s != "" {
			return s
		}
	}
	return ""
}

// runOps runs a sequence; it returns what went wrong, "" for nothing, and the
// operations in words.
func runOps(c config, ops []twinOp) (failure string, words []string) {
	h := newHarness(c)
	defer func() {
		words = h.done
		if r := recover(); r != nil {
			failure = fmt.Sprint("panic: ", r)
			var b [4096]byte
			failure += "\n" + string(b[:runtime.Stack(b[:], false)])
		}
	}()
	for _, o := range ops {
		if s := h.step(o); s != "" {
			return s, h.done
		}
	}
	return h.end(), h.done
}

// reduce cuts a failing sequence down: ever smaller pieces are left out as
// long as it still fails.
func reduce(c config, ops []twinOp) ([]twinOp, string, []string) {
	for size := len(ops) / 2; size >= 1; {
		cut := false
		for i := 0; i+size <= len(ops); {
			less := append(append([]twinOp(nil), ops[:i]...), ops[i+size:]...)
			if f, _ := runOps(c, less); f != "" {
				ops, cut = less, true
			} else {
				i += size
			}
		}
		if size == 1 && !cut {
			break
		}
		if !cut || size > len(ops) {
			size = max(size/2, 1)
		}
		if len(ops) == 0 {
			break
		}
	}
	f, words := runOps(c, ops)
	return ops, f, words
}

func report(c config, ops []twinOp) string {
	_, f, words := reduce(c, ops)
	return fmt.Sprintf("LOCKDEP_SEED=%d (%d classes, %d instances, rw mask %b)\n%s\n\n%s", c.seed, c.classes, c.insts, c.rw, strings.Join(words, "\n"), f)
}
