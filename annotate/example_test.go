package annotate_test

import (
	"fmt"
	"log"
	"sync"

	"github.com/golockdep/lockdep/annotate"
)

// A table's shards are one field in the source. The first of them is also the
// table's own lock and always goes first: a role of its own.
func ExampleSetClass() {
	var shards [4]sync.Mutex
	annotate.SetClass(&shards[0], "example.com/table.first")

	shards[0].Lock()
	shards[2].Lock()
	fmt.Println("the first goes before any other")
	shards[2].Unlock()
	shards[0].Unlock()
	// Output: the first goes before any other
}

// The lock of a directory goes before those of its files.
func ExampleNested() {
	type node struct {
		mu    sync.Mutex
		files []*node
	}
	file := new(node)
	dir := &node{files: []*node{file}}

	dir.mu.Lock()
	for _, f := range dir.files {
		annotate.Nested(&f.mu, 1).Lock() // as f.mu.Lock()
		fmt.Println("in a file of a directory")
		f.mu.Unlock()
	}
	dir.mu.Unlock()
	// Output: in a file of a directory
}

// Two locks that are taken in the order of the accounts' numbers, which
// lockdep need not learn.
func ExampleNoValidate() {
	type account struct {
		id int
		mu sync.Mutex
	}
	a, b := &account{id: 1}, &account{id: 2}
	for _, x := range []*account{a, b} {
		annotate.NoValidate(&x.mu) // ordered by id
	}

	if b.id < a.id {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	fmt.Println("both")
	b.mu.Unlock()
	a.mu.Unlock()
	// Output: both
}

type account struct {
	mu      sync.RWMutex
	balance int // guarded by mu
}

// add is called with a.mu held.
func (a *account) add(n int) {
	annotate.AssertHeldWrite(&a.mu)
	a.balance += n
}

// read is called with a.mu held, for reading at least.
func (a *account) read() int {
	annotate.AssertHeld(&a.mu)
	return a.balance
}

// deposit must not be called with a.mu held.
func (a *account) deposit(n int) {
	annotate.AssertNotHeld(&a.mu)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(n)
}

func ExampleAssertHeld() {
	var a account
	a.mu.RLock()
	fmt.Println(a.read())
	a.mu.RUnlock()
	// Output: 0
}

func ExampleAssertHeldWrite() {
	var a account
	a.mu.Lock()
	a.add(3)
	fmt.Println(a.balance)
	a.mu.Unlock()
	// Output: 3
}

func ExampleAssertNotHeld() {
	var a account
	a.deposit(5)
	fmt.Println(a.balance)
	// Output: 5
}

type logger struct {
	mu  sync.Mutex
	buf []string
}

// print takes the lock only when the buffer is full. That its callers may have
// to wait for it is true of every call.
func (l *logger) print(s string) {
	annotate.MightLock(&l.mu)
	if l.buf = append(l.buf, s); len(l.buf) < 100 {
		return
	}
	l.mu.Lock()
	l.buf = l.buf[:0]
	l.mu.Unlock()
}

func ExampleMightLock() {
	var l logger
	l.print("hello")
	fmt.Println(len(l.buf))
	// Output: 1
}

// A cache asks for the configuration on a miss only.
func ExampleMightRLock() {
	var config sync.RWMutex
	cache := map[string]int{"size": 10}
	lookup := func(key string) int {
		annotate.MightRLock(&config)
		if n, ok := cache[key]; ok {
			return n
		}
		config.RLock()
		defer config.RUnlock()
		return len(key)
	}
	fmt.Println(lookup("size"))
	// Output: 10
}

// A semaphore blocks as a lock does, but lockdep does not know it.
type semaphore struct {
	dep    annotate.Map
	tokens chan struct{}
}

func (s *semaphore) acquire() {
	s.dep.Acquire(annotate.Write)
	s.tokens <- struct{}{}
	s.dep.Acquired(annotate.Write)
}

func (s *semaphore) tryAcquire() bool {
	select {
	case s.tokens <- struct{}{}:
		s.dep.TryAcquire(annotate.Write)
		return true
	default:
		return false
	}
}

func (s *semaphore) release() {
	s.dep.Release(annotate.Write)
	<-s.tokens
}

func ExampleMap() {
	s := &semaphore{tokens: make(chan struct{}, 1)}
	annotate.SetClass(&s.dep, "example.com/server.slots")

	s.acquire()
	fmt.Println(s.tryAcquire())
	s.release()
	fmt.Println(s.tryAcquire())
	s.release()
	// Output:
	// false
	// true
}

// Reports also go to the program's log.
func ExampleOnReport() {
	annotate.OnReport(func(text string) { log.Print(text) })
	fmt.Println("listening")
	// Output: listening
}
