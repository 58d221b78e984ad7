package ledger

import (
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"example.org/bank/audit"
)

const customers = 8

// house is one bank for all tests, as a service is one for all requests.
var house *Ledger

func TestMain(m *testing.M) {
	log := audit.NewLog(io.Discard)
	house = New(log, audit.NewLimiter(1_000_000, time.Hour), func() int64 { return 0 })
	for n := range customers {
		if err := house.Open(n, 1_000_000); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if err := log.Close(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

func TestTransfer(t *testing.T) {
	before, err := house.Balance(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := house.Transfer(0, 1, 30); err != nil {
		t.Fatal(err)
	}
	if after, _ := house.Balance(1); after != before+30 {
		t.Errorf("balance %d, want %d", after, before+30)
	}
}

func TestTransferRefused(t *testing.T) {
	if err := house.Transfer(2, 3, 1_000_000_000); !errors.Is(err, ErrFunds) {
		t.Errorf("too large a transfer: error %v, want %v", err, ErrFunds)
	}
	if err := house.Transfer(2, 2, 1); err == nil {
		t.Error("a transfer to the payer itself was accepted")
	}
	if err := house.Transfer(2, 99, 1); err == nil {
		t.Error("a transfer to nobody was accepted")
	}
	if err := house.Open(2, 0); err == nil {
		t.Error("an account was opened twice")
	}
}

func TestTransfersBothWays(t *testing.T) {
	want := house.Total()
	var wg sync.WaitGroup
	for from := range customers {
		for to := range customers {
			if from == to {
				continue
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 10 {
					if err := house.Transfer(from, to, 1); err != nil && !errors.Is(err, ErrFunds) {
						t.Error(err)
					}
				}
			}()
		}
	}
	wg.Wait()
	if got := house.Total(); got != want {
		t.Errorf("%d cents in all, want %d", got, want)
	}
}

func TestReconcile(t *testing.T) {
	if err := house.log.Reconcile(house); err != nil {
		t.Error(err)
	}
}

func TestFee(t *testing.T) {
	log := audit.NewLog(io.Discard)
	defer log.Close()
	loads := 0
	l := New(log, audit.NewLimiter(2, time.Hour), func() int64 { loads++; return 3 })
	for n := range 2 {
		if err := l.Open(n, 100); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := l.Transfer(0, 1, 10); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Transfer(0, 1, 10); !errors.Is(err, ErrRate) {
		t.Errorf("third transfer: error %v, want %v", err, ErrRate)
	}
	if got, _ := l.Balance(1); got != 114 || loads != 1 {
		t.Errorf("balance %d after %d loads of the fee, want 114 after 1", got, loads)
	}
}
