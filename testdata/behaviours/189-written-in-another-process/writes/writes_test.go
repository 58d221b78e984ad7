package writes

import (
	"testing"

	"behaviours/189-written-in-another-process/store"
)

func TestAdd(t *testing.T) {
	s := new(store.Store)
	s.Add()
	if n := s.Get(); n != 1 {
		t.Error(n)
	}
}
