package lockdep

import "internal/lockdep/engine"

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

// isIn returns the function of the flag "in=", "" without one.
func isIn(line string) string {
	for i := len(line); i > 4; i-- {
		if line[i-4:i] == " in=" {
			return line[i:]
		}
	}
	return ""
}

// lookIn finds the entry of the calls in fn, a symbol without its package, on a
// line of several names with the hash h; nil: there is none.
func lookIn(h uint64, fn string) *nameEntry {
	if e := findName(inHash(h, fn)); e != nil {
		return e
	}
	const lit = ".func"
	for i := 1; i+len(lit) < len(fn); i++ {
		if c := fn[i+len(lit)]; fn[i:i+len(lit)] == lit && c >= '0' && c <= '9' {
			return findName(inHash(h, fn[:i+len(lit)]))
		}
	}
	return nil
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
				in := isIn(line)
				putName(e, siteHash(pkg, dir, file, num, kind), in)
				if dir != "" { // a main package whose directory has another name
					putName(e, siteHash(pkg, "", file, num, kind), in)
				}
			}
		}
		i = j + 1
	}
}

func putName(e nameEntry, hash uint64, in string) {
	if e.hash = hash; in != "" {
		e.hash = inHash(hash, in)
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

// name looks a frame up in the table. Called with the validator locked.
func name(fn, file string, line int, kind byte) (n engine.Naming) {
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
	pkg := fn[:dot]
	// The locks of package testing order themselves by flags that they guard (a
	// test that is done is no longer flushed), and no lock of a program is
	// taken under them: they are the harness, not the program.
	n.NoValidate = pkg == "testing"
	if names == "" {
		// Without a table forkingLock (below) is known by its function.
		n.NoValidate = n.NoValidate || fn == "syscall.acquireForkLock" || fn == "syscall.releaseForkLock"
		return n
	}
	if nameIndex == nil {
		indexNames()
	}
	f := base(file)
	hash := siteHash(pkg, "", f, line, kind)
	var e *nameEntry
	if pkg == "main" && len(file) > len(f) {
		own := siteHash(pkg, base(file[:len(file)-len(f)-1]), f, line, kind)
		if e = findName(own); e != nil {
			hash = own
		}
	}
	if e == nil {
		e = findName(hash)
	}
	if e == nil {
		return n
	}
	if names[e.from:e.to] == several {
		if dot >= len(fn) {
			dot = len(fn) - 1
		}
		if e = lookIn(hash, fn[dot+1:]); e == nil {
			n.Several = true
			return n
		}
	}
	text := names[e.from:e.to]
	n.Class, text = cut(text, ' ')
	// forkingLock guards a counter that makes ForkLock a lock of many writers:
	// ForkLock is taken under it only while nobody has it (syscall/forkpipe2.go),
	// and released under it. Each order excludes the other by the counter.
	n.NoValidate = n.NoValidate || n.Class == "syscall.forkingLock"
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
	return n
}
