package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
)

// names is the table of lock sites; the linker sets it (-X). Its form is that
// of lockdep's internal/names: groups "p package", "f file" and lines
// "line kind class [flags]".
var names string

// nameIndex finds the line of a site: open addressing, by hash.
var nameIndex []nameEntry

type nameEntry struct {
	hash     uint64
	from, to uint32 // the class and its flags in names
	wrapper  bool
}

// several stands for the class of a line whose calls have different names.
const several = "?"

// inHash is the hash of the calls in one function on a line with that hash.
func inHash(h uint64, fn string) uint64 {
	for i := 0; i < len(fn); i++ {
		h = (h ^ uint64(fn[i])) * 1099511628211
	}
	if h ^= h >> 32; h == 0 {
		h = 1
	}
	return h
}

// flagOf returns the value of a flag of that name, with its "=", "" without one.
func flagOf(line, flag string) string {
	for i := 1; i+len(flag) < len(line); i++ {
		if line[i-1] == ' ' && line[i:i+len(flag)] == flag {
			val, _ := cut(line[i+len(flag):], ' ')
			return val
		}
	}
	return ""
}

// lookIn finds the entry of the calls in fn, a symbol without its package, by the
// method via, on a line of several names with the hash h; nil: there is none. With
// no via it is the entry of all calls in fn.
func lookIn(h uint64, fn, via string) *nameEntry {
	if e := findName(inHash(inHash(h, fn), via)); e != nil {
		return e
	}
	const lit = ".func"
	for i := 1; i+len(lit) < len(fn); i++ {
		if c := fn[i+len(lit)]; fn[i:i+len(lit)] == lit && c >= '0' && c <= '9' {
			return findName(inHash(inHash(h, fn[:i+len(lit)]), via))
		}
	}
	return nil
}

// nameCall names the call that returns to pc, on a line of several names, by the
// method that it calls and, if there are several calls of it, by its turn: if there
// are as many in the code as in the source, they lie there in the same order.
func nameCall(fn, file string, line int, kind byte, pc uintptr) (n engine.Naming) {
	hash, e := findSite(fn, file, line, kind)
	if e == nil {
		return n
	}
	via, i, of, inlined := runtime.LockdepCall(pc)
	if via == "" {
		return n
	}
	if e = lookIn(hash, symbolOf(fn), via); e == nil {
		return n
	}
	n = e.naming()
	turns := 1
	for k := 0; k < len(n.Class); k++ {
		if n.Class[k] == '|' {
			turns++
		}
	}
	if turns > 1 {
		const copies = " copies" // otherwise one may lie in a loop, whose head is moved to its end
		text := names[e.from:e.to]
		if of != turns || i == 0 || inlined && text[max(len(text)-len(copies), 0):] != copies {
			return engine.Naming{}
		}
		for ; i > 1; i-- {
			_, n.Class = cut(n.Class, '|')
		}
		n.Class, _ = cut(n.Class, '|')
	}
	return n
}

