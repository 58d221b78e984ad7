package engine

// This file prints a finding in the layout of the kernel's reports
// (kernel/locking/lockdep.c, Linux 6.12: print_circular_bug and
// print_deadlock_bug), with Go's names: goroutines instead of CPUs and pids.
// It serves the live program, so it uses nothing but append.

// ShortClass is a class name with the package's name for its import path:
// "store.Store.mu" for "example.org/shop/store.Store.mu".
func ShortClass(class string) string {
	end := len(class)
	for i := 0; i < len(class); i++ { // a weak class has blanks behind the function
		if class[i] == ' ' {
			end = i
			break
		}
	}
	slash, last := -1, -1
	for i := 0; i < end; i++ {
		switch class[i] {
		case '/':
			last = i
		case '.': // a slash behind the last dot is that of a subclass
			slash = last
		}
	}
	if slash < 0 {
		return class
	}
	rest := class[slash+1:]
	if len(rest) > 2 && rest[0] == 'v' && rest[1] >= '0' && rest[1] <= '9' {
		i := 1
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		if i < len(rest) && rest[i] == '.' { // a major version: the element before it names the package
			start := 0
			for j := slash - 1; j >= 0; j-- {
				if class[j] == '/' {
					start = j + 1
					break
				}
			}
			return class[start:slash] + rest[i:]
		}
	}
	return rest
}

// ShortFunc is a function's name without the directories of its package.
func ShortFunc(fn string) string {
	slash := -1
	for i := 0; i < len(fn) && fn[i] != '['; i++ {
		if fn[i] == '/' {
			slash = i
		}
	}
	return fn[slash+1:]
}

// Title is the first line of a finding of that kind.
func (k Kind) Title() string {
	switch k {
	case KindCircular:
		return "possible circular locking dependency detected"
	case KindRecursive, KindRecursiveRead:
		return "possible recursive locking detected"
	case KindSameClass:
		return "possible circular locking of instances of one class detected"
	case KindExitHeld:
		return "goroutine ended with a lock held"
	case KindAssertHeld:
		return "lock is not held"
	case KindAssertNotHeld:
		return "lock is held"
	case KindStuck:
		return "goroutine blocked for ever"
	case KindEvent:
		return "possible deadlock of a lock and a wait detected"
	}
	return "finding"
}

const rule = "======================================================\n"

func mode(l *Lock) string { return "{" + l.Mode + "}" }

func appendPadded(b []byte, s string, n int) []byte {
	b = append(b, s...)
	for i := len(s); i < n; i++ {
		b = append(b, ' ')
	}
	return b
}

func appendFrame(b []byte, f Frame, indent string) []byte {
	b = append(b, indent...)
	b = appendPadded(b, ShortFunc(f.Func), 38)
	b = append(b, ' ')
	b = append(b, baseName(f.File)...)
	b = append(b, ':')
	return appendInt(b, uint64(f.Line))
}

// AppendText appends the lock as reports print it, a blank before it and a line
// end behind it.
func (l *Lock) AppendText(b []byte) []byte {
	b = append(b, " ("...)
	b = append(b, ShortClass(l.Class)...)
	b = append(b, ')')
	b = append(b, mode(l)...)
	b = append(b, ", at: "...)
	b = append(b, ShortFunc(l.At.Func)...)
	b = append(b, "  "...)
	b = append(b, baseName(l.At.File)...)
	b = append(b, ':')
	b = appendInt(b, uint64(l.At.Line))
	if l.Try {
		b = append(b, "  (by TryLock)"...)
	}
	return append(b, '\n')
}

// who names a side: its test and goroutine.
func who(b []byte, s *Side) []byte {
	if s.Test != "" {
		b = append(b, s.Test...)
		b = append(b, " (goroutine "...)
		b = appendInt(b, s.Goroutine)
		return append(b, ')')
	}
	b = append(b, "goroutine "...)
	return appendInt(b, s.Goroutine)
}

// entry is the function that stands for a side in the scenario table.
func entry(s *Side) string {
	f := s.Wants.At.Func
	if s.Holds.At.Func != "" {
		f = s.Holds.At.Func
	}
	f = ShortFunc(f)
	for i := len(f) - 1; i >= 0; i-- { // the last name that is no closure's number
		if f[i] == '.' {
			rest := f[i+1:]
			if len(rest) > 4 && rest[:4] == "func" && rest[4] >= '0' && rest[4] <= '9' || rest == "" || rest[0] >= '0' && rest[0] <= '9' {
				f = f[:i]
				continue
			}
			return rest
		}
	}
	return f
}

