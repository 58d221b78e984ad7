// Package predict finds deadlocks that a recorded run could have ended in.
//
// A trace is what the goroutines of one process did: locks taken and released,
// in the order of the process, and the points at which one goroutine waited for
// another (channels, WaitGroup, Cond, Once, go statements). A pattern is a set
// of acquisitions by different goroutines, each of a lock that the next one
// holds. Whether the goroutines can come to stand there together is decided by
// the sync-preserving closure (Tunç, Mathur, Pavlogiannis and Viswanathan,
// "Sound Dynamic Deadlock Prediction in Linear Time", PLDI 2023): the events
// that must have happened when each goroutine is right before its acquisition,
// if critical sections of one lock keep the order that they had. If none of the
// acquisitions is among those events, the events, in the order of the trace, are
// a schedule that ends in the deadlock.
//
// The paper's runs also record which write each read of memory sees. Here only
// synchronisation is recorded: a goroutine that spins on an atomic, or waits for
// a file, keeps no order that is known. So a prediction holds for programs that
// order their goroutines by the means above.
package predict
