package predict

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// parse reads a trace: words "goroutine operation", the operations +a -a (lock,
// unlock), ra qa (the same for reading), !x ?x (send, receive on x) and *1:5
// (begins, made by goroutine 1 after five events).
func parse(t *testing.T, text string) *Trace {
	tr := new(Trace)
	kinds := map[byte]Kind{'+': Lock, '-': Unlock, 'r': RLock, 'q': RUnlock, '!': Send, '?': Receive, '*': Begin}
	words := strings.Fields(text)
	for _, w := range words {
		k, ok := kinds[w[1]]
		if !ok {
			t.Fatalf("no event: %s", w)
		}
		e := Event{Goroutine: uint64(w[0] - '0'), Kind: k}
		if k == Begin {
			maker, born, _ := strings.Cut(w[2:], ":")
			m, _ := strconv.Atoi(maker)
			e.Object = uint64(m)
			e.Born, _ = strconv.Atoi(born)
		} else {
			e.Object, e.Class = uint64(w[2]), w[2:]
		}
		tr.Events = append(tr.Events, e)
	}
	return tr
}

func keys(ds []Deadlock) string {
	var out []string
	for _, d := range ds {
		out = append(out, d.Key())
	}
	return strings.Join(out, " | ")
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ name, trace, want string }{
		{"two orders", "1+a 1+b 1-b 1-a 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"one goroutine", "1+a 1+b 1-b 1-a 1+b 1+a 1-a 1-b", ""},
		{"gate", "1+g 1+a 1+b 1-b 1-a 1-g 2+g 2+b 2+a 2-a 2-b 2-g", ""},
		{"gate of readers", "1rg 1+a 1+b 1-b 1-a 1qg 2rg 2+b 2+a 2-a 2-b 2qg", "a > b, b > a"},
		{"the second is made after the first order", "1+a 1+b 1-b 1-a 2*1:4 2+b 2+a 2-a 2-b", ""},
		{"made before it", "1*0:0 2*1:1 1+a 1+b 1-b 1-a 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"made by nobody that is known", "1+a 1+b 1-b 1-a 2*0:4 2+b 2+a 2-a 2-b", ""},
		{"a message after the first order", "1+a 1+b 1-b 1-a 1!x 2?x 2+b 2+a 2-a 2-b", ""},
		{"a message before it", "1!x 1+a 1+b 1-b 1-a 2?x 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"a message under the first lock", "1+a 1!x 1+b 1-b 1-a 2?x 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"a message that only a lock hands on", "1+a 1+b 1-b 1-a 1+m 1!x 1-m 2+m 2?x 2-m 2+b 2+a 2-a 2-b", ""},
		{"a section between that has to end first", "1+a 1+b 1-b 1-a 1+m 1-m 2+m 2-m 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"a section that has to end first, with a message", "3+m 3?x 3-m 1+a 1!x 1+b 1-b 1-a 2+m 2-m 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"ring of three", "1+a 1+b 1-b 1-a 2+b 2+c 2-c 2-b 3+c 3+a 3-a 3-c", "a > b, b > c, c > a"},
		{"a reader and a writer", "1ra 1+b 1-b 1qa 2+b 2+a 2-a 2-b", "a > b, b > a"},
		{"readers alone", "1ra 1rb 1qb 1qa 2rb 2ra 2qa 2qb", ""},
		{"never released", "1+a 1+b 1-b 1-a 2+b 2+a", "a > b, b > a"},
		{"released by another goroutine", "1+a 3-a 2+b 2+a 2-a 2-b 1+b 1-b", ""},
		{"the second instance can", "1+a 1+b 1-b 1-a 1!x 2?x 2+b 2+a 2-a 2-b 1+a 1+b 1-b 1-a", "a > b, b > a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := parse(t, c.trace)
			ds := Find(tr)
			if got := keys(ds); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if got := keysOf(explore(tr)); got != c.want {
				t.Errorf("by all schedules %q, want %q", got, c.want)
			}
			for _, d := range ds {
				holds(t, tr, &d)
			}
		})
	}
}