func appendStack(b []byte, s *Side) []byte {
	held := s.Holds
	marked := false
	for i, f := range s.Stack {
		if hasPrefix(f.Func, "runtime.goexit") || hasPrefix(f.Func, "runtime.main") {
			continue
		}
		b = appendFrame(b, f, "       ")
		if !marked && f.Func == held.At.Func && f.File == held.At.File && held.Class != "" {
			marked = true
			b = append(b, "      <- holding "...)
			b = append(b, ShortClass(held.Class)...)
			b = append(b, " since "...)
			b = append(b, baseName(held.At.File)...)
			b = append(b, ':')
			b = appendInt(b, uint64(held.At.Line))
		}
		if i == len(s.Stack)-1 || i == len(s.Stack)-2 && hasPrefix(s.Stack[i+1].Func, "runtime.goexit") {
			b = append(b, "    (goroutine "...)
			b = appendInt(b, s.Goroutine)
			if s.Origin.File != "" {
				b = append(b, ", created at "...)
				b = append(b, baseName(s.Origin.File)...)
				b = append(b, ':')
				b = appendInt(b, uint64(s.Origin.Line))
			}
			b = append(b, ')')
		}
		b = append(b, '\n')
	}
	return b
}

func appendHeldList(b []byte, s *Side) []byte {
	if len(s.Held) == 0 {
		return b
	}
	b = appendInt(b, uint64(len(s.Held)))
	b = append(b, " lock"...)
	if len(s.Held) > 1 {
		b = append(b, 's')
	}
	b = append(b, " held by "...)
	b = who(b, s)
	b = append(b, ":\n"...)
	for i := range s.Held {
		b = append(b, " #"...)
		b = appendInt(b, uint64(i))
		b = append(b, ':')
		b = s.Held[i].AppendText(b)
	}
	return append(b, '\n')
}

func op(l *Lock) string {
	if l.Mode == "R" {
		return "rlock("
	}
	return "lock("
}

// AppendText appends the finding's report to b. ident is the line that says
// what was observed: version, toolchain, binary.
func (f *Finding) AppendText(b []byte, ident string) []byte {
	b = append(b, rule...)
	b = append(b, "WARNING: "...)
	b = append(b, f.Kind.Title()...)
	b = append(b, '\n')
	b = append(b, ident...)
	b = append(b, "\n------------------------------------------------------\n"...)
	if len(f.Sides) == 0 {
		return b
	}
	s := &f.Sides[0]
	switch f.Kind {
	case KindExitHeld:
		b = f.appendExit(b, s)
	case KindRecursive, KindRecursiveRead:
		b = f.appendRecursive(b, s)
	case KindAssertHeld, KindAssertNotHeld:
		b = f.appendAssert(b, s)
	case KindStuck:
		b = f.appendStuck(b, s)
	case KindEvent:
		b = f.appendEvent(b, s)
	default:
		b = f.appendCircular(b, s)
	}
	b = append(b, "level: "...)
	b = append(b, f.Level.String()...)
	b = append(b, "   "...)
	b = f.AppendWhy(b)
	b = append(b, "\nfinding: "...)
	b = append(b, f.ID...)
	b = append(b, "   |   explain: lockdep explain "...)
	b = append(b, f.ID...)
	b = append(b, '\n')
	return append(b, rule...)
}

