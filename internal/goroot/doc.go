// Package goroot builds and keeps an instrumented private copy of a GOROOT.
//
// # Terms
//
//   - original: the GOROOT of the toolchain that the user's module selects.
//   - copy: the private GOROOT made from it; its sync, runtime and testing
//     packages call the validator, which is laid in as internal/lockdep.
//   - layer: a file of ours that is added to the copy.
//   - anchor: the place in a file of the original, found in its syntax tree,
//     where an edit goes.
//   - key: a hash of the original's identity and of everything in this package
//     that shapes the copy. It is part of the copy's directory name, so a copy
//     is never changed once it is there.
//
// # Guarantee
//
// The original is never written to. Files that are not edited are hard links
// where the file system allows it, edited files are always new files. A copy
// appears under its final name by one rename, complete or not at all; builders
// in other processes wait for each other. An edit is applied to the user's own
// file at an anchor that matches exactly once, otherwise [Ensure] returns an
// [AnchorError] before anything is written. Edits keep every line of the
// original on its line number.
//
// # Limits
//
// Go 1.24 to 1.27; anything else is a [VersionError]. A [sync.Mutex] keeps its
// size: the validator has the upper bits of its semaphore. Comparing two structs
// with ==, or asking reflect's IsZero, sees them in a lock that was used;
// [reflect.DeepEqual] and package fmt do not.
// A [sync.Once.Do] that has run is a call and no longer inlined.
// The runtime's g has two words more; the test of its size knows.
//
// # Use
//
//	root, err := goroot.Ensure(ctx, goroot.Options{Dir: "."})
//	cmd := exec.Command(root.GoCmd, "test", "./...")
//	cmd.Env = root.Env()
package goroot
