package reads

import (
	"testing"

	"behaviours/189-written-in-another-process/store"
)

func TestTwice(t *testing.T) {
	if n := new(store.Store).Twice(); n != 0 {
		t.Error(n)
	}
}
