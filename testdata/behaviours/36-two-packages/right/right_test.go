package right

import (
	"testing"

	"behaviours/36-two-packages/store"
)

func TestRelease(t *testing.T) {
	s := &store.Store{Reservations: store.Reservations{Count: 3}}
	Release(s)
	if s.Items.Count != 3 || s.Reservations.Count != 0 {
		t.Fatalf("items %d, reservations %d; want 3, 0", s.Items.Count, s.Reservations.Count)
	}
}
