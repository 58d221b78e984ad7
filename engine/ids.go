package engine

// Index types. Zero means none in every one of them.
type (
	// ClassID is an index into a validator's table of lock classes.
	ClassID uint16
	// SiteID is an index into the table of call sites.
	SiteID uint32
	// StackID is an index into the table of stack traces.
	StackID uint32
	// TestID is an index into the table of test names.
	TestID uint32
	// EdgeID is an index into the table of dependencies.
	EdgeID uint32
	// SampleID is an index into the table of samples.
	SampleID uint32
	// ObsID is an index into the table of observations.
	ObsID uint32
	// FindingID is an index into the table of findings.
	FindingID uint32
)

// Mode says how a lock is taken or held.
type Mode uint8

const (
	// Write is an exclusive acquisition: Mutex.Lock, RWMutex.Lock, Once.Do.
	Write Mode = iota
	// Read is a shared acquisition that queues behind a waiting writer:
	// RWMutex.RLock (sync/rwmutex.go); the kernel's read == 1.
	Read
)

// Level says how sure a finding is.
type Level uint8

const (
	// Suppressed is no finding: the cycle is in the graph, the reason beside it.
	Suppressed Level = iota
	// Possible: the cycle closes on classes only, or one goroutine made both orders.
	Possible
	// Likely: the cycle closes on the same lock instances, without a common
	// gate lock, and at least two goroutines made it.
	Likely
	// Proved: it happened.
	Proved
)

// String returns the level's word: "possible", "likely", "proved".
func (l Level) String() string {
	switch l {
	case Possible:
		return "possible"
	case Likely:
		return "likely"
	case Proved:
		return "proved"
	}
	return "suppressed"
}

// Kind says what was found.
type Kind uint8

const (
	// KindCircular is a cycle of two or more classes.
	KindCircular Kind = iota + 1
	// KindRecursive is a lock taken again by the goroutine that holds it.
	KindRecursive
	// KindRecursiveRead is a reader taken again by the goroutine that reads,
	// where a writer exists that can queue between the two.
	KindRecursiveRead
	// KindSameClass is a contradiction in the order of instances of one class.
	KindSameClass
	// KindExitHeld is a goroutine that ended with a lock that others want.
	KindExitHeld
	// KindAssertHeld is a lock that the program says it holds, and does not.
	KindAssertHeld
	// KindAssertNotHeld is a lock that the program says it does not hold, and does.
	KindAssertNotHeld
	// KindStuck is a goroutine that can never go on.
	KindStuck
	// KindEvent is a wait for an event with a lock held that those who end such
	// waits take before.
	KindEvent

	lastKind = KindEvent
)

// String returns the kind's word, as in findings files and "lockdep explain".
func (k Kind) String() string {
	switch k {
	case KindCircular:
		return "circular"
	case KindRecursive:
		return "recursive"
	case KindRecursiveRead:
		return "recursive-read"
	case KindSameClass:
		return "same-class"
	case KindExitHeld:
		return "exit-held"
	case KindAssertHeld:
		return "assert-held"
	case KindAssertNotHeld:
		return "assert-not-held"
	case KindStuck:
		return "stuck"
	case KindEvent:
		return "wait"
	}
	return "unknown"
}

// Why is a set of reasons for a level not being higher.
type Why uint32

const (
	// WhyInstances: the two orders were seen on other instances of the classes.
	WhyInstances Why = 1 << iota
	// WhyOneGoroutine: one goroutine made all the orders.
	WhyOneGoroutine
	// WhyInit: one side ran during package initialisation.
	WhyInit
	// WhyProcesses: the sides were seen in different processes.
	WhyProcesses
	// WhyGate: all sides hold a common lock.
	WhyGate
	// WhyNoWriter: only readers, and no writer was observed that could meet them.
	WhyNoWriter
	// WhyPartial: a table was full, so a gate may be missing from the record.
	WhyPartial
	// WhyHandoff: a lock of the cycle is unlocked by other goroutines than the
	// one that locked it, so that nobody can be said to hold it.
	WhyHandoff
	// WhyNoLock: a goroutine leaks that holds no lock and waits for none.
	WhyNoLock
	// WhyEvent: a side waits for an event; that who ends the wait needs the lock
	// is known from the runs that were seen.
	WhyEvent
	// WhyRefuted: somebody came to end such a wait without the lock.
	WhyRefuted
	// WhySpan: two sides run in goroutines that were made under a lock, which
	// keeps them apart if whoever made them waits for them with the lock held.
	WhySpan
	// WhyUnwanted: a goroutine is stuck with locks that nobody can want any more.
	WhyUnwanted
	// WhyWeak: what a goroutine waits for can be reached by a weak pointer.
	WhyWeak
	// WhyOverwritten: a lock of the cycle was overwritten while it was held, so that
	// who held it in an observation may not have.
	WhyOverwritten
	// WhyPredictable: a schedule of the recorded events ends in it; see package predict.
	WhyPredictable
	// WhyIdentity: the instances are known by numbers that come round.
	WhyIdentity
	// WhyWriterReads: readers meet, and the writer that was seen of their lock is a
	// goroutine of one of the readers, which cannot come between.
	WhyWriterReads
	// WhyWriterLater: readers meet, and the writer that was seen of their lock was made
	// by the reader after it had read.
	WhyWriterLater
	// WhyOtherWriter: readers meet, and writers were seen of other instances only.
	WhyOtherWriter
	// WhyYields: readers meet, and who writes such a lock first makes them let go.
	WhyYields
	// WhyAfter: one side comes only after a wait, with a lock held, that the other
	// side's goroutine ends when it is done.
	WhyAfter
)
