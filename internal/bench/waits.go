package bench

//lint:file-ignore SA2001 empty critical sections are what is measured

import (
	"sync"
	"testing"
)

// Cases of waits for events, each with no lock held and with one.
//
// ns/op of a Chan case is a send with its receive, of a WaitGroup case an Add,
// a Done and a Wait.

// underLock runs op with a lock held, if held.
func underLock(held bool, op func(b *testing.B)) func(*testing.B) {
	return func(b *testing.B) {
		p := new(padded)
		if held {
			p.mu.Lock()
			defer p.mu.Unlock()
		}
		op(b)
	}
}

// chanBuffered is a channel with room, on which nobody waits.
func chanBuffered(b *testing.B) {
	c := make(chan int, 1)
	op := func() {
		c <- 1
		<-c
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}

// chanUnbuffered is a channel to a goroutine that receives and holds nothing.
func chanUnbuffered(b *testing.B) {
	c := make(chan int)
	var done sync.WaitGroup
	done.Go(func() {
		for range c {
		}
	})
	c <- 1
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c <- 1
	}
	b.StopTimer()
	close(c)
	done.Wait()
}

// select2 is a select of two cases, one of which is ready.
func select2(b *testing.B) {
	ready, never := make(chan int, 1), make(chan int)
	op := func() {
		ready <- 1
		select {
		case <-never:
		case <-ready:
		}
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}

// select8 is a select of eight cases, one of which is ready.
func select8(b *testing.B) {
	ready := make(chan int, 1)
	var never [7]chan int
	for i := range never {
		never[i] = make(chan int)
	}
	op := func() {
		ready <- 1
		select {
		case <-never[0]:
		case <-never[1]:
		case <-never[2]:
		case <-never[3]:
		case <-never[4]:
		case <-never[5]:
		case <-never[6]:
		case <-ready:
		}
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}

// select2Waits is a select of two cases that a goroutine waits in, for each send.
func select2Waits(b *testing.B) {
	c, stop := make(chan int), make(chan int)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-c:
			case <-stop:
				return
			}
		}
	})
	c <- 1
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c <- 1
	}
	b.StopTimer()
	close(stop)
	done.Wait()
}

// waitGroup is a WaitGroup that nobody waits long for.
func waitGroup(b *testing.B) {
	wg := new(sync.WaitGroup)
	op := func() {
		wg.Add(1)
		wg.Done()
		wg.Wait()
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}

// waitGroupGo is a WaitGroup that waits for a goroutine which takes a lock.
func waitGroupGo(b *testing.B) {
	p, wg := new(padded), new(sync.WaitGroup)
	op := func() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.mu.Lock()
			p.mu.Unlock()
		}()
		wg.Wait()
	}
	op()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op()
	}
}

// contendedHeld2 is two goroutines and one mutex, each with a lock of its own.
func contendedHeld2(b *testing.B) {
	p := new(padded)
	own := make([]padded, 2)
	SetClass(&p.mu, 1)
	onEach(b, 2, func(g, times int) {
		own[g].mu.Lock()
		for range times {
			p.mu.Lock()
			p.mu.Unlock()
		}
		own[g].mu.Unlock()
	})
}
