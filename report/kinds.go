package report

// A Doc is the documentation of one kind of finding. "lockdep explain", the
// rules of SARIF and the docs show it.
type Doc struct {
	Kind    Kind
	Title   string // of a report, [engine.Kind.Title]
	Short   string // one sentence
	Text    string // what it means and when it hurts: paragraphs with "\n\n" between
	Repair  string // what is usually done about it
	Example string // a small Go program with the fault
}

// Docs returns the documentation of every kind, in the order of the kinds.
func Docs() []Doc { return append([]Doc(nil), docs...) }

// DocOf returns the documentation of a kind; false: there is no such kind.
func DocOf(k Kind) (Doc, bool) {
	for i := range docs {
		if docs[i].Kind == k {
			return docs[i], true
		}
	}
	return Doc{}, false
}

var docs = []Doc{
	{
		Kind:  KindCircular,
		Title: KindCircular.Title(),
		Short: "Locks are taken in orders that contradict each other, so that goroutines can wait for each other for ever.",
		Text: "One goroutine holds a lock A and takes a lock B; another holds B and takes A. Each works alone. " +
			"If both get their first lock before either gets its second, each waits for what the other holds, and nothing ends that wait. " +
			"With more locks it is the same: A before B, B before C, C before A.\n\n" +
			"The orders need not have met in time for this to be reported: that they were seen at all, in any test and in any process, " +
			"shows that the program has both. A reader counts as well as a writer, because a reader of a sync.RWMutex waits behind a writer that waits. " +
			"A lock that all sides hold around the others lets only one of them in; then nothing is reported.",
		Repair: "Choose one order and take the locks in it everywhere; or let go of the first lock before calling what takes the second; or copy what is needed under the first lock and go on without it.",
		Example: `package main

import "sync"

var index, store sync.Mutex

func put() {
	store.Lock()
	defer store.Unlock()
	index.Lock() // store is held: store before index
	defer index.Unlock()
}

func rebuild() {
	index.Lock()
	defer index.Unlock()
	store.Lock() // index is held: index before store
	defer store.Unlock()
}

func main() {
	var both sync.WaitGroup
	both.Go(put)
	both.Go(rebuild)
	both.Wait()
}
`,
	},
	{
		Kind:  KindRecursive,
		Title: KindRecursive.Title(),
		Short: "A goroutine takes a lock that it already holds, and so waits for itself.",
		Text: "Go's locks do not know who holds them. A goroutine that calls Lock while it holds the lock waits for an Unlock that only it could make. " +
			"The same goes for Lock under RLock, for RLock under Lock, and for a sync.Once whose function calls Do of the same Once.\n\n" +
			"It mostly comes from a method that takes the lock and calls another method that takes it too, often only on the path of an error, " +
			"or by way of a callback.",
		Repair: "Divide the inner method: one that takes the lock, and one, often named with the suffix Locked, that says it is called with the lock held. Call callbacks after the lock is let go.",
		Example: `package main

import "sync"

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counter) double() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += c.get() // mu is held, and get takes it: waits for ever
}

func main() {
	new(counter).double()
}
`,
	},
	{
		Kind:  KindRecursiveRead,
		Title: KindRecursiveRead.Title(),
		Short: "A goroutine takes a read lock that it already holds for reading, and a writer can queue between the two.",
		Text: "Two readers of a sync.RWMutex do not keep each other out, so this works for as long as no writer comes. " +
			"But a writer that waits keeps new readers out, so that it gets its turn. If a writer calls Lock after the first RLock and before the second, " +
			"the second RLock waits for the writer, the writer waits for the first RLock to end, and that is held by the goroutine that waits.\n\n" +
			"It is likely where another goroutine was seen to write that very lock, and the report shows it. " +
			"Where only the reader's own goroutine writes it, or other locks of the class are written, it is possible. " +
			"The window is often a few nanoseconds wide: such a hang comes once in months, under load.",
		Repair: "Take the read lock once, in the outer function, and call inner functions that are made for a held lock. Leave callbacks and methods of other types out of the read section.",
		Example: `package main

import "sync"

type table struct {
	mu   sync.RWMutex
	rows map[string]string
}

func (t *table) get(k string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rows[k]
}

func (t *table) pair(a, b string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.get(a) + t.get(b) // RLock again: waits if set waits by now
}

func (t *table) set(k, v string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[k] = v
}

func main() {
	t := &table{rows: map[string]string{}}
	var both sync.WaitGroup
	both.Go(func() { t.set("a", "1") })
	both.Go(func() { t.pair("a", "b") })
	both.Wait()
}
`,
	},
	{
		Kind:  KindSameClass,
		Title: KindSameClass.Title(),
		Short: "Two locks of one class are taken in both orders, so that goroutines can wait for each other for ever.",
		Text: "All locks of one field are one class: the mutex of every account, say. To hold one and take another is common and right, " +
			"if all goroutines go by one order: by address, by number, parent before child. " +
			"Here both orders of the same locks were seen: one goroutine holds x and takes y, another holds y and takes x. " +
			"If each gets its first before either gets its second, both wait for ever.\n\n" +
			"Locks of one class nested without a contradiction are not reported: no order has to be declared, it is learned.",
		Repair: "Give the objects an order, such as a number they get when they are made, and take the lesser one's lock first; or keep all of them under one more lock that is taken before any two.",
		Example: `package main

import "sync"

type account struct {
	mu      sync.Mutex
	balance int
}

func transfer(from, to *account, sum int) {
	from.mu.Lock()
	defer from.mu.Unlock()
	to.mu.Lock() // from before to, whichever they are
	defer to.mu.Unlock()
	from.balance -= sum
	to.balance += sum
}

func main() {
	a, b := new(account), new(account)
	var both sync.WaitGroup
	both.Go(func() { transfer(a, b, 1) })
	both.Go(func() { transfer(b, a, 1) })
	both.Wait()
}
`,
	},
	{
		Kind:  KindExitHeld,
		Title: KindExitHeld.Title(),
		Short: "A goroutine ended while it held a lock that others want.",
		Text: "The goroutine that took the lock is gone, and it did not let go. Unless somebody else unlocks it, who takes it next waits for ever. " +
			"The cause is mostly a return before the Unlock, or a panic or runtime.Goexit (t.FailNow is one) past an Unlock that was not deferred.\n\n" +
			"In Go one goroutine may unlock what another locked. A lock that is handed over like that is not reported once the handing over was seen.",
		Repair: "Write defer mu.Unlock() in the line after mu.Lock(); where that is too long to hold it, put the section into a function of its own.",
		Example: `package main

import (
	"errors"
	"sync"
)

var mu sync.Mutex

func work(fail bool) error {
	mu.Lock()
	if fail {
		return errors.New("leaves with mu held")
	}
	mu.Unlock()
	return nil
}

func main() {
	var first sync.WaitGroup
	first.Go(func() { _ = work(true) })
	first.Wait()
	_ = work(false) // waits for a goroutine that is gone
}
`,
	},
	{
		Kind:  KindAssertHeld,
		Title: KindAssertHeld.Title(),
		Short: "A function that must be called with a lock held was called without it.",
		Text: "The program says so itself, by annotate.AssertHeld or AssertHeldWrite. The goroutine that ran into it does not hold the lock, or holds it for reading where it must for writing. " +
			"Whether another goroutine holds the lock at that time does not matter: what is guarded is touched by this one.",
		Repair: "Take the lock in the caller; where the caller holds another instance of it, pass the right one on.",
		Example: `package main

import (
	"sync"

	"github.com/golockdep/lockdep/annotate"
)

type list struct {
	mu    sync.Mutex
	items []int
}

func (l *list) addLocked(n int) {
	annotate.AssertHeld(&l.mu)
	l.items = append(l.items, n)
}

func main() {
	l := new(list)
	l.addLocked(1) // l.mu is not held
}
`,
	},
	{
		Kind:  KindAssertNotHeld,
		Title: KindAssertNotHeld.Title(),
		Short: "A function that must not be called with a lock held was called with it.",
		Text: "The program says so itself, by annotate.AssertNotHeld: the function takes the lock, waits for something that needs it, or calls code that it does not know. " +
			"The goroutine that ran into it holds the lock.",
		Repair: "Let go of the lock before the call, or copy what the call needs under the lock and call afterwards.",
		Example: `package main

import (
	"sync"

	"github.com/golockdep/lockdep/annotate"
)

type list struct {
	mu    sync.Mutex
	items []int
}

func (l *list) each(f func(int)) {
	annotate.AssertNotHeld(&l.mu) // f may call methods of l
	for _, n := range l.items {
		f(n)
	}
}

func main() {
	l := new(list)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.each(func(int) {})
}
`,
	},
	{
		Kind:  KindStuck,
		Title: KindStuck.Title(),
		Short: "A goroutine waits for something that can never happen any more.",
		Text: "It waits on a channel, a WaitGroup, a Cond or a lock, and nothing that can still run can reach what it waits for: " +
			"the garbage collector has proved it (from Go 1.26 on), or all goroutines of the program sleep. " +
			"Where the goroutine holds a lock, everybody who wants that lock is stuck as well: that is `proved` if somebody wants it, " +
			"or can still reach it. Where the lock is garbage, too, it is `possible`.\n\n" +
			"A goroutine that holds no lock and waits for none only leaks: its memory stays in use for as long as the process runs.",
		Repair: "Give the wait a way out (a context, a closed channel, a buffer for the one value that nobody may fetch), and do not wait with a lock held for what needs that lock.",
		Example: `package main

import "sync"

type hub struct {
	mu   sync.Mutex
	msgs chan string
}

func (h *hub) publish(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.msgs <- s // waits for a receiver, with mu held
}

func (h *hub) receive() string {
	h.mu.Lock() // waits for publish
	defer h.mu.Unlock()
	return <-h.msgs
}

func main() {
	h := &hub{msgs: make(chan string)}
	go h.publish("hello")
	println(h.receive())
}
`,
	},
	{
		Kind:  KindEvent,
		Title: KindEvent.Title(),
		Short: "A goroutine waits with a lock held for another one that takes this lock before it comes.",
		Text: "The wait is a channel operation that cannot go on alone, or a WaitGroup. Whoever was seen to end it had taken the same lock first, since it began or waited last, so this run passed because it was early. " +
			"If it is late, it waits for the lock and the holder of the lock waits for it.\n\n" +
			"The level is never above possible: something else in the program may keep the two in the right order. The finding is withdrawn when somebody ends such a wait without having taken the lock, " +
			"unless the wait is for a WaitGroup, which needs all of them.",
		Repair: "Let go of the lock before the wait: collect under the lock what is to be sent, unlock, then send.",
		Example: `package main

import "sync"

type hub struct {
	mu   sync.Mutex
	sent int
	msgs chan string
}

func (h *hub) publish(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.msgs <- s // waits for a receiver, with mu held
	h.sent++
}

func (h *hub) receive(ready chan<- bool) string {
	h.mu.Lock() // if publish is first, it waits here
	n := h.sent
	h.mu.Unlock()
	ready <- n == 0
	return <-h.msgs
}

func main() {
	h := &hub{msgs: make(chan string)}
	ready := make(chan bool)
	go func() {
		<-ready
		h.publish("hello")
	}()
	println(h.receive(ready))
}
`,
	},
}
