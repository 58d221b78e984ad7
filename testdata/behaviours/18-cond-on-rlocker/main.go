// A reader of the feed waits, under the read lock, for the first item; if nobody
// else is refreshing it makes itself the refresher, by TryLock. Cond.Wait lets go
// of the read lock and takes it again when woken, and it does so under refresh.
// rotate takes the feed for writing and then refresh. So the two orders are
// feed -> refresh in rotate and refresh -> feed inside Wait: to be reported. No
// other statement takes the feed under refresh, so who does not look into
// Cond.Wait finds nothing.
package main

import (
	"fmt"
	"sync"
)

type feed struct {
	mu      sync.RWMutex
	arrived *sync.Cond
	items   []string
}

type refresher struct {
	mu   sync.Mutex
	runs int
}

func (f *feed) open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrived = sync.NewCond(f.mu.RLocker())
}

func (f *feed) first(r *refresher, waiting chan<- struct{}) string {
	f.arrived.L.Lock()
	defer f.arrived.L.Unlock()
	if r.mu.TryLock() {
		defer r.mu.Unlock()
		r.runs++
	}
	close(waiting)
	for len(f.items) == 0 {
		f.arrived.Wait()
	}
	return f.items[0]
}

// add can take the lock only when the reader sits in Wait.
func (f *feed) add(item string) {
	f.mu.Lock()
	f.items = append(f.items, item)
	f.mu.Unlock()
	f.arrived.Broadcast()
}

func (f *feed) rotate(r *refresher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	f.items = nil
	r.runs = 0
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	f, r := &feed{}, &refresher{}
	run(f.open)
	run(func() {
		waiting, got := make(chan struct{}), make(chan string)
		go func() { got <- f.first(r, waiting) }()
		<-waiting
		f.add("news")
		fmt.Println("first:", <-got)
	})
	run(func() { f.rotate(r) })
	fmt.Println("items:", len(f.items))
}
