package engine

import (
	"runtime"
	"sync/atomic"
)

// A class is all locks that play one role.
type class struct {
	name     uint32 // text
	flags    uint32
	ord      uint32 // place in the topological order
	out, in  EdgeID
	writers  SampleID // observations of writers, newest first
	nwriters uint16
	ninst    uint16 // writers of awaited locks that were recorded
	nagain   uint16 // recursions of readers that were recorded
	again    ObsID  // recursions of readers, newest first

	oldest, newest ObsID  // the ring of its pairs: see pairs.go
	nring          uint32 // their number
	nkept          uint32 // those that went round since their locks are in use
	neager         uint32 // observations that are in the graph file and might not be
	model          ObsID  // the first observation of a pair with nothing else held

	single uint64 // the goroutine that made all its pairs, if classMany is not set
	spent  uint32 // steps of searches beyond those of its pairs: see instances.go
	least  uint8  // sides of the shortest cycle of its instances that is a finding
}

const (
	classWeak       uint32 = 1 << iota // named by a site alone
	classArray                         // one element of many
	classNoValidate                    // not judged
	classWriter                        // a writer was observed
	classBareWriter                    // a writer was observed with nothing else held
	classHandoff                       // released by another goroutine than the one that took it
	classSemaphore                     // only in old graph files: handed over so often that its holders were not followed
	classOnce                          // a sync.Once: nobody but the goroutine in it can finish it
	classAscending                     // nested instances with rising addresses were seen
	classDescending                    // nested instances with falling addresses were seen
	classWriters                       // as many writers as are kept were observed
	classSteered                       // see steer.go
	classAwaits                        // writers of some of its locks are awaited: see writer.go
	classYields                        // who writes first makes the readers let go: see yielding
	classTangled                       // the order of its instances has a cycle, or is not known: see instances.go
	classMany                          // several goroutines nested its instances
)

// classOverwritten is a class one of whose locks was overwritten while it was held:
// see overwritten.go. Graph files have it, so it keeps its place.
const classOverwritten uint32 = 1 << 16

// classSlow are those with which every acquisition goes through the slow path.
const classSlow = classNoValidate | classSteered

// classFlagsSaved are the flags that a graph file carries.
const classFlagsSaved = classWeak | classArray | classNoValidate | classHandoff | classSemaphore | classOverwritten

// classFlags reads a class's flags without the lock.
func (v *Validator) classFlags(c ClassID) uint32 { return atomic.LoadUint32(&v.classes[c].flags) }

// set and clear change flags. Locked.
func (k *class) set(bits uint32)   { atomic.StoreUint32(&k.flags, k.flags|bits) }
func (k *class) clear(bits uint32) { atomic.StoreUint32(&k.flags, k.flags&^bits) }

// A site is a place in the program: function, file, line.
type site struct {
	fn, file uint32 // text
	line     uint32
}

// A pcRec is what is known of a return address. Its size is the same on every
// platform: the pc of each record of a table is used atomically, so that it must
// be a multiple of 8 where words have 32 bits as well.
type pcRec struct {
	pc    uint64
	site  SiteID
	class ClassID
	flags uint16
	kind  byte
	_     [7]byte
}

const (
	pcWalk uint16 = 1 << iota // inside a wrapper: the class depends on the caller
)

type stack struct {
	hash uint64
	off  uint32
	n    uint32
}

func hashBytes(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h ^ h>>29
}

func hashString(h uint64, s string) uint64 { return (h ^ hashBytes(s)) * 0x9e3779b97f4a7c15 }

// intern returns the text table's offset of s; 0 for "" and where it is full.
func (v *Validator) intern(s string) uint32 {
	if s == "" {
		return 0
	}
	if len(s) > 0xffff {
		s = s[:0xffff]
	}
	mask := uint32(len(v.textIdx) - 1)
	i := uint32(hashBytes(s)) & mask
	for n := uint32(0); n <= mask; n++ {
		o := v.textIdx[i]
		if o == 0 {
			break
		}
		if v.str(o) == s {
			return o
		}
		i = (i + 1) & mask
	}
	if v.ntext+uint32(len(s))+2 > uint32(len(v.text)) || v.textIdx[i] != 0 {
		v.full(tabText, v.lim.Text)
		return 0
	}
	o := v.ntext
	v.text[o] = byte(len(s))
	v.text[o+1] = byte(len(s) >> 8)
	for j := 0; j < len(s); j++ {
		v.text[o+2+uint32(j)] = s[j]
	}
	v.ntext += uint32(len(s)) + 2
	v.textIdx[i] = o
	return o
}

