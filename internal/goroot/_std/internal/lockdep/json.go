package lockdep

import "internal/lockdep/engine"

// A jsonText is a JSON text that is being written. Every value puts a comma in
// front of itself where one belongs: behind whatever is no opening bracket and
// no colon. A string ends in its quote, so the last byte tells.
type jsonText struct{ b []byte }

func (j *jsonText) comma() {
	if n := len(j.b); n > 0 {
		switch j.b[n-1] {
		case '{', '[', ':':
		default:
			j.b = append(j.b, ',')
		}
	}
}

// open begins an object or an array; close ends it, with the other bracket.
func (j *jsonText) open(c byte) {
	j.comma()
	j.b = append(j.b, c)
}

func (j *jsonText) close(c byte) { j.b = append(j.b, c) }

func (j *jsonText) key(k string) {
	j.string(k)
	j.b = append(j.b, ':')
}

func (j *jsonText) number(n uint64) {
	j.comma()
	j.b = append(j.b, itoa(n)...)
}

func (j *jsonText) bool(t bool) {
	j.comma()
	if t {
		j.b = append(j.b, "true"...)
	} else {
		j.b = append(j.b, "false"...)
	}
}

func (j *jsonText) string(s string) {
	const hex = "0123456789abcdef"
	j.comma()
	j.b = append(j.b, '"')
	for _, c := range s { // what is no UTF-8 becomes U+FFFD
		switch {
		case c == '"' || c == '\\':
			j.b = append(j.b, '\\', byte(c))
		case c < ' ' || c == 0x7f:
			j.b = append(j.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			j.b = append(j.b, string(c)...)
		}
	}
	j.b = append(j.b, '"')
}

func (j *jsonText) keyString(k, s string) {
	j.key(k)
	j.string(s)
}

func (j *jsonText) keyNumber(k string, n uint64) {
	j.key(k)
	j.number(n)
}

func (j *jsonText) strings(k string, list []string) {
	j.key(k)
	j.open('[')
	for _, s := range list {
		j.string(s)
	}
	j.close(']')
}

// The engine's types, with the keys of a findings file.

func (j *jsonText) frame(f *engine.Frame) {
	j.open('{')
	j.keyString("func", f.Func)
	j.keyString("file", f.File)
	j.keyNumber("line", uint64(f.Line))
	j.close('}')
}

func (j *jsonText) lock(l *engine.Lock) {
	j.open('{')
	j.keyString("class", l.Class)
	j.keyString("mode", l.Mode)
	if l.Try {
		j.key("try")
		j.bool(true)
	}
	j.key("at")
	j.frame(&l.At)
	j.keyNumber("instance", uint64(l.Inst))
	j.close('}')
}

func (j *jsonText) locks(k string, list []engine.Lock) {
	j.key(k)
	j.open('[')
	for i := range list {
		j.lock(&list[i])
	}
	j.close(']')
}

func (j *jsonText) side(s *engine.Side) {
	j.open('{')
	j.key("holds")
	j.lock(&s.Holds)
	j.key("wants")
	j.lock(&s.Wants)
	j.locks("held", s.Held)
	j.key("stack")
	j.open('[')
	for i := range s.Stack {
		j.frame(&s.Stack[i])
	}
	j.close(']')
	j.keyNumber("goroutine", s.Goroutine)
	j.key("origin")
	j.frame(&s.Origin)
	if s.Test != "" {
		j.keyString("test", s.Test)
	}
	if s.Process != "" {
		j.keyString("process", s.Process)
	}
	if s.Init {
		j.key("init")
		j.bool(true)
	}
	if s.Waits != nil {
		j.key("waits")
		j.open('{')
		j.keyString("for", s.Waits.For)
		j.key("of")
		j.frame(&s.Waits.Of)
		j.keyNumber("goroutine", s.Waits.Goroutine)
		j.close('}')
	}
	if s.Writer != nil {
		j.key("writer")
		j.side(s.Writer)
	}
	j.close('}')
}

// finding writes what a line of a findings file has that does not follow from
// the rest of it, and the title.
func (j *jsonText) finding(f *engine.Finding) {
	j.open('{')
	j.keyString("id", f.ID)
	j.keyString("kind", f.Kind.String())
	j.keyString("level", f.Level.String())
	j.keyString("title", f.Kind.Title())
	j.keyString("why", string(f.AppendWhy(nil)))
	j.keyNumber("count", uint64(f.Count))
	j.key("pending")
	j.bool(f.Pending)
	j.strings("gates", f.Gates)
	j.key("sides")
	j.open('[')
	for i := range f.Sides {
		j.side(&f.Sides[i])
	}
	j.close(']')
	j.close('}')
}
