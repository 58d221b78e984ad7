// Package lockgraph reads the graph files of instrumented processes and judges
// them together.
//
// # Terms
//
// A graph file holds the observations of one process, in the order in which
// they were learned (docs/format/graph.md). A graph is the union of any number
// of them: union is commutative and idempotent, because a class is known by
// its name, and an observation by what it says.
//
// # Guarantee
//
// [Graph.Judge] gives the same verdict whatever the order of the files and
// however often one is given. It uses the engine that runs in live programs.
//
// # Limits
//
// A file that ends in the middle of a record is normal: its process was
// killed. What stands before the fault is used, and the fault is returned.
// A file of a newer format is refused with a [*VersionError].
package lockgraph
