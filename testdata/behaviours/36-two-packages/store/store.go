// Package store keeps items and the reservations made of them. The two packages
// beside it each take its locks in an order of their own. Each package's tests
// are a process of their own, and in neither is there a second order: only the
// union of their graphs has the cycle. It must be reported at the end of the run,
// naming the test on either side.
package store

import "sync"

// Items is what is on the shelf.
type Items struct {
	Mu    sync.Mutex
	Count int
}

// Reservations is what is promised.
type Reservations struct {
	Mu    sync.Mutex
	Count int
}

// Store is both.
type Store struct {
	Items        Items
	Reservations Reservations
}
