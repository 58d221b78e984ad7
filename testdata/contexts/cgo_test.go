//go:build cgo

package contexts

import (
	"sync"
	"testing"

	"example.org/contexts/cgo"
	"example.org/contexts/pin"
)

func TestCallback(t *testing.T) {
	var mu sync.Mutex
	for _, call := range []func(func()){cgo.Call, cgo.InThread} {
		try(func(f func()) {
			mu.Lock()
			defer mu.Unlock()
			call(func() { pin.Do(f) })
		})
	}
}
