// Package pkg has a dot in the last element of its path.
package pkg

import "example.com/frames/lk"

type T[V any] struct {
	Mu   lk.Mutex
	Next *T[V]
	v    V
}

func (t *T[V]) Lock() { // inlined into its callers
	lk.Want = "example.com/frames/pkg.v3.T.Mu"
	t.Mu.Lock()
}

func Each[V any](yield func(*T[V]) bool) { yield(new(T[V])) }
