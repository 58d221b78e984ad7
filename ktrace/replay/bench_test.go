package replay

import (
	"path/filepath"
	"testing"

	"github.com/golockdep/lockdep/ktrace"
)

// BenchmarkReplay learns from events that are in memory: what the replay adds
// to reading a trace. Judging is not in it.
func BenchmarkReplay(b *testing.B) {
	in, err := ktrace.Open(filepath.Join(oracle(b), "runs", "lx_bootwork2", "trace.txt.zst"))
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	var events []ktrace.Event
	for ev, err := range in.Events() {
		if err != nil {
			b.Fatal(err)
		}
		events = append(events, *ev)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r := New(Options{})
		r.begin("events")
		for i := range events {
			r.event(&events[i])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}
