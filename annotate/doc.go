// Package annotate lets a program tell lockdep what the source does not say:
// which role a lock plays, that one lock of a role goes before another, what a
// function expects of its callers, and where locks of the program's own making
// are taken.
//
// # Terms
//
// The words are those of lockdep: a class is all locks that play one role, a
// subclass a level of nesting within it, a [Map] the validator's part of a lock.
// lockdep names classes by the declared fields and variables of the program, so
// none of this is needed before it is useful.
//
// # Guarantee
//
// In a program that is not built by lockdep every call compiles to nothing, or
// to its argument ([Nested]), and a [Map] takes no space: the compiler knows
// that the package is off. The package requires no other module.
//
// In a program that is built by lockdep, a word that this package has and that
// lockdep does not know yet does nothing. The module has its own version.
//
// # Limits
//
// [sync.Mutex], [sync.RWMutex] and [Map] can be annotated, not a lock that is
// known by its interface only. What a function asserts is checked where it
// runs; an assertion that fails is reported once for each place. Assertions
// about a goroutine that lockdep does not follow, since a table was full, hold.
//
// # Use
//
//	type Account struct {
//		mu      sync.Mutex
//		balance int // guarded by mu
//	}
//
//	func (a *Account) add(n int) {
//		annotate.AssertHeld(&a.mu)
//		a.balance += n
//	}
//
// Package [github.com/golockdep/lockdep/annotate/debug] serves what lockdep
// knows of the running program over HTTP.
//
// A failed assertion is a finding at level proved: it is printed with the locks
// held and the stack, it fails the test in which it arises, and in another
// program it makes the exit status 66, if GOLOCKDEP does not say otherwise.
package annotate