func (f *Finding) appendCircular(b []byte, s *Side) []byte {
	n := len(f.Sides)
	b = who(b, s)
	if s.Waits != nil {
		b = appendWait(b, s.Waits)
		b = append(b, " acquires lock:\n"...)
	} else {
		b = append(b, " is trying to acquire lock:\n"...)
	}
	b = s.Wants.AppendText(b)
	b = append(b, "\nbut "...)
	b = append(b, "goroutine "...)
	b = appendInt(b, s.Goroutine)
	b = append(b, " is already holding lock:\n"...)
	b = s.Holds.AppendText(b)
	b = append(b, "\nwhich lock already depends on the new lock.\n\n\nthe existing dependency chain (in reverse order) is:\n"...)
	// #n is the lock held by side 0, taken by the last side while it held #n-1.
	for i := n - 1; i >= 0; i-- {
		side := &f.Sides[i]
		b = append(b, "\n-> #"...)
		b = appendInt(b, uint64(i))
		b = append(b, " ("...)
		b = append(b, ShortClass(side.Wants.Class)...)
		b = append(b, ')')
		b = append(b, mode(&side.Wants)...)
		b = append(b, ':')
		if side.Test != "" {
			b = append(b, "    in "...)
			b = append(b, side.Test...)
		}
		if side.Process != "" {
			b = append(b, "    process "...)
			b = append(b, side.Process...)
		}
		if side.Init {
			b = append(b, "    during package initialisation"...)
		}
		b = append(b, '\n')
		b = appendStack(b, side)
		if side.Waits != nil {
			b = append(b, "\n   which"...)
			b = appendWait(b, side.Waits)
			b = append(b, " took it:\n       "...)
			b = side.Wants.AppendText(b)
		}
		if side.Writer != nil {
			b = append(b, "\n   a writer of "...)
			b = append(b, ShortClass(side.Wants.Class)...)
			if f.Level == Possible {
				b = append(b, ", to queue in between"...)
				b = append(b, f.writerNote()...)
				b = append(b, ":\n"...)
			} else {
				b = append(b, " that can queue in between:\n"...)
			}
			b = appendStack(b, side.Writer)
		}
	}
	b = append(b, "\nother info that might help us debug this:\n\n"...)
	if n >= 3 {
		b = append(b, "Chain exists of:\n  "...)
		for i := range f.Sides {
			b = append(b, ShortClass(f.Sides[i].Wants.Class)...)
			if i < n-1 {
				b = append(b, " --> "...)
			}
		}
		b = append(b, "\n\n"...)
	}
	b = f.appendScenario(b)
	return appendHeldList(b, s)
}

// appendScenario prints who waits for whom, one column a goroutine.
func (f *Finding) appendScenario(b []byte) []byte {
	width := 34
	var cols []*Side
	var names []string
	for i := range f.Sides {
		cols = append(cols, &f.Sides[i])
		names = append(names, entry(&f.Sides[i]))
		if f.Sides[i].Writer != nil {
			cols = append(cols, nil)
			names = append(names, entry(f.Sides[i].Writer)+", a writer")
		}
	}
	for _, name := range names {
		width = max(width, len("goroutine X ()  ")+len(name))
	}
	b = append(b, " Possible unsafe locking scenario:\n\n       "...)
	for i := range cols {
		h := "goroutine " + string(rune('A'+i)) + " (" + names[i] + ")"
		b = appendPadded(b, h, width)
	}
	b = append(b, "\n       "...)
	for i := range cols {
		n := len("goroutine X ()") + len(names[i])
		for j := 0; j < n; j++ {
			b = append(b, '-')
		}
		for j := n; j < width; j++ {
			b = append(b, ' ')
		}
	}
	b = append(b, '\n')
	for i, s := range cols {
		if s != nil {
			b = appendCell(b, i*width, op(&s.Holds), s.Holds.Class)
		}
	}
	for i, s := range cols {
		if s == nil {
			b = appendCell(b, i*width, "lock(", cols[i-1].Wants.Class)
		}
	}
	for i := len(cols) - 1; i >= 0; i-- {
		if s := cols[i]; s != nil {
			text := op(&s.Wants)
			if s.Waits != nil {
				text = "waits for who wants " + text
			}
			b = appendCell(b, i*width, text, s.Wants.Class)
		}
	}
	return append(b, "\n *** DEADLOCK ***\n\n"...)
}

// appendCell appends one line of the table, indented to its column.
func appendCell(b []byte, indent int, text, class string) []byte {
	b = append(b, "  "...)
	for j := 0; j < indent; j++ {
		b = append(b, ' ')
	}
	b = append(b, text...)
	b = append(b, ShortClass(class)...)
	return append(b, ");\n"...)
}

