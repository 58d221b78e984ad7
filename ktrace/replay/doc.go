// Package replay judges recorded kernels: it feeds the lock events that ktrace
// reads to the rules of engine/kernel, and reports in the kernel's words.
//
// # Terms
//
//   - observation: a chain of held locks, or a usage of a class, that was met
//     for the first time. Everything that is concluded follows from the
//     observations; an event that makes none costs a table lookup or two.
//   - evidence: what the events have shown of a class by its end: that its locks
//     are waited for, that they sleep, that they have readers.
//   - level: how far the events carry a finding, [Level].
//
// # Guarantee
//
// What is read first to last is judged last: [Replay.Judge] gives the
// observations to the engine with all the evidence at hand, so the verdict
// does not depend on when an event told of what kind a lock is. The same
// files in the same order give the same verdict. Memory grows with what is
// learned (classes, chains, locks, tasks), not with the number of events, and
// no event allocates once its locks and tasks are known.
//
// # Rules of approximation
//
// Lock events have an address, a name, "try" and "read". What the kernel knows
// besides is taken so:
//
//   - class: see classOf. A finding on locks at several addresses of which only
//     the name is one is [Possible].
//   - subclass and nest lock: see nest. Nesting two locks of one name is never
//     a finding by itself.
//   - recursive readers: see recursiveReader.
//   - checks that are off, and wait types: see knowledge and lockMap.
//   - interrupts and bottom halves off: the flags of the events; where they are
//     missing, the irq events, and findings on interrupts are Possible.
//   - irqs going on while locks are held: the event that says so, or the first
//     lock event with irqs on.
//
// # Damage
//
// A recording that lacks records, has some twice or has some that are false is
// known by events that no whole one has. Of it, only what was closed carries a
// finding above [Possible]: see stretch.go.
//
// # Limits
//
// What a task took before the trace began, or in a gap, is not known: its
// releases are counted and teach nothing. A task whose whole stack is known,
// because it was born in the trace or returned to user space, can be reported
// for an unbalanced release.
package replay
