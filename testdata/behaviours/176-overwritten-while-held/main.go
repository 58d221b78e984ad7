// A struct is overwritten while its mutex is held, in every way that Go has, and
// the mutex is free afterwards: nobody unlocks it any more. Its goroutine takes
// the stats lock then, with nothing held. The other place takes stats and then the
// struct's lock. There is one order only: silence.
package main

import (
	"fmt"
	"reflect"
	"sync"
)

type table struct {
	mu   sync.Mutex
	rows int
}

type shared struct {
	mu   sync.RWMutex
	rows int
}

var stats struct {
	mu sync.Mutex
	n  int
}

func count() {
	stats.mu.Lock()
	stats.n++
	stats.mu.Unlock()
}

// setup is the one order that there is.
func setup() {
	t, s := new(table), new(shared)
	stats.mu.Lock()
	t.mu.Lock()
	t.mu.Unlock()
	s.mu.Lock()
	s.mu.Unlock()
	s.mu.RLock()
	s.mu.RUnlock()
	stats.mu.Unlock()
}

func used() *table {
	t := new(table)
	t.mu.Lock()
	t.rows = 1
	t.mu.Unlock()
	return t
}

func rollback() {
	t := used()
	saved := *t
	t.mu.Lock()
	*t = saved
	count()
	t.mu.Lock() // it is free
	t.rows++
	t.mu.Unlock()
	count()
}

func reset() {
	t := used()
	t.mu.Lock()
	*t = table{}
	count()
	t.mu.Lock()
	t.mu.Unlock()
}

func readersReset() {
	s := new(shared)
	s.mu.RLock()
	s.mu.RUnlock()
	saved := *s
	s.mu.RLock()
	*s = saved
	count()
	s.mu.RLock() // the only reader
	count2 := s.rows
	s.mu.RUnlock()
	s.mu.Lock()
	s.rows = count2 + 1
	*s = shared{}
	count()
	s.mu.RLock()
	s.mu.RUnlock()
}

func moved() {
	list := []table{{rows: 1}, {rows: 2}}
	list[0].mu.Lock()
	list[0].mu.Unlock()
	copied := make([]table, 2)
	copy(copied, list)
	list[0].mu.Lock()
	copy(list, copied)
	count()
	if !list[0].mu.TryLock() {
		panic("locked")
	}
	list[0].mu.Unlock()
}

func grown() {
	list := make([]table, 1, 1)
	list[0].mu.Lock()
	list = append(list, table{})
	list[0].mu.Unlock() // of the new copy
	count()
}

var pool = sync.Pool{New: func() any { return new(table) }}

func pooled() {
	t := pool.Get().(*table)
	t.mu.Lock()
	*t = table{}
	pool.Put(t)
	count()
	u := pool.Get().(*table)
	u.mu.Lock()
	u.mu.Unlock()
	pool.Put(u)
}

func reflected() {
	t := used()
	saved := reflect.ValueOf(*t)
	t.mu.Lock()
	reflect.ValueOf(t).Elem().Set(saved)
	count()
}

func inArray() {
	var a, saved [4]table
	a[2].mu.Lock()
	a = saved
	count()
}

func swapped() {
	t, u := used(), used()
	t.mu.Lock()
	*t, *u = *u, *t
	count()
	u.mu.Unlock() // that one is locked now
	count()
}

func left() {
	t := used()
	saved := *t
	done := make(chan bool)
	go func() { // it ends without the lock
		defer close(done)
		t.mu.Lock()
		*t = saved
	}()
	<-done
	t.mu.Lock()
	wants := make(chan bool)
	go func() {
		defer close(wants)
		if t.mu.TryLock() {
			panic("not locked")
		}
	}()
	<-wants
	t.mu.Unlock()
	count()
}

func main() {
	setup()
	for range 20 {
		for _, f := range []func(){rollback, reset, readersReset, moved, grown, pooled, reflected, inArray, swapped, left} {
			f()
		}
	}
	fmt.Println(stats.n)
}
