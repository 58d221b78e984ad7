// Package kernel is the lock validator of Linux 6.12, rule by rule: fed with the operations of a kernel, it draws the
// conclusions that lockdep draws in one, in the same order.
//
// # Terms
//
// The words are those of kernel/locking/lockdep.c.
//
//   - A Map is the part of a lock that the validator sees. Its key and a subclass name its class.
//   - A class has an index, a name and a version, usage bits, wait types, and dependencies on other classes.
//   - A Task has a stack of held locks, shared by the interrupts that run on top of it, and a Context that says where
//     it is at present.
//   - A chain is the sequence of (class, read) from the bottom of the irq context to the newest lock; its key is folded
//     from them. A chain that is known needs no judgement.
//   - A dependency A -> B says that B was taken while A was held. It has the kinds of both ends (Kinds) and the
//     distance between them in the held stack.
//   - A strong path has no place where a class is entered as a recursive reader and left as a shared holder. Only
//     cycles of strong paths are deadlocks.
//   - A Site is what the caller wants to see again in a finding: an address, an index into its table of stacks.
//
// # Guarantee
//
// With Settings.Exact the conclusions (classes, marks, dependencies, chains, findings) are those of the kernel, one by
// one. Without it the search for strong paths is complete where the kernel's is not; everything else is the same.
//
// # Limits
//
// A Validator is used by one goroutine at a time. It has no package state, so any number may run side by side. The
// operations have to come in the order in which the kernel's validator saw them. Stack traces are the caller's: their
// limit, MAX_STACK_TRACE_ENTRIES, does not exist here.
package kernel
