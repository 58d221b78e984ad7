// Package tests has tests inside and outside.
package tests

import "sync"

type T struct{ Mu sync.Mutex }

func (t *T) f() { t.Mu.Lock() }
