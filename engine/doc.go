// Package engine is the lock validator: it learns the order in which classes
// of locks nest and finds the orders that can deadlock.
//
// # Terms
//
// The words are those of the Linux kernel's lockdep (kernel/locking/lockdep.c,
// Linux 6.12), with the same meaning:
//
//   - lock, instance: one mutex in memory, known by its [Map].
//   - class: all locks that play one role, for Go the locks of one declared
//     field, variable or array. The graph is about classes.
//   - map: the validator's part of a lock, [Map]; it names the lock's class.
//   - task: a goroutine (or a kernel task): the owner of a held stack.
//   - held lock: an entry of the held stack, [Held].
//   - chain: the sequence of classes and modes on a held stack.
//   - dependency, edge: "B was taken while A was held", A -> B.
//
// Words of this package's own:
//
//   - observation: one acquisition that taught something: the held stack, the
//     lock taken, the stack trace, goroutine and test ([Observation]).
//   - sample: an observation seen as evidence for one dependency.
//   - gate: a lock held on every side of a cycle; it lets only one side in.
//   - birth: the number that a lock gets at its first acquisition; with the
//     address it identifies the instance, also after its memory was reused.
//     Its low 12 bits are in the lock: its serial.
//   - moment, line: a place in a goroutine's life, by the goroutines that it made;
//     and those of its makers. They give the order of go statements.
//   - awaited lock: one whose readers were judged without a writer that fits.
//   - weak class: a class named by the call site alone, because the source
//     does not say which field or variable is meant (a call through an
//     interface). A lock leaves it at its first acquisition with a name.
//
// # Guarantee
//
// A cycle of dependencies that is in the graph is judged, whatever path closes
// it and in whichever order its halves came. A finding says how sure it is
// ([Level]); what is below "possible" is kept with the reason. On the same
// observations the verdict is the same.
//
// # Limits
//
// Tables have fixed sizes ([Limits]). A full one is said once, by name and
// limit ([Validator.Full]), and what can no longer be judged is not judged.
//
// # Use
//
// A [Validator] has no package state. The live program owns one and calls
// [Validator.Acquire] and [Validator.Release] from the hooks in package sync;
// readers of graph files own others and call [Validator.Observe].
//
// The package imports runtime, sync/atomic, unsafe and math/bits only: it is
// also compiled inside the Go standard library, below package sync.
package engine