func (f *Finding) appendRecursive(b []byte, s *Side) []byte {
	b = who(b, s)
	b = append(b, " is trying to acquire lock:\n"...)
	b = s.Wants.AppendText(b)
	b = append(b, "\nbut goroutine "...)
	b = appendInt(b, s.Goroutine)
	b = append(b, " is already holding the same lock:\n"...)
	b = s.Holds.AppendText(b)
	b = append(b, "\nother info that might help us debug this:\n Possible unsafe locking scenario:\n\n       goroutine A ("...)
	b = append(b, entry(s)...)
	b = append(b, ")\n       ------------\n  "...)
	b = append(b, op(&s.Holds)...)
	b = append(b, ShortClass(s.Holds.Class)...)
	b = append(b, ");\n"...)
	if s.Writer != nil {
		b = append(b, "                                  goroutine B ("...)
		b = append(b, entry(s.Writer)...)
		b = append(b, ", a writer"...)
		b = append(b, f.writerNote()...)
		b = append(b, "): lock("...)
		b = append(b, ShortClass(s.Wants.Class)...)
		b = append(b, ");\n"...)
	}
	b = append(b, "  "...)
	b = append(b, op(&s.Wants)...)
	b = append(b, ShortClass(s.Wants.Class)...)
	b = append(b, ");\n\n *** DEADLOCK ***\n\n"...)
	b = appendHeldList(b, s)
	b = append(b, "stack backtrace:\n"...)
	b = appendStack(b, s)
	if s.Writer != nil {
		b = append(b, "\nthe writer"...)
		b = append(b, f.writerNote()...)
		b = append(b, ":\n"...)
		b = appendStack(b, s.Writer)
	}
	return append(b, '\n')
}

// writerNote is what has to be said of the writer in a finding about readers.
func (f *Finding) writerNote() string {
	switch {
	case f.Why&(WhyInstances|WhyProcesses) != 0:
		return "" // said of all sides
	case f.Why&WhyOtherWriter != 0 && f.Why&WhyWriterReads != 0:
		return "" // of several writers, one or the other
	case f.Why&WhyOtherWriter != 0:
		return ", of another instance"
	case f.Why&WhyWriterReads != 0:
		return ", seen on a goroutine that reads"
	case f.Why&WhyWriterLater != 0:
		return ", started later"
	}
	return ""
}

func (f *Finding) appendExit(b []byte, s *Side) []byte {
	b = append(b, "a goroutine ended while it still held:\n"...)
	b = s.Holds.AppendText(b)
	b = append(b, "\nand goroutine "...)
	b = appendInt(b, s.Goroutine)
	b = append(b, " wants it:\n"...)
	b = appendStack(b, s)
	return append(b, '\n')
}