// holds runs a witness: every lock is free when it is taken, and at its end
// every side wants what the next one has.
func holds(t *testing.T, tr *Trace, d *Deadlock) {
	t.Helper()
	owner := map[uint64]map[uint64]Kind{}
	for _, e := range d.Schedule {
		o := owner[e.Object]
		if o == nil {
			o = map[uint64]Kind{}
			owner[e.Object] = o
		}
		switch e.Kind {
		case Lock, RLock:
			for _, k := range o {
				if k == Lock || e.Kind == Lock {
					t.Errorf("%d takes %s, which is not free", e.Goroutine, e.Class)
				}
			}
			o[e.Goroutine] = e.Kind
		case Unlock, RUnlock:
			delete(o, e.Goroutine)
		}
	}
	for i, s := range d.Sides {
		next := d.Sides[(i+1)%len(d.Sides)]
		k, ok := owner[s.Wants.Object][next.Holds.Goroutine]
		if !ok || k == RLock && s.Wants.Kind == RLock {
			t.Errorf("%d is not kept from %s by %d", s.Wants.Goroutine, s.Wants.Class, next.Holds.Goroutine)
		}
	}
}

// explore runs every schedule of a trace in which critical sections that exclude
// each other keep their order, and returns the keys of the deadlocks that are met.
func explore(tr *Trace) map[string]bool {
	x := newIndex(tr)
	out := map[string]bool{}
	seen := map[string]bool{}
	at := make([]int, len(x.threads))
	done := make([]bool, len(tr.Events))
	var step func()
	step = func() {
		state := fmt.Sprint(at)
		if seen[state] {
			return
		}
		seen[state] = true
		x.deadlocks(at, done, out)
		for t := range x.threads {
			if at[t] == len(x.threads[t]) {
				continue
			}
			i := x.threads[t][at[t]]
			if !x.canRun(i, done) {
				continue
			}
			at[t]++
			done[i] = true
			step()
			at[t]--
			done[i] = false
		}
	}
	step()
	return out
}

func (x *index) canRun(i int, done []bool) bool {
	e := &x.events[i]
	switch e.Kind {
	case Receive:
		for _, s := range x.sends[e.Object] {
			if s < i && !done[s] {
				return false
			}
		}
	case Begin:
		for j := 0; j < e.Born && j < len(done); j++ {
			if (e.Object == 0 || x.events[j].Goroutine == e.Object) && x.events[j].Goroutine != e.Goroutine && !done[j] {
				if m, ok := x.numbers[e.Object]; e.Object == 0 || ok && m == x.thread[j] {
					return false
				}
			}
		}
	case Lock, RLock:
		for _, a := range x.locks[e.Object] {
			if !done[a] || e.Kind == RLock && x.events[a].Kind == RLock {
				continue
			}
			if a > i || x.release[a] < 0 || !done[x.release[a]] {
				return false
			}
		}
	}
	return true
}

// deadlocks enters the cycles among the goroutines that wait in a state.
func (x *index) deadlocks(at []int, done []bool, out map[string]bool) {
	waits := map[int]*acquisition{}
	for j := range x.acqs {
		a := &x.acqs[j]
		if t := x.thread[a.event]; at[t] == x.pos[a.event] {
			// What it holds according to the trace is not released by anybody here.
			open := true
			for _, h := range a.held {
				if r := x.release[h.event]; r >= 0 && done[r] {
					open = false
				}
			}
			if open {
				waits[t] = a
			}
		}
	}
	var path []*acquisition
	var walk func(a *acquisition)
	walk = func(a *acquisition) {
		path = append(path, a)
		defer func() { path = path[:len(path)-1] }()
		for _, b := range waits {
			for _, h := range b.held {
				if x.events[h.event].Object != x.events[a.event].Object || h.read && x.events[a.event].Kind == RLock {
					continue
				}
				if b == path[0] && len(path) > 1 {
					out[x.key(path)] = true
				} else if !slices.Contains(path, b) && len(path) < maxCycle {
					walk(b)
				}
			}
		}
	}
	for _, a := range waits {
		walk(a)
	}
}

func (x *index) key(path []*acquisition) string {
	f := &finder{index: x}
	d := Deadlock{}
	for j, p := range path {
		prev := path[(j+len(path)-1)%len(path)]
		for i := range x.acqs {
			if &x.acqs[i] == p {
				d.Sides = append(d.Sides, Side{Holds: x.events[f.holding(i, prev)], Wants: x.events[p.event]})
			}
		}
	}
	return d.Key()
}

func keysOf(m map[string]bool) string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, " | ")
}

