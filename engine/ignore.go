package engine

// A Suppression is one line of an ignore file (docs/format/ignore.md):
//
//	[kind] class [-> class]...  # reason
//
// It covers a finding whose classes, in the order of its cycle and beginning
// anywhere, match its patterns one by one. A pattern is a class name in full or
// short form; "*" in it stands for any text. It stands in the engine because a
// live program must know which findings do not fail it.
type Suppression struct {
	Kind    string // "" for any
	Classes []string
	Reason  string
}

// ParseSuppression reads a line. An empty line or a comment alone gives ok and
// no classes; otherwise problem says what is wrong.
func ParseSuppression(line string) (s Suppression, problem string) {
	hash := -1
	for i := 0; i < len(line); i++ {
		if line[i] == '#' {
			hash = i
			break
		}
	}
	text := line
	if hash >= 0 {
		text = line[:hash]
		s.Reason = trimBlanks(line[hash+1:])
	}
	text = trimBlanks(text)
	if text == "" {
		return Suppression{}, ""
	}
	for k := KindCircular; k <= lastKind; k++ {
		if w := k.String(); hasPrefix(text, w) && (len(text) == len(w) || text[len(w)] == ' ' || text[len(w)] == '\t') {
			s.Kind = w
			text = trimBlanks(text[len(w):])
			break
		}
	}
	for text != "" {
		i := 0
		for i < len(text) && !hasPrefix(text[i:], "->") {
			i++
		}
		c := trimBlanks(text[:i])
		if c == "" {
			return s, "a class is missing beside \"->\""
		}
		s.Classes = append(s.Classes, c)
		if i+2 > len(text) {
			break
		}
		text = trimBlanks(text[i+2:])
		if text == "" {
			return s, "a class is missing beside \"->\""
		}
	}
	if len(s.Classes) == 0 {
		return s, "no class is named"
	}
	if s.Reason == "" {
		return s, "the reason is missing: end the line with \"# why this is no deadlock\""
	}
	return s, ""
}

func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t' || s[0] == '\r') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}

// Classes returns the classes of the finding's cycle, each once: while the
// first is held the second is taken, and so on round to the first.
func (f *Finding) Classes() []string {
	var out []string
	for i := range f.Sides {
		c := f.Sides[i].Holds.Class
		if c == "" {
			c = f.Sides[i].Wants.Class
		}
		dup := false
		for _, o := range out {
			dup = dup || o == c
		}
		if !dup {
			out = append(out, c)
		}
	}
	return out
}

// Match reports whether the suppression covers f.
func (s *Suppression) Match(f *Finding) bool {
	if len(s.Classes) == 0 || s.Kind != "" && s.Kind != f.Kind.String() {
		return false
	}
	classes := f.Classes()
	n := len(classes)
	if n != len(s.Classes) {
		return false
	}
	// Forwards only: the reverse of a longer cycle is another deadlock.
	for start := 0; start < n; start++ {
		all := true
		for i := 0; i < n; i++ {
			all = all && matchClass(s.Classes[i], classes[(start+i)%n])
		}
		if all {
			return true
		}
	}
	return false
}

func matchClass(pattern, class string) bool {
	return glob(pattern, class) || glob(pattern, ShortClass(class))
}

// glob matches with "*" for any text.
func glob(p, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && p[i] == s[j]:
			i++
			j++
		case star >= 0:
			i = star + 1
			mark++
			j = mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
