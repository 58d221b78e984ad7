// Locks in memory that was never cleared: a union, a mapped file, a buffer of C.
// Somebody wrote any words into them, by package unsafe, while they were not
// locked. Plain Go does not look at a mutex's semaphore as long as nobody waits, so
// the program runs, and it has to run under lockdep as well: no report, no panic,
// and the same output. (Under contention a plain program with such words may die of
// an "inconsistent mutex state".)
package main

import (
	"fmt"
	"sync"
	"unsafe"
)

// words are a mutex as it lies in memory, up to Go 1.26.
type words struct {
	state int32
	sema  uint32
}

// A slot of a table is used as one thing or the other.
type slot [64]byte

func (s *slot) mutex() *sync.Mutex     { return (*sync.Mutex)(unsafe.Pointer(s)) }
func (s *slot) rwMutex() *sync.RWMutex { return (*sync.RWMutex)(unsafe.Pointer(s)) }

var (
	table [8]slot
	outer sync.Mutex
	total int
)

func wild(p unsafe.Pointer, w uint32) { (*words)(p).sema = w }

func use(mu sync.Locker) {
	outer.Lock()
	mu.Lock()
	total++
	mu.Unlock()
	outer.Unlock()
	mu.Lock()
	total++
	mu.Unlock()
}

func main() {
	values := []uint32{0, 1, 0xf, 0x10, 0xffff, 0x10000, 0x20001, 0x7fff0000, 0x7fffffff, 0x80000000, 0x80030000, 0xdeadbeef, 0xfffe0000, 0xffffffff}
	for x := uint32(1); len(values) < 2000; x = x*1664525 + 1013904223 {
		values = append(values, x)
	}
	for i, w := range values {
		s := &table[i%len(table)]
		*s = slot{}
		wild(unsafe.Pointer(s), w)
		if i%2 == 0 {
			use(s.mutex())
			if s.mutex().TryLock() {
				s.mutex().Unlock()
			}
		} else {
			use(s.rwMutex())
			use(s.rwMutex().RLocker())
		}
		var own struct{ mu sync.Mutex }
		wild(unsafe.Pointer(&own.mu), w)
		use(&own.mu)
	}

	// A copy of a lock over another one, none of them locked.
	var a, b struct {
		mu sync.Mutex
		n  int
	}
	use(&a.mu)
	b = a
	use(&b.mu)
	wild(unsafe.Pointer(&b.mu), 0x12345670)
	use(&b.mu)
	fmt.Println(total)
}
