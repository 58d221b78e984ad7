//go:build race

package engine

// raceDetector says that the race detector is on. It wants atomic operations also where
// a plain load or store of a word is enough.
const raceDetector = true
