// Package audit keeps the bank's audit log and limits how fast a customer may act.
package audit

import (
	"fmt"
	"io"
	"sync"
)

// An Entry is one line of the log.
type Entry struct {
	Seq      int // position in the journal, from 1
	From, To int // account numbers
	Cents    int64
}

// A Source is what a log is checked against.
type Source interface {
	// Posted returns how many entries were ever posted, and their sum in cents.
	Posted() (n int, cents int64)
}

// A Log collects entries and writes them out in the background, in order.
type Log struct {
	mu      sync.Mutex
	changed sync.Cond // pending, written or closed changed; its lock is mu
	pending []Entry
	written int
	cents   int64 // sum of all entries ever appended
	closed  bool
	err     error // of the first write that failed

	out     io.Writer
	closing sync.Once
	done    chan struct{} // closed when the writing goroutine has ended
}

// NewLog returns a log that writes to out until it is closed.
func NewLog(out io.Writer) *Log {
	l := &Log{out: out, done: make(chan struct{})}
	l.changed.L = &l.mu
	go l.write()
	return l
}

// Append adds an entry; it does not wait for the entry to be written.
func (l *Log) Append(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, e)
	l.cents += e.Cents
	l.changed.Broadcast()
}

// Flush waits until all entries appended before the call are written.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for upTo := l.written + len(l.pending); l.written < upTo && l.err == nil; {
		l.changed.Wait()
	}
	return l.err
}

// Reconcile compares the log with the journal it was fed from.
func (l *Log) Reconcile(s Source) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, cents := s.Posted()
	if have := l.written + len(l.pending); have != n || l.cents != cents {
		return fmt.Errorf("audit log has %d entries of %d cents, the journal %d of %d", have, l.cents, n, cents)
	}
	return nil
}

// Close writes what is pending and ends the log. It may be called more than once.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.changed.Broadcast()
		l.mu.Unlock()
		<-l.done
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// write is the goroutine that writes entries out, with the log unlocked.
func (l *Log) write() {
	defer close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.pending) == 0 && !l.closed {
			l.changed.Wait()
		}
		if len(l.pending) == 0 || l.err != nil {
			return
		}
		e := l.pending[0]
		l.mu.Unlock()
		_, err := fmt.Fprintf(l.out, "%d: %d -> %d: %d\n", e.Seq, e.From, e.To, e.Cents)
		l.mu.Lock()
		l.pending = l.pending[1:]
		l.written++
		l.err = err
		l.changed.Broadcast()
	}
}
