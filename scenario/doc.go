// Package scenario runs lock scenarios: small texts in which tasks and interrupts take and release locks and use the
// kernel's subsystems. Each word is lowered to the annotations that Linux makes in its place, engine/kernel judges
// them, and findings come out as the kernel prints them.
//
// # Terms
//
//   - scenario: declarations, then what happens, in order. A file holds one or many.
//   - word: what stands at the start of a statement. The table of words is in words.go.
//   - lowering: the annotations (acquire, release, irqs on and off) that a word stands for.
//   - touch: acquire and release at once, which says "this place may wait for whoever holds that".
//   - explore: tasks whose interleavings are all run, so that a predicted deadlock is met or refuted.
//   - golden: the expected output, below a line of four dashes.
//
// # Guarantee
//
// Bad input is an error with file, line and column, and what was expected. Misuse of locks is a finding. No input makes
// the package panic or run without end.
//
// # Limits
//
// Outside of explore, statements run one after the other, so a scenario is one interleaving; the validator needs no
// other. Frames are functions of the scenario: their offset and size are in lines.
package scenario
