// Package annotated names locks by what it says of them.
package annotated

import (
	"sync"

	"github.com/golockdep/lockdep/annotate"
)

type T struct {
	mu  sync.Mutex
	rw  sync.RWMutex
	own annotate.Map
}

func (t *T) held()    { annotate.AssertHeld(&t.mu) }
func (t *T) written() { annotate.AssertHeldWrite(&t.rw) }
func (t *T) free()    { annotate.AssertNotHeld(&t.mu) }
func (t *T) might()   { annotate.MightRLock(&t.rw) }
func (t *T) out()     { annotate.NoValidate(&t.mu) }
func (t *T) enter()   { t.own.Acquire(annotate.Write) }
func (t *T) try()     { t.own.TryAcquire(annotate.Read) }
