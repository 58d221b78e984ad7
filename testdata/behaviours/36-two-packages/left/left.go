// Package left reserves: items, then reservations.
package left

import "behaviours/36-two-packages/store"

// Reserve moves one item from the shelf to the reservations.
func Reserve(s *store.Store) {
	s.Items.Mu.Lock()
	defer s.Items.Mu.Unlock()
	s.Reservations.Mu.Lock()
	defer s.Reservations.Mu.Unlock()
	s.Items.Count--
	s.Reservations.Count++
}
