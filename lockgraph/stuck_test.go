package lockgraph

import (
	"bytes"
	"testing"

	"github.com/golockdep/lockdep/engine"
)

// What a stuck goroutine waits for is in the file, and in a file made of it.
func TestStuckMode(t *testing.T) {
	b := []byte(engine.Magic)
	v := engine.New(engine.SmallLimits(), engine.Host{Journal: func(rec []byte) { b = append(b, rec...) }})
	v.Stuck(nil, engine.StuckGoroutine{Goroutine: 7, Wait: engine.WaitSelect})
	for range 2 {
		f, err := Read("f", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		g := Union(f)
		found := g.Findings(g.Judge(), engine.Possible)
		if len(found) != 1 || found[0].Kind != engine.KindStuck || found[0].Sides[0].Wants.Mode != "select" {
			t.Fatalf("got %+v", found)
		}
		b = g.Encode()
	}
}
