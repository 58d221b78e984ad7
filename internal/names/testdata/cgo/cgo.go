package cgo

// static int one(void) { return 1; }
import "C"

import "sync"

type T struct {
	mu sync.Mutex
	n  C.int
}

func (t *T) f() {
	t.n = C.one()
	t.mu.Lock()
}