// str returns the text at offset o; it aliases the table, which is never
// changed where it was written.
func (v *Validator) str(o uint32) string {
	if o == 0 {
		return ""
	}
	n := uint32(v.text[o]) | uint32(v.text[o+1])<<8
	return bytesString(v.text[o+2 : o+2+n])
}

// classNamed returns the class of that name, made if need be; 0: table full.
func (v *Validator) classNamed(name string, flags uint32) ClassID {
	// Classes are few and looked up once a site: a scan over interned offsets
	// needs no index of its own.
	o := v.intern(name)
	if o == 0 {
		return 0
	}
	for c := uint32(1); c <= v.nclasses; c++ {
		if v.classes[c].name == o {
			v.classes[c].set(flags &^ classWeak)
			if flags&classWeak == 0 {
				v.classes[c].clear(classWeak)
			}
			return ClassID(c)
		}
	}
	if v.nclasses+1 >= v.lim.Classes {
		v.full(tabClasses, v.lim.Classes)
		return 0
	}
	if v.steered(name) {
		flags |= classSteered
	}
	if yielding(name) {
		flags |= classYields
	}
	v.nclasses++
	v.classes[v.nclasses] = class{name: o, flags: flags, ord: v.nclasses}
	atomic.StoreUint32(&v.named, v.nclasses<<classShift)
	return ClassID(v.nclasses)
}

func (v *Validator) siteOf(fn, file string, line uint32) SiteID {
	f, p := v.intern(fn), v.intern(file)
	mask := uint32(len(v.siteIdx) - 1)
	i := (f*2654435761 ^ p*40503 ^ line*2246822519) & mask
	for n := uint32(0); n <= mask; n++ {
		s := v.siteIdx[i]
		if s == 0 {
			break
		}
		if e := &v.sites[s]; e.fn == f && e.file == p && e.line == line {
			return SiteID(s)
		}
		i = (i + 1) & mask
	}
	if v.nsites+1 >= uint32(len(v.sites)) {
		v.full(tabSites, v.lim.Sites)
		return 0
	}
	v.nsites++
	v.sites[v.nsites] = site{fn: f, file: p, line: line}
	v.siteIdx[i] = v.nsites
	return SiteID(v.nsites)
}

func (v *Validator) testNamed(name string) TestID {
	o := v.intern(name)
	if o == 0 {
		return 0
	}
	for i := v.ntests; i > 0; i-- {
		if v.tests[i] == o {
			return TestID(i)
		}
	}
	if v.ntests+1 >= uint32(len(v.tests)) {
		v.full(tabTests, v.lim.Tests)
		return 0
	}
	v.ntests++
	v.tests[v.ntests] = o
	return TestID(v.ntests)
}

// Test returns the id of a test name, for [Task.SetTest].
func (v *Validator) Test(name string) TestID {
	v.lock()
	id := v.testNamed(name)
	v.unlock()
	return id
}

