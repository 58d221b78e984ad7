// Package report shows findings: as the kernel prints them, as JSON lines,
// SARIF and DOT, and in plain words.
//
// # Terms
//
// The words are those of package engine. Besides:
//
//   - order: one side of a finding, "this class was held while that was taken".
//   - cycle order: the classes of a finding such that each was held while the
//     next was taken, and the last while the first was. It begins with the
//     class that Sides[0] holds.
//   - short name: a class with the name of its package for its import path, as
//     [engine.ShortClass] makes it.
//   - rule of an ignore file, suppression: one of its lines, [Rule].
//
// # Guarantee
//
// There is one model, [Finding]; every form is made from it and the same
// finding gives the same bytes. [ReadJSONL] gives back what [WriteJSONL] was
// given. Every kind has one documentation value, [Doc], which "lockdep
// explain" and the rules of SARIF show.
//
// # Limits
//
// Paths are those that the compiler recorded. [WriteSARIF] can make them
// relative to the root of a checkout only where they are absolute, so not for
// programs built with -trimpath.
//
// # Use
//
// "lockdep test" judges the union of its graph files and hands the findings to
// [Text], [WriteJSONL] and [WriteSARIF], less those that [Ignore.Match] takes;
// "lockdep explain" reads them again and calls [Explain].
package report
