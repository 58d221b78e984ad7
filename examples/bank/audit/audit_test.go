package audit

import (
	"strings"
	"sync"
	"testing"
	"time"
)

type fixedSource struct {
	n     int
	cents int64
}

func (s fixedSource) Posted() (int, int64) { return s.n, s.cents }

func TestLogWritesInOrder(t *testing.T) {
	var out strings.Builder
	l := NewLog(&out)
	for i := range 3 {
		l.Append(Entry{Seq: i + 1, From: 1, To: 2, Cents: 10})
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := l.Reconcile(fixedSource{n: 3, cents: 30}); err != nil {
		t.Error(err)
	}
	if err := l.Reconcile(fixedSource{n: 4, cents: 40}); err == nil {
		t.Error("a missing entry was not noticed")
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := "1: 1 -> 2: 10\n2: 1 -> 2: 10\n3: 1 -> 2: 10\n"; out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestLimiter(t *testing.T) {
	start := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	l := NewLimiter(5, time.Minute)
	var wg sync.WaitGroup
	allowed := make(chan bool, 100)
	for i := range 100 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			allowed <- l.Allow(i%2, start)
		}()
	}
	wg.Wait()
	close(allowed)
	n := 0
	for ok := range allowed {
		if ok {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d actions of two customers allowed, want 10", n)
	}
	if !l.Allow(1, start.Add(time.Minute)) {
		t.Error("nothing allowed in the next period")
	}
	if left := l.Sweep(start.Add(time.Minute)); left != 1 {
		t.Errorf("%d customers left after the sweep, want 1", left)
	}
}
