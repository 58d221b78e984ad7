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
	calls    uint32 // lines with several locks: return addresses met so far
}

// call picks the class of one of several lock calls on a line: "a|b" has one
// class a call, in the order of the source. Line numbers cannot tell them
// apart, but the first of them runs first, so return addresses come up in that
// order, again and again where the function was inlined. A wrong guess gives a
// lock another's name; findings above "possible" rest on instances.
func (e *nameEntry) call(classes string) string {
	n := uint32(1)
	for i := 0; i < len(classes); i++ {
		if classes[i] == '|' {
			n++
		}
	}
	if n == 1 {
		return classes
	}
	k := e.calls % n
	e.calls++
	for ; k > 0; k-- {
		_, classes = cut(classes, '|')
	}
	c, _ := cut(classes, '|')
	return c
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
				e.hash = siteHash(pkg, dir, file, num, kind)
				putName(e)
				if dir != "" { // a main package whose directory has another name
					e.hash = siteHash(pkg, "", file, num, kind)
					putName(e)
				}
			}
		}
		i = j + 1
	}
}

func putName(e nameEntry) {
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
	var e *nameEntry
	if pkg == "main" && len(file) > len(f) {
		e = findName(siteHash(pkg, base(file[:len(file)-len(f)-1]), f, line, kind))
	}
	if e == nil {
		e = findName(siteHash(pkg, "", f, line, kind))
	}
	if e == nil {
		return n
	}
	text := names[e.from:e.to]
	n.Class, text = cut(text, ' ')
	// forkingLock guards a counter that makes ForkLock a lock of many writers:
	// ForkLock is taken under it only while nobody has it (syscall/forkpipe2.go),
	// and released under it. Each order excludes the other by the counter.
	n.NoValidate = n.NoValidate || n.Class == "syscall.forkingLock"
	n.Class = e.call(n.Class)
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
