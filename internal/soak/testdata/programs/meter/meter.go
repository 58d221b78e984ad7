// Package meter measures a program from within: how late a ticker's goroutine
// is, the longest pauses of the collector and of the world, and how many
// goroutines are left at the end.
package meter

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/metrics"
	"time"
)

// A Meter runs until Stop.
type Meter struct {
	stop, stopped chan struct{}
	late          time.Duration
}

// Figures are what was measured, times in nanoseconds.
type Figures struct {
	Late       int64 // the most that a goroutine came late that wants to run each millisecond
	Pause      int64 // the longest stop of the world, an upper bound of its bucket
	Goroutines int   // at the end, without the meter's own
}

// Start begins to measure.
func Start() *Meter {
	m := &Meter{stop: make(chan struct{}), stopped: make(chan struct{})}
	go m.tick()
	return m
}

func (m *Meter) tick() {
	defer close(m.stopped)
	const every = time.Millisecond
	for {
		next := time.Now().Add(every)
		select {
		case <-m.stop:
			return
		case <-time.After(every):
		}
		m.late = max(m.late, time.Since(next))
	}
}

// Stop ends the measurement and writes it to the file that SOAK_METER names.
func (m *Meter) Stop() {
	close(m.stop)
	<-m.stopped
	name := os.Getenv("SOAK_METER")
	if name == "" {
		return
	}
	// What has been told to end may need a moment.
	n := runtime.NumGoroutine()
	for end := time.Now().Add(time.Second); n > 1 && time.Now().Before(end); n = runtime.NumGoroutine() {
		time.Sleep(5 * time.Millisecond)
	}
	text, err := json.Marshal(Figures{Late: int64(m.late), Pause: int64(pause()), Goroutines: n})
	if err == nil {
		err = os.WriteFile(name, text, 0o644)
	}
	if err != nil {
		panic(err)
	}
}

func pause() time.Duration {
	s := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/sched/pauses/total/other:seconds"}}
	metrics.Read(s)
	worst := 0.0
	for _, s := range s {
		h := s.Value.Float64Histogram()
		for i, n := range h.Counts {
			if n > 0 {
				worst = max(worst, h.Buckets[min(i+1, len(h.Buckets)-2)])
			}
		}
	}
	return time.Duration(worst * float64(time.Second))
}
