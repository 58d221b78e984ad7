package engine

import (
	"fmt"
	"strings"
	"testing"
)

// A script is a sequence of "goroutine operation lock", as in TestKnots: L takes
// for writing, R for reading; l, r and q the same, and sleep; t takes by a try;
// g got what it slept for; u releases what was taken for writing, U for reading;
// e ends the goroutine; T has locks timed from then on.
func script(v *Validator, text string) map[byte]*Task {
	tasks := map[byte]*Task{}
	locks := map[byte]*Map{}
	for s := text + " "; len(s) >= 4; s = s[4:] {
		if tasks[s[0]] == nil {
			tasks[s[0]] = v.NewTask()
			v.wake(tasks[s[0]])
			tasks[s[0]].goid = uint64(s[0] - '0')
		}
		t := tasks[s[0]]
		if locks[s[2]] == nil {
			m := new(Map)
			onHeap = append(onHeap, m)
			locks[s[2]] = m
			v.SetClass(t, m, s[2:3])
		}
		m := locks[s[2]]
		switch s[1] {
		case 'L':
			v.Taken(t, m, 1, Write)
		case 'R':
			v.Taken(t, m, 2, Read)
		case 't':
			v.TryAcquired(t, m, 3, Write)
		case 'l':
			v.Acquire(t, m, 4, Write)
			v.Blocked(t, m, false)
		case 'q':
			v.AcquireWriter(t, m, 5)
			v.Blocked(t, m, true)
		case 'r':
			v.Acquire(t, m, 6, Read)
			v.Blocked(t, m, false)
		case 'g':
			v.Acquired(t, m, t.top().mode())
		case 'u':
			v.Release(t, m, Write)
		case 'U':
			v.Release(t, m, Read)
		case 'T':
			v.Time()
		case 'e':
			v.EndTask(t)
		}
	}
	return tasks
}

// What is held and who waits for whom, in goroutines: "1: a b{R} <- c: 2 3*" is
// goroutine 1, which holds a and b and waits for c, which 2 has and for which 3
// is queued as a writer.
func TestHolders(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"nothing", "1La 1ua", ""},
		{"held", "1La 1Rb 1Lc 1ub", "1: a c\n"},
		{"out of order", "1La 1Lb 1Lc 1ub 2La 2ua", "1: a c\n"},
		{"one waits", "1La 2Lb 2la", "1: a\n2: b <- a: 1\n"},
		{"one waits and holds nothing", "1La 2la", "1: a\n2: <- a: 1\n"},
		{"it got it", "1La 2la 1ua 2ga", "2: a\n"},
		{"knot", "1La 2Lb 1lb 2la", "1: a <- b: 2\n2: b <- a: 1\n"},
		{"two wait for one", "1La 2la 3la", "1: a\n2: <- a: 1\n3: <- a: 1\n"},
		{"readers behind a queued writer", "1Ra 2qa 3ra", "1: a{R}\n2: <- a: 1\n3: <- a{R}: 2*\n"},
		{"a queued writer waits for all readers", "1Ra 2Ra 3Rb 4qa", "1: a{R}\n2: a{R}\n3: b{R}\n4: <- a: 1 2\n"},
		{"a writer that is not queued yet keeps no reader out", "1Ra 2la 3ra", "1: a{R}\n2: <- a:\n3: <- a{R}:\n"},
		{"by a try", "1ta 2la", "1: a try\n2: <- a: 1\n"},
		{"left behind", "1La 1ea 2la", "2: <- a:\n1: a ended\n"},
		{"used again by the next goroutine", "1La 1ua 1ea 1Lb", "1: b\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := New(SmallLimits(), Host{})
			script(v, c.script)
			if got := holding(v); got != c.want {
				t.Errorf("%s: got\n%swant\n%s", c.script, got, c.want)
			}
		})
	}
}

func holding(v *Validator) string {
	var b strings.Builder
	name := func(l *Lock) string {
		s := l.Class
		if l.Mode == "R" {
			s += "{R}"
		}
		if l.Try {
			s += " try"
		}
		return s
	}
	for _, h := range v.Holders() {
		fmt.Fprintf(&b, "%d:", h.Goroutine)
		for i := range h.Held {
			b.WriteString(" " + name(&h.Held[i]))
		}
		if h.Task == nil {
			b.WriteString(" ended")
		}
		if h.Wants != nil {
			b.WriteString(" <- " + name(h.Wants) + ":")
		}
		for _, w := range h.WaitsFor {
			fmt.Fprintf(&b, " %d", w.Goroutine)
			if w.Queued {
				b.WriteString("*")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// A look from outside finds every entry, also where the stack has moved, and
// nothing above it.
func TestPeek(t *testing.T) {
	v := New(SmallLimits(), Host{})
	task := v.NewTask()
	if _, ok := v.Peek(task, 0); ok {
		t.Error("something is held by nobody")
	}
	const n = 3 * inlineHeld
	var maps [n]*Map
	for i := range maps {
		maps[i] = new(Map)
		v.SetClass(task, maps[i], fmt.Sprintf("c%d", i))
		v.Taken(task, maps[i], uintptr(i+1), Mode(i&1))
	}
	v.Acquire(task, maps[0], 99, Write)
	for i := range n + 1 {
		p, ok := v.Peek(task, i)
		want := Peeked{Class: fmt.Sprintf("c%d", i), Mode: waitWords[i&1], PC: uintptr(i + 1)}
		if i == n {
			want = Peeked{Class: "c0", Mode: "W", PC: 99, Waits: true}
		}
		if !ok || p != want {
			t.Errorf("%d: %+v, %v, want %+v", i, p, ok, want)
		}
	}
	if _, ok := v.Peek(task, n+1); ok {
		t.Error("there is one too many")
	}
	v.EndTask(task)
	if _, ok := v.Peek(task, 0); ok {
		t.Error("a goroutine that ended holds something")
	}
	if n := testing.AllocsPerRun(10, func() { v.Peek(task, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestClassesAndChains(t *testing.T) {
	v := New(SmallLimits(), Host{})
	script(v, "1La 1Lb 1Rc 1Uc 1ub 1ua 2La 2Lc 2uc 2ua 1La 1Lb 1ub 1ua 2Ld 2ud")
	var got strings.Builder
	for c := ClassID(1); ; c++ {
		k, ok := v.Class(c)
		if !ok {
			break
		}
		fmt.Fprintln(&got, k.Name, k.Forward, k.Backward, k.Before)
	}
	for _, c := range v.Chains() {
		for _, l := range c {
			fmt.Fprint(&got, l.Class, l.Mode, " ")
		}
		fmt.Fprintln(&got)
	}
	const want = "a 3 1 [2 3]\nb 2 2 [3]\nc 1 3 []\nd 1 1 []\naW bW \naW bW cR \naW cW \n"
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
}
