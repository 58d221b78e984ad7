//go:build race

package engine

// raceDetector: its own tests run under the race detector, which wants atomic operations.
const raceDetector = true
