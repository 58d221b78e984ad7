package ledger

import (
	"fmt"
	"sync"
)

// An account holds money. Whoever locks two of them locks the lower number first.
type account struct {
	number int

	mu    sync.Mutex
	cents int64
}

// lockPair locks two different accounts in the order of their numbers.
func lockPair(a, b *account) (unlock func()) {
	if a.number > b.number {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() {
		b.mu.Unlock()
		a.mu.Unlock()
	}
}

// A directory finds accounts. It is read far more often than it is written; an
// account is never locked while the directory is.
type directory struct {
	mu       sync.RWMutex
	accounts map[int]*account
}

func (d *directory) open(number int, cents int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts[number] != nil {
		return fmt.Errorf("account %d exists", number)
	}
	d.accounts[number] = &account{number: number, cents: cents}
	return nil
}

func (d *directory) find(number int) (*account, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a := d.accounts[number]
	if a == nil {
		return nil, fmt.Errorf("no account %d", number)
	}
	return a, nil
}

// all returns every account, in no order.
func (d *directory) all() []*account {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := make([]*account, 0, len(d.accounts))
	for _, a := range d.accounts {
		list = append(list, a)
	}
	return list
}
