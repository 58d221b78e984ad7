package audit

import (
	"sync"
	"time"
)

// A Limiter lets each customer act so many times in a period.
type Limiter struct {
	burst  int
	period time.Duration

	mu      sync.Mutex
	buckets map[int]*bucket
}

type bucket struct {
	mu     sync.Mutex
	left   int
	refill time.Time
}

// NewLimiter returns a limiter that allows burst actions in each period.
func NewLimiter(burst int, period time.Duration) *Limiter {
	return &Limiter{burst: burst, period: period, buckets: map[int]*bucket{}}
}

// Allow reports whether the customer may act now, and counts the action if so.
func (l *Limiter) Allow(customer int, now time.Time) bool {
	b := l.bucket(customer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(b.refill) {
		b.left, b.refill = l.burst, now.Add(l.period)
	}
	if b.left == 0 {
		return false
	}
	b.left--
	return true
}

// Sweep forgets customers whose period is over and returns how many are left.
func (l *Limiter) Sweep(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for customer, b := range l.buckets {
		b.mu.Lock()
		if !now.Before(b.refill) {
			delete(l.buckets, customer)
		}
		b.mu.Unlock()
	}
	return len(l.buckets)
}

func (l *Limiter) bucket(customer int) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[customer]
	if b == nil {
		b = &bucket{}
		l.buckets[customer] = b
	}
	return b
}
