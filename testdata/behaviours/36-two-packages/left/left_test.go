package left

import (
	"testing"

	"behaviours/36-two-packages/store"
)

func TestReserve(t *testing.T) {
	s := &store.Store{Items: store.Items{Count: 2}}
	Reserve(s)
	if s.Items.Count != 1 || s.Reservations.Count != 1 {
		t.Fatalf("items %d, reservations %d; want 1, 1", s.Items.Count, s.Reservations.Count)
	}
}