// On small random runs the closure and the exploration of all schedules agree.
func TestRandom(t *testing.T) {
	n, some := 20000, 0
	if testing.Short() {
		n = 2000
	}
	for seed := range n {
		tr := random(rand.New(rand.NewPCG(uint64(seed), 1)))
		ds := Find(tr)
		got, want := keys(ds), keysOf(explore(tr))
		if got != want {
			t.Fatalf("seed %d: found %q, by all schedules %q:\n%s", seed, got, want, text(tr))
		}
		for _, d := range ds {
			holds(t, tr, &d)
			some++
		}
		if t.Failed() {
			t.Fatal(text(tr))
		}
	}
	if some < n/100 {
		t.Errorf("%d deadlocks in %d runs: too few to say anything", some, n)
	}
}

// random runs three goroutines at random that take locks, meet and end.
func random(r *rand.Rand) *Trace {
	tr := new(Trace)
	type lock struct {
		o    byte
		read bool
	}
	held := make([][]lock, 3)
	readers := map[byte]int{}
	writer := map[byte]bool{}
	add := func(g int, k Kind, o byte) {
		tr.Events = append(tr.Events, Event{Goroutine: uint64(g + 1), Kind: k, Object: uint64(o), Class: string(o)})
	}
	begun := make([]bool, 3)
	for range 12 + r.IntN(14) {
		g := r.IntN(3)
		if !begun[g] {
			begun[g] = true
			if r.IntN(4) == 0 {
				tr.Events = append(tr.Events, Event{Goroutine: uint64(g + 1), Kind: Begin, Object: uint64(r.IntN(g + 1)), Born: r.IntN(len(tr.Events) + 1)})
			}
		}
		switch n := r.IntN(20); {
		case n < 10 && len(held[g]) < 2:
			o := "abc"[r.IntN(3)]
			read := r.IntN(5) == 0
			mine := slices.ContainsFunc(held[g], func(l lock) bool { return l.o == o })
			if mine || writer[o] || !read && readers[o] > 0 {
				continue
			}
			if held[g] = append(held[g], lock{o, read}); read {
				readers[o]++
				add(g, RLock, o)
			} else {
				writer[o] = true
				add(g, Lock, o)
			}
		case n < 18 && len(held[g]) > 0:
			i := len(held[g]) - 1
			if r.IntN(4) == 0 {
				i = 0
			}
			l := held[g][i]
			held[g] = slices.Delete(held[g], i, i+1)
			if l.read {
				readers[l.o]--
				add(g, RUnlock, l.o)
			} else {
				writer[l.o] = false
				add(g, Unlock, l.o)
			}
		case n == 18:
			add(g, Send, "xy"[r.IntN(2)])
		case n == 19:
			add(g, Receive, "xy"[r.IntN(2)])
		}
	}
	return tr
}

func text(tr *Trace) string {
	var b strings.Builder
	for _, e := range tr.Events {
		fmt.Fprintf(&b, "%d%c", e.Goroutine, " +r-q!?*"[e.Kind])
		if e.Kind == Begin {
			fmt.Fprintf(&b, "%d:%d ", e.Object, e.Born)
		} else {
			fmt.Fprintf(&b, "%s ", e.Class)
		}
	}
	return b.String()
}

// A lock that another goroutine released is not held any more by the one that
// took it, and a trace of which not even the head was written is a short one.
func TestReleasedElsewhere(t *testing.T) {
	tr := &Trace{Events: []Event{
		{Goroutine: 1, Kind: Lock, Object: 1, Class: "x"},
		{Goroutine: 1, Kind: Lock, Object: 2, Class: "y"},
		{Goroutine: 1, Kind: Unlock, Object: 2, Class: "y"},
		{Goroutine: 2, Kind: Unlock, Object: 1, Class: "x"},
		{Goroutine: 2, Kind: Send, Object: 3},
		{Goroutine: 3, Kind: Receive, Object: 3},
		{Goroutine: 3, Kind: Lock, Object: 2, Class: "y"},
		{Goroutine: 3, Kind: Lock, Object: 1, Class: "x"},
		{Goroutine: 3, Kind: Unlock, Object: 1, Class: "x"},
		{Goroutine: 3, Kind: Unlock, Object: 2, Class: "y"},
	}}
	if ds := Find(tr); len(ds) != 0 {
		t.Errorf("a lock that is free again is held: %v", keys(ds))
	}
}

func TestReadBegun(t *testing.T) {
	for n := range len(magic) {
		tr, err := Read("begun", strings.NewReader(magic[:n]))
		if err != nil || !tr.Cut {
			t.Errorf("%d bytes: %v, %v", n, tr, err)
		}
	}
}
