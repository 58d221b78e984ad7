// Package calls has calls of unusual forms.
package calls

import "sync"

type T struct {
	mu   sync.Mutex
	rw   sync.RWMutex
	cond *sync.Cond
	next *T
}

func (t *T) self(...int) *T { return t }

func (t *T) lines() {
	t.
		next.
		self(
			1,
			2,
		).
		mu.Lock()
	t.self(
		1,
	).rw.
		RLock()
	(t.mu.Lock)()
	(*sync.Mutex).Lock(
		&t.mu,
	)
	t.rw.RLocker().Lock()
	l := t.rw.RLocker()
	l.Lock()
}

func (t *T) deferred() int {
	t.mu.Unlock()
	defer t.mu.Lock()
	if t.next == nil {
		return 1 +
			2
	}
	func() { return }()
	return 2
}

func (t *T) values(run func(func())) {
	f := t.mu.Lock
	f()
	run(t.rw.Lock)
	go t.mu.Lock()
	defer func() { t.mu.Lock() }()
}

func (t *T) directives() {
//line template.txt:70
	t.mu.Lock()
}