func (v *Validator) stackOf(frames []SiteID) StackID {
	h := uint64(len(frames))
	for _, f := range frames {
		h = (h ^ uint64(f)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	mask := uint32(len(v.stackIdx) - 1)
	i := uint32(h) & mask
	for n := uint32(0); n <= mask; n++ {
		s := v.stackIdx[i]
		if s == 0 {
			break
		}
		if v.stacks[s].hash == h {
			return StackID(s)
		}
		i = (i + 1) & mask
	}
	if v.nstacks+1 >= uint32(len(v.stacks)) {
		v.full(tabStacks, v.lim.Stacks)
		return 0
	}
	if v.nframes+uint32(len(frames)) > uint32(len(v.frames)) {
		v.full(tabFrames, v.lim.Frames)
		return 0
	}
	v.nstacks++
	v.stacks[v.nstacks] = stack{hash: h, off: v.nframes, n: uint32(len(frames))}
	for _, f := range frames {
		v.frames[v.nframes] = f
		v.nframes++
	}
	v.stackIdx[i] = v.nstacks
	return StackID(v.nstacks)
}

func pcHash(pc uintptr) uint64 { return hash64(uint64(pc)) }

func hash64(x uint64) uint64 {
	h := x * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// pcLookup finds what is known of pc, without the lock.
func (v *Validator) pcLookup(pc uintptr, kind byte) *pcRec {
	mask := uint64(len(v.pcs) - 1)
	i := pcHash(pc) & mask
	for n := 0; n < 64; n++ {
		e := &v.pcs[i]
		p := atomic.LoadUint64(&e.pc)
		if p == 0 {
			return nil
		}
		if p == uint64(pc) && e.kind == kind {
			return e
		}
		i = (i + 1) & mask
	}
	return nil
}

// classify gives m its class at its first acquisition, or a better one than
// the weak class it has.
func (v *Validator) classify(t *Task, m *Map, pc uintptr, kind byte) {
	old := v.classIn(m) // first: a class that is made below is not what m had
	if m.class()&slowBit == 0 && old != 0 {
		return
	}
	e := v.pcLookup(pc, kind)
	if e == nil {
		v.lock()
		e = v.pcLearn(pc, kind)
		v.unlock()
		if e == nil {
			return
		}
	}
	c := e.class
	if e.flags&pcWalk != 0 {
		c = v.walk(pc, kind, c)
	}
	if old != 0 {
		if c == 0 || v.classFlags(c)&classWeak != 0 {
			return
		}
		if v.classFlags(old)&classWeak == 0 {
			return
		}
	}
	if c == 0 {
		return
	}
	// A weak class may give way to a name at the next acquisition, where names
	// are to be had.
	k := uint16(c)
	if f := v.classFlags(c); f&classSlow != 0 || f&classWeak != 0 && v.host.Names {
		k |= slowBit
	}
	v.enroll(t, m, k)
}

// pcLearn resolves a return address for the first time. Locked.
func (v *Validator) pcLearn(pc uintptr, kind byte) *pcRec {
	if e := v.pcLookup(pc, kind); e != nil {
		return e
	}
	mask := uint64(len(v.pcs) - 1)
	i := pcHash(pc) & mask
	for n := 0; v.pcs[i].pc != 0; n++ {
		if n == 63 {
			v.full(tabSites, v.lim.Sites)
			return nil
		}
		i = (i + 1) & mask
	}
	e := &v.pcs[i]
	name, flags, s := v.resolve([]uintptr{pc}, kind)
	e.kind = kind
	e.site = s
	e.flags = flags
	e.class = name
	atomic.StoreUint64(&e.pc, uint64(pc))
	return e
}

// resolve names the lock site at the innermost frame of pcs that says
// something. A frame inside a wrapper's own Lock method passes the question to
// its caller; if the frames run out before one answers, the flag pcWalk is set.
func (v *Validator) resolve(pcs []uintptr, kind byte) (c ClassID, flags uint16, s SiteID) {
	fr := runtime.CallersFrames(pcs)
	wrapped := false
	fallback := ""
	place := uintptr(0) // of the call in code: inlined frames on one line can have one PC
	for {
		f, more := fr.Next()
		if f.Function == "" && f.PC == 0 {
			break
		}
		if place == 0 {
			place = f.PC
		}
		id := v.siteOf(f.Function, f.File, uint32(f.Line))
		var n Naming
		if v.host.Name != nil {
			n = v.host.Name(f.Function, f.File, f.Line, kind)
		}
		if f.File == "<autogenerated>" {
			n.Wrapper = true
		}
		if !n.Wrapper {
			if s == 0 || wrapped {
				s = id
			}
			if n.Several && !wrapped && v.host.NameCall != nil {
				if c := v.host.NameCall(f.Function, f.File, f.Line, kind, f.PC+1); c.Class != "" && !c.Wrapper {
					n = c
				}
			}
			if n.Several {
				return v.callClass(n, &f, place), 0, s
			}
			return v.siteClass(n, f.Function, f.File, f.Line, kind), 0, s
		}
		if s == 0 {
			s = id
		}
		if fallback == "" {
			fallback = n.Class
		}
		wrapped = true
		if f.Func != nil {
			place = 0
		}
		kind = 'L'
		if !more {
			break
		}
	}
	if wrapped {
		return v.classNamed(fallback, 0), pcWalk, s
	}
	return 0, 0, s
}

func (v *Validator) siteClass(n Naming, fn, file string, line int, kind byte) ClassID {
	fl := uint32(0)
	if n.Array {
		fl |= classArray
	}
	if n.NoValidate {
		fl |= classNoValidate
	}
	if n.Class != "" {
		return v.classNamed(n.Class, fl)
	}
	return v.classNamed(string(siteName(fn, file, line)), classWeak|fl)
}

// callClass returns the weak class of one of several calls on the line of f: the
// line's, with the place of the call in the code of its function. Such a name is as
// stable as that code.
func (v *Validator) callClass(n Naming, f *runtime.Frame, place uintptr) ClassID {
	b := append(siteName(f.Function, f.File, f.Line), "+0x"...)
	off := place - f.Entry
	digits := 1
	for x := off >> 4; x != 0; x >>= 4 {
		digits++
	}
	for ; digits > 0; digits-- {
		b = append(b, "0123456789abcdef"[off>>(4*(digits-1))&15])
	}
	if f.Func == nil { // inlined: the place is one in another function's code
		if outer := runtime.FuncForPC(f.Entry); outer != nil {
			b = append(append(b, '@'), baseName(outer.Name())...)
		}
	}
	fl := classWeak
	if n.NoValidate {
		fl |= classNoValidate
	}
	return v.classNamed(string(b), fl)
}

// siteName is the name of a weak class: function, file and line.
func siteName(fn, file string, line int) []byte {
	b := make([]byte, 0, len(fn)+32)
	b = append(b, fn...)
	b = append(b, ' ')
	b = append(b, baseName(file)...)
	b = append(b, ':')
	return appendInt(b, uint64(line))
}

func baseName(file string) string {
	for i := len(file) - 1; i >= 0; i-- {
		if file[i] == '/' || file[i] == '\\' {
			return file[i+1:]
		}
	}
	return file
}

// walk resolves a site inside a wrapper by the stack of the acquisition.
func (v *Validator) walk(pc uintptr, kind byte, fallback ClassID) ClassID {
	var pcs [24]uintptr
	n := runtime.Callers(2, pcs[:])
	v.lock()
	c, flags, _ := v.resolve(fromSite(pcs[:n], pc), kind)
	v.unlock()
	if flags&pcWalk == 0 && c != 0 {
		return c
	}
	return fallback
}

// fromSite cuts a stack to begin at the call of the lock operation, whose
// return address is pc. Compiler-made method wrappers are not on the stack;
// then it begins at the first frame outside package sync and this one.
func fromSite(pcs []uintptr, pc uintptr) []uintptr {
	for i := range pcs {
		if pcs[i] == pc {
			return pcs[i:]
		}
	}
	for i := range pcs {
		if f := runtime.FuncForPC(pcs[i] - 1); f != nil && !isHook(f.Name()) {
			return pcs[i:]
		}
	}
	return pcs
}

func isHook(fn string) bool {
	return hasPrefix(fn, "internal/lockdep") || hasPrefix(fn, "sync.") || hasPrefix(fn, "runtime.")
}

func hasPrefix(s, p string) bool { return len(s) >= len(p) && s[:len(p)] == p }

// capture returns the running goroutine's stack, beginning at the caller of
// the lock operation at pc. Locked.
func (v *Validator) capture(pcs []uintptr, pc uintptr) StackID {
	pcs = fromSite(pcs, pc)
	var ids [64]SiteID
	n := 0
	fr := runtime.CallersFrames(pcs)
	for n < len(ids) {
		f, more := fr.Next()
		if f.Function != "" {
			ids[n] = v.siteOf(f.Function, f.File, uint32(f.Line))
			n++
		}
		if !more {
			break
		}
	}
	return v.stackOf(ids[:n])
}

// captured is capture, with the stacks that were captured last at hand. Locked.
func (v *Validator) captured(pcs []uintptr, pc uintptr) StackID {
	h := pcHash(pc)
	for _, x := range pcs {
		h = mixLock(h, uint64(x))
	}
	c := &v.lately[h%uint64(len(v.lately))]
	if c.hash != h || c.stack == 0 {
		c.hash, c.stack = h, v.capture(pcs, pc)
	}
	return c.stack
}

func (v *Validator) siteAt(pc uintptr) SiteID {
	if pc == 0 {
		return 0
	}
	for _, k := range [...]byte{'L', 'O', 'C', 's'} {
		if e := v.pcLookup(pc, k); e != nil {
			return e.site
		}
	}
	mask := uint64(len(v.pcs) - 1)
	i := pcHash(pc) & mask
	for n := 0; v.pcs[i].pc != 0; n++ {
		if n == 63 {
			return 0
		}
		i = (i + 1) & mask
	}
	fr := runtime.CallersFrames([]uintptr{pc})
	f, _ := fr.Next()
	s := v.siteOf(f.Function, f.File, uint32(f.Line))
	e := &v.pcs[i]
	e.kind, e.site = 's', s
	atomic.StoreUint64(&e.pc, uint64(pc))
	return s
}

func appendInt(b []byte, n uint64) []byte {
	var t [20]byte
	i := len(t)
	for {
		i--
		t[i] = byte('0' + n%10)
		n /= 10
		if n == 0 {
			break
		}
	}
	return append(b, t[i:]...)
}
