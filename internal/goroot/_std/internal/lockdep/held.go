package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A held finding is one that another goroutine can still refute.
type held struct {
	next *held
	id   engine.FindingID
	text []byte
}

var heldBack unsafe.Pointer // *held

func hold(id engine.FindingID, text []byte) {
	h := &held{id: id, text: text}
	for {
		h.next = (*held)(atomic.LoadPointer(&heldBack))
		if atomic.CompareAndSwapPointer(&heldBack, unsafe.Pointer(h.next), unsafe.Pointer(h)) {
			return
		}
	}
}

// release reports what was held back and was not refuted.
func release() {
	for h := (*held)(atomic.SwapPointer(&heldBack, nil)); h != nil; h = h.next {
		if f, ok := v.Finding(h.id); ok && f.Level != engine.Suppressed && f.Pending {
			say1(&f, h.text)
		}
	}
}

// dying runs when the program dies of a panic or of a deadlock that the runtime
// sees, perhaps on the system stack: it only writes what is ready.
func dying() {
	for h := (*held)(atomic.SwapPointer(&heldBack, nil)); h != nil; h = h.next {
		if v.Level(h.id) != engine.Suppressed {
			print(h.text)
		}
	}
}

func init() { runtime.LockdepOnDying = dying }
