// Package ledger moves money between accounts and keeps a journal of it.
package ledger

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"example.org/bank/audit"
)

// Errors of Transfer.
var (
	ErrFunds = errors.New("not enough money")
	ErrRate  = errors.New("too many transfers")
)

// A Ledger is the bank's book. Its methods may be called by any goroutine.
type Ledger struct {
	directory directory
	journal   journal
	fees      fees
	log       *audit.Log
	limiter   *audit.Limiter
}

// A journal counts what was posted. It is locked after accounts, never before.
type journal struct {
	mu    sync.Mutex
	n     int
	cents int64
}

// fees are read when the first transfer needs them.
type fees struct {
	once sync.Once
	load func() int64
	flat int64 // cents a transfer
}

func (f *fees) transfer() int64 {
	f.once.Do(func() { f.flat = f.load() })
	return f.flat
}

// New returns an empty ledger. loadFee gives the fee of a transfer in cents; it is
// called once.
func New(log *audit.Log, limiter *audit.Limiter, loadFee func() int64) *Ledger {
	l := &Ledger{log: log, limiter: limiter}
	l.directory.accounts = map[int]*account{}
	l.fees.load = loadFee
	return l
}

// Open opens an account that holds so many cents.
func (l *Ledger) Open(number int, cents int64) error {
	return l.directory.open(number, cents)
}

// Balance returns the cents in an account.
func (l *Ledger) Balance(number int) (int64, error) {
	a, err := l.directory.find(number)
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cents, nil
}

// Total returns the cents in all accounts. It locks one account at a time, so it is
// exact only while nothing moves.
func (l *Ledger) Total() (sum int64) {
	for _, a := range l.directory.all() {
		a.mu.Lock()
		sum += a.cents
		a.mu.Unlock()
	}
	return sum
}

// Transfer moves cents from one account to another, less the fee.
func (l *Ledger) Transfer(from, to int, cents int64) error {
	if from == to {
		return fmt.Errorf("transfer from account %d to itself", from)
	}
	if !l.limiter.Allow(from, time.Now()) {
		return ErrRate
	}
	payer, err := l.directory.find(from)
	if err != nil {
		return err
	}
	payee, err := l.directory.find(to)
	if err != nil {
		return err
	}
	fee := l.fees.transfer()

	defer lockPair(payer, payee)()
	if payer.cents < cents {
		return ErrFunds
	}
	payer.cents -= cents
	payee.cents += cents - fee
	l.post(from, to, cents)
	return nil
}

// Posted implements audit.Source.
func (l *Ledger) Posted() (n int, cents int64) {
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	return l.journal.n, l.journal.cents
}

// post numbers a transfer and hands it to the log; the journal stays locked, so that
// the log has the entries in the order of their numbers.
func (l *Ledger) post(from, to int, cents int64) {
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	l.journal.n++
	l.journal.cents += cents
	l.log.Append(audit.Entry{Seq: l.journal.n, From: from, To: to, Cents: cents})
}
