// Locks are released by other goroutines than those that took them, in every way
// that Go has, and more than ten thousand times. Afterwards nobody holds one. A
// stale one would make the inverse of the order in setup: silence.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

type node struct{ lk sync.Mutex }

type table struct{ lk sync.RWMutex }

type other struct{ mu sync.Mutex }

const times = 10100

var (
	y = new(other)
	x = new(other)
)

// nothingHeld is called where the goroutine holds no lock.
func nothingHeld() {
	x.mu.Lock()
	x.mu.Unlock()
}

// elsewhere calls f on another goroutine.
func elsewhere(f func()) {
	done := make(chan bool)
	go func() { f(); close(done) }()
	<-done
}

func setup() {
	n, t := new(node), new(table)
	y.mu.Lock()
	n.lk.Lock()
	n.lk.Unlock()
	t.lk.RLock()
	t.lk.RUnlock()
	t.lk.Lock()
	t.lk.Unlock()
	y.mu.Unlock()
}

func one(n *node) {
	n.lk.Lock()
	elsewhere(n.lk.Unlock)
}

func many() {
	for range times {
		one(new(node))
	}
}

func oldest() {
	first := new(node)
	elsewhere(func() { first.lk.Lock() })
	many()
	first.lk.Unlock()
}

func readers() {
	t := new(table)
	for range times {
		t.lk.RLock()
		elsewhere(t.lk.RUnlock)
	}
	var wg sync.WaitGroup
	tokens := make(chan bool, 100)
	for range 10 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for range times / 10 {
				t.lk.RLock()
				tokens <- true
			}
		}()
		go func() {
			defer wg.Done()
			for range times / 10 {
				<-tokens
				t.lk.RUnlock()
			}
		}()
	}
	wg.Wait()
	t.lk.Lock()
	t.lk.Unlock()
}

func tried() {
	n, t := new(node), new(table)
	fmt.Println(n.lk.TryLock(), t.lk.TryRLock())
	elsewhere(n.lk.Unlock)
	elsewhere(t.lk.RUnlock)
	fmt.Println(t.lk.TryLock())
	elsewhere(t.lk.Unlock)
}

func again() {
	n := new(node)
	n.lk.Lock()
	go func() { time.Sleep(time.Millisecond); n.lk.Unlock() }()
	n.lk.Lock() // its own; another goroutine lets go of it
	n.lk.Unlock()
}

// For whom it releases the lock, a goroutine need not know.
func forAnother() {
	n := new(node)
	n.lk.Lock()
	elsewhere(n.lk.Unlock)
	got, let := make(chan bool), make(chan bool)
	go func() {
		n.lk.Lock()
		got <- true
		<-let
		nothingHeld()
		let <- true
	}()
	<-got
	n.lk.Unlock()
	let <- true
	<-let
}

func byTimer() {
	n := new(node)
	done := make(chan bool)
	n.lk.Lock()
	time.AfterFunc(time.Millisecond, func() { n.lk.Unlock(); close(done) })
	<-done
}

func byFinalizer() {
	n := new(node)
	done := make(chan bool)
	n.lk.Lock()
	func() {
		p := new([64]byte)
		runtime.SetFinalizer(p, func(*[64]byte) { n.lk.Unlock(); close(done) })
	}()
	for {
		runtime.GC()
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// The goroutine that took the lock has ended when it is released.
func ended() {
	n := new(node)
	elsewhere(n.lk.Lock)
	n.lk.Unlock()
	n.lk.Lock()
	n.lk.Unlock()
}

func asCond() {
	n := new(node)
	ready := false
	c := sync.NewCond(&n.lk)
	n.lk.Lock()
	go func() { // its lock was taken for it
		for !ready {
			c.Wait()
		}
		n.lk.Unlock()
	}()
	for {
		n.lk.Lock()
		ready = true
		c.Signal()
		n.lk.Unlock()
		break
	}
}

func main() {
	setup()
	for _, f := range []func(){oldest, readers, tried, again, forAnother, byTimer, byFinalizer, ended, asCond} {
		f()
		nothingHeld()
		elsewhere(nothingHeld)
	}
	fmt.Println("done")
}