func siteHash(pkg, dir, file string, line int, kind byte) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{pkg, dir, file} {
		for i := 0; i < len(s); i++ {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h = (h ^ uint64(line)) * 0x9e3779b97f4a7c15
	h = (h ^ uint64(kind)) * 0x9e3779b97f4a7c15
	if h ^= h >> 32; h == 0 {
		h = 1
	}
	return h
}

// indexNames builds the index at the first site that is asked for.
func indexNames() {
	n := 0
	for i := 0; i < len(names); i++ {
		if names[i] == '\n' {
			n++
		}
	}
	size := 64
	for size < 3*n {
		size *= 2
	}
	nameIndex = make([]nameEntry, size)
	pkg, dir, file := "", "", ""
	for i := 0; i < len(names); {
		j := i
		for j < len(names) && names[j] != '\n' {
			j++
		}
		line := names[i:j]
		switch {
		case len(line) > 2 && line[:2] == "p ":
			pkg, dir = cut(line[2:], ' ')
			dir = base(dir)
		case len(line) > 2 && line[:2] == "f ":
			file = line[2:]
		case len(line) > 0 && line[0] >= '0' && line[0] <= '9':
			k := 0
			num := 0
			for k < len(line) && line[k] >= '0' && line[k] <= '9' {
				num = num*10 + int(line[k]-'0')
				k++
			}
			if k+2 < len(line) && line[k] == ' ' {
				kind := line[k+1]
				e := nameEntry{from: uint32(i + k + 3), to: uint32(j), wrapper: kind == 'W'}
				if e.wrapper {
					kind = 'L'
				}
				in, via := flagOf(line, "in="), flagOf(line, "via=")
				putName(e, siteHash(pkg, dir, file, num, kind), in, via)
				if dir != "" { // a main package whose directory has another name
					putName(e, siteHash(pkg, "", file, num, kind), in, via)
				}
			}
		}
		i = j + 1
	}
}

func putName(e nameEntry, hash uint64, in, via string) {
	if e.hash = hash; in != "" {
		e.hash = inHash(inHash(hash, in), via)
	}
	mask := uint64(len(nameIndex) - 1)
	for i := e.hash & mask; ; i = (i + 1) & mask {
		if nameIndex[i].hash == 0 || nameIndex[i].hash == e.hash {
			if nameIndex[i].hash == 0 {
				nameIndex[i] = e
			}
			return
		}
	}
}

func findName(h uint64) *nameEntry {
	mask := uint64(len(nameIndex) - 1)
	for i := h & mask; nameIndex[i].hash != 0; i = (i + 1) & mask {
		if nameIndex[i].hash == h {
			return &nameIndex[i]
		}
	}
	return nil
}

func base(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' || s[i] == '\\' {
			return s[i+1:]
		}
	}
	return s
}

// packageOf returns the package of a symbol, symbolOf what comes after it.
func packageOf(fn string) string { return fn[:dotOf(fn)] }

func symbolOf(fn string) string { return fn[min(dotOf(fn)+1, len(fn)):] }

func dotOf(fn string) int {
	slash := 0
	for i := 0; i < len(fn) && fn[i] != '['; i++ {
		if fn[i] == '/' {
			slash = i
		}
	}
	dot := slash
	for dot < len(fn) && fn[dot] != '.' {
		dot++
	}
	return dot
}

// findSite returns the entry of a line and its hash; nil: there is none.
func findSite(fn, file string, line int, kind byte) (uint64, *nameEntry) {
	if nameIndex == nil {
		indexNames()
	}
	pkg, f := packageOf(fn), base(file)
	if pkg == "main" && len(file) > len(f) {
		hash := siteHash(pkg, base(file[:len(file)-len(f)-1]), f, line, kind)
		if e := findName(hash); e != nil {
			return hash, e
		}
	}
	hash := siteHash(pkg, "", f, line, kind)
	return hash, findName(hash)
}

// naming is what an entry says.
func (e *nameEntry) naming() (n engine.Naming) {
	text := names[e.from:e.to]
	n.Class, text = cut(text, ' ')
	n.Wrapper = e.wrapper
	for text != "" {
		var flag string
		flag, text = cut(text, ' ')
		switch flag {
		case "array":
			n.Array = true
		case "novalidate":
			n.NoValidate = true
		}
	}
	// forkingLock guards a counter that makes ForkLock a lock of many writers:
	// ForkLock is taken under it only while nobody has it (syscall/forkpipe2.go),
	// and released under it. Each order excludes the other by the counter.
	n.NoValidate = n.NoValidate || n.Class == "syscall.forkingLock"
	return n
}

// name looks a frame up in the table. Called with the validator locked.
func name(fn, file string, line int, kind byte) (n engine.Naming) {
	// The locks of package testing order themselves by flags that they guard (a
	// test that is done is no longer flushed), and no lock of a program is
	// taken under them: they are the harness, not the program.
	harness := packageOf(fn) == "testing"
	if names == "" {
		// Without a table forkingLock is known by its function.
		n.NoValidate = harness || fn == "syscall.acquireForkLock" || fn == "syscall.releaseForkLock"
		return n
	}
	hash, e := findSite(fn, file, line, kind)
	if e != nil && names[e.from:e.to] == several {
		if e = lookIn(hash, symbolOf(fn), ""); e == nil {
			n.Several = true
		}
	}
	if e != nil {
		n = e.naming()
	}
	n.NoValidate = n.NoValidate || harness
	return n
}