func (f *Finding) appendStuck(b []byte, s *Side) []byte {
	b = who(b, s)
	if s.Wants.Class != "" {
		b = append(b, " waits for ever for lock:\n"...)
		b = s.Wants.AppendText(b)
	} else {
		b = append(b, " waits for ever ("...)
		b = append(b, s.Wants.Mode...)
		b = append(b, "), and nothing that still runs can wake it:\n"...)
		b = appendFrame(b, s.Wants.At, "       ")
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = appendHeldList(b, s)
	b = append(b, "stack backtrace:\n"...)
	b = appendStack(b, s)
	return append(b, '\n')
}

// appendWait continues a sentence that begins with who waits.
func appendWait(b []byte, w *Wait) []byte {
	b = append(b, " waits ("...)
	b = append(b, w.For...)
	if w.For == waitWords[WaitSend] || w.For == waitWords[WaitReceive] {
		b = append(b, ", channel made in "...)
	} else {
		b = append(b, ", in "...)
	}
	b = append(b, ShortFunc(w.Of.Func)...)
	b = append(b, ' ')
	b = append(b, baseName(w.Of.File)...)
	b = append(b, ':')
	b = appendInt(b, uint64(w.Of.Line))
	b = append(b, ") for another goroutine, and goroutine "...)
	b = appendInt(b, w.Goroutine)
	return append(b, ", which ended the wait,"...)
}

func (f *Finding) appendEvent(b []byte, s *Side) []byte {
	b = who(b, s)
	b = append(b, " is holding lock:\n"...)
	b = s.Holds.AppendText(b)
	b = append(b, "\nand"...)
	b = appendWait(b, s.Waits)
	b = append(b, " took the same lock before:\n"...)
	b = s.Wants.AppendText(b)
	b = append(b, "\nother info that might help us debug this:\n Possible unsafe locking scenario:\n\n       goroutine A ("...)
	b = append(b, entry(s)...)
	b = append(b, ")\n       ------------\n  "...)
	b = append(b, op(&s.Holds)...)
	b = append(b, ShortClass(s.Holds.Class)...)
	b = append(b, ");\n                                  goroutine B ("...)
	b = append(b, ShortFunc(s.Wants.At.Func)...)
	b = append(b, "): "...)
	b = append(b, op(&s.Wants)...)
	b = append(b, ShortClass(s.Wants.Class)...)
	b = append(b, ");\n  waits ("...)
	b = append(b, s.Waits.For...)
	b = append(b, ") for goroutine B;\n\n *** DEADLOCK ***\n\n"...)
	b = appendHeldList(b, s)
	b = append(b, "stack backtrace:\n"...)
	b = appendStack(b, s)
	return append(b, '\n')
}

func (f *Finding) appendAssert(b []byte, s *Side) []byte {
	b = who(b, s)
	if f.Kind == KindAssertNotHeld {
		b = append(b, " must not hold lock ("...)
	} else {
		b = append(b, " must hold lock ("...)
	}
	b = append(b, ShortClass(s.Wants.Class)...)
	switch {
	case f.Kind == KindAssertNotHeld:
		b = append(b, ") here, and does.\n\n"...)
	case s.Wants.Mode == "W" && s.Holds.Class != "":
		b = append(b, ") for writing here, and holds it for reading.\n\n"...)
	default:
		b = append(b, ") here, and does not.\n\n"...)
	}
	if len(s.Held) == 0 {
		b = append(b, "no locks held by "...)
		b = who(b, s)
		b = append(b, ".\n\n"...)
	}
	b = appendHeldList(b, s)
	b = append(b, "stack backtrace:\n"...)
	b = appendStack(b, s)
	return append(b, '\n')
}

// AppendWhy appends the reasons for the finding's level in words.
func (f *Finding) AppendWhy(b []byte) []byte {
	if f.Why == 0 {
		switch {
		case f.Kind == KindAssertHeld || f.Kind == KindAssertNotHeld:
			return append(b, "the program says so itself"...)
		case f.Kind == KindStuck:
			return append(b, "it happened: nothing can wake the goroutine any more"...)
		case f.Level == Proved && (f.Kind == KindCircular || f.Kind == KindSameClass):
			return append(b, "it happened: each of them waits for the next"...)
		case f.Level == Proved:
			return append(b, "it happens on this very acquisition"...)
		case f.Kind == KindRecursive:
			return append(b, "the program says that it may take the lock here, and holds it"...)
		case f.Kind == KindExitHeld:
			return append(b, "nobody has released it so far, though another goroutine could"...)
		case f.Kind == KindRecursiveRead:
			return append(b, "same instance, and another goroutine writes it: a writer that can queue in between"...)
		}
		for i := range f.Sides {
			if f.Sides[i].Writer != nil {
				return append(b, "same instances, a goroutine of its own for each reader and writer, no common gate lock"...)
			}
		}
		return append(b, "same instances, at least two goroutines, no common gate lock"...)
	}
	sep := ""
	for i := range whyWords {
		if f.Why&(1<<i) != 0 {
			b = append(b, sep...)
			b = append(b, whyWords[i]...)
			sep = "; "
		}
	}
	return b
}

var whyWords = [...]string{
	"the orders were seen on other instances of these classes",
	"one goroutine made all the orders",
	"one side ran during package initialisation (init), when nothing else could",
	"the sides were seen in different processes",
	"all sides hold a common lock (gate), which lets only one of them in",
	"only readers, and no writer was observed that could meet them",
	"a table was full, so that a gate may be missing from the record",
	"a lock of the cycle is released by other goroutines than the one that took it",
	"the goroutine leaks, but holds no lock and waits for none",
	"a side waits for an event, and that who ends it needs the lock is known from the runs that were seen",
	"a goroutine came to end such a wait without the lock",
	"a goroutine runs while the one that made it holds a lock that the other side needs (gate across goroutines)",
	"nobody can want a lock that the goroutine holds: only goroutines that are stuck themselves reach it",
	"a weak.Pointer reaches what the goroutine waits for, so that another one may still wake it",
	"a lock of the cycle was overwritten while it was held (a struct was copied over it), so that nobody can be said to hold it",
	"predictable: the recorded run could have ended there",
	"the graph file is an old one, whose numbers of instances come round after 4095 locks",
	"the only writer of this lock that was seen is a goroutine that reads here itself: it cannot do both at once",
	"the only writer of this lock that was seen is a goroutine that the reader started after it had read",
	"nobody was seen writing this very lock, only other instances of its class",
	"whoever writes this lock makes its readers let go first (Commit and Rollback cancel the transaction's context, which closes its rows)",
	"one side comes only after a wait, in the same critical section, that the other side's goroutine ends when it is done",
}
