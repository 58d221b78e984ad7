// Package right releases: reservations, then items.
package right

import "behaviours/36-two-packages/store"

// Release puts all reserved items back.
func Release(s *store.Store) {
	s.Reservations.Mu.Lock()
	defer s.Reservations.Mu.Unlock()
	s.Items.Mu.Lock()
	defer s.Items.Mu.Unlock()
	s.Items.Count += s.Reservations.Count
	s.Reservations.Count = 0
}
