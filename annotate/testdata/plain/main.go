// The program uses all of package annotate. Built without lockdep, nothing of it
// may be left.
package main

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/golockdep/lockdep/annotate"
)

type server struct {
	dep annotate.Map
	mu  sync.Mutex
	rw  sync.RWMutex
}

func main() {
	annotate.OnReport(func(string) {})
	s := new(server)
	annotate.SetClass(&s.mu, "server")
	annotate.NoValidate(&s.rw)
	annotate.Nested(&s.mu, 1).Lock()
	annotate.AssertHeld(&s.mu)
	annotate.AssertHeldWrite(&s.mu)
	annotate.MightLock(&s.rw)
	annotate.MightRLock(&s.rw)
	s.mu.Unlock()
	annotate.AssertNotHeld(&s.mu)
	s.dep.Acquire(annotate.Write)
	s.dep.Acquired(annotate.Write)
	s.dep.Release(annotate.Write)
	s.dep.TryAcquire(annotate.Read)
	s.dep.Release(annotate.Read)
	fmt.Println(unsafe.Sizeof(s.dep))
}
