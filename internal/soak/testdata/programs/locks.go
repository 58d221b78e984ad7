package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// A buffer is kept in pools.
type buffer struct {
	mu   sync.Mutex
	data []byte
}

// pools uses many pools from many goroutines, while locks are handed over and
// the collector empties the pools.
func pools(r *rand.Rand) int {
	var all [200]sync.Pool
	for i := range all {
		all[i].New = func() any { return &buffer{data: make([]byte, 0, 64)} }
	}
	var sum atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 2))
			for i := range 10000 {
				p := &all[r.IntN(len(all))]
				b := p.Get().(*buffer)
				b.mu.Lock()
				b.data = append(b.data[:0], byte(r.Uint32()))
				sum.Add(int64(b.data[0]))
				if i%16 == 0 {
					done := make(chan bool)
					go func() { b.mu.Unlock(); close(done) }()
					<-done
				} else {
					b.mu.Unlock()
				}
				p.Put(b)
			}
		})
	}
	stop := make(chan bool)
	collected := make(chan bool)
	go func() {
		defer close(collected)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-collected
	fmt.Println("sum", sum.Load())
	return 0
}

// A ticket is locked by one goroutine and unlocked by the next.
type ticket struct {
	mu sync.Mutex
	n  int
}

func handover(r *rand.Rand) int {
	tickets := make([]ticket, 50)
	next := make(chan *ticket)
	back := make(chan int, 100)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for t := range next {
				t.n++
				n := t.n
				t.mu.Unlock()
				back <- n
			}
		})
	}
	go func() {
		for range 60000 {
			t := &tickets[r.IntN(len(tickets))]
			t.mu.Lock()
			next <- t
		}
		close(next)
		wg.Wait()
		close(back)
	}()
	count := 0
	for range back {
		count++
	}
	// A semaphore of readers: taken here, given back there.
	var limit sync.RWMutex
	for range 2000 {
		limit.RLock()
		wg.Go(limit.RUnlock)
	}
	limit.Lock()
	limit.Unlock()
	wg.Wait()
	for i := range tickets {
		tickets[i].mu.Lock()
		count += tickets[i].n
		tickets[i].mu.Unlock()
	}
	fmt.Println("handed over", count)
	return 0
}

// goroutines starts a million goroutines that live shortly, each with locks of
// its own and one of all.
func goroutines(r *rand.Rand) int {
	var mu sync.Mutex
	total := 0
	for range 1000 {
		var wg sync.WaitGroup
		n := r.IntN(100)
		for range 1000 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				var own, second sync.Mutex
				own.Lock()
				second.Lock()
				mu.Lock()
				total += n
				mu.Unlock()
				second.Unlock()
				own.Unlock()
			}()
		}
		wg.Wait()
	}
	fmt.Println("total", total)
	return 0
}

type table struct {
	sync.RWMutex
	m map[int]int
}

func (t *table) get(k int) int {
	t.RLock()
	defer t.RUnlock()
	return t.m[k]
}

// readers reads a table from many goroutines; few write.
func readers(r *rand.Rand) int {
	t := &table{m: map[int]int{}}
	var index table
	index.m = map[int]int{}
	var wg sync.WaitGroup
	var tried atomic.Int64
	for g := range 32 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 3))
			for i := range 15000 {
				switch k := r.IntN(1000); {
				case i%100 == 0:
					t.Lock()
					t.m[k] = k
					index.Lock()
					index.m[k] = g
					index.Unlock()
					t.Unlock()
				case i%101 == 0:
					if t.TryRLock() {
						tried.Add(1)
						t.RUnlock()
					}
				case i%103 == 0:
					l := t.RLocker()
					l.Lock()
					_ = index.get(k)
					l.Unlock()
				case i%107 == 0:
					if index.TryLock() {
						index.Unlock()
					}
				default:
					if v := t.get(k); v != 0 && v != k {
						panic("a wrong value")
					}
				}
			}
		})
	}
	wg.Wait()
	if tried.Load() == 0 {
		return 1
	}
	fmt.Println("read")
	return 0
}

// trees locks hand over hand from the root down, and whole levels in order.
func trees(r *rand.Rand) int {
	type node struct {
		mu   sync.Mutex
		n    int
		kids []*node
	}
	var grow func(depth int) *node
	grow = func(depth int) *node {
		x := new(node)
		if depth > 0 {
			for range 4 {
				x.kids = append(x.kids, grow(depth-1))
			}
		}
		return x
	}
	root := grow(5)
	var wg sync.WaitGroup
	for range 8 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 4))
			for range 8000 {
				x := root
				x.mu.Lock()
				for len(x.kids) > 0 {
					k := x.kids[r.IntN(len(x.kids))]
					k.mu.Lock()
					x.mu.Unlock()
					x = k
				}
				x.n++
				x.mu.Unlock()
			}
		})
	}
	wg.Wait()
	sum := 0
	var walk func(x *node)
	walk = func(x *node) {
		x.mu.Lock()
		defer x.mu.Unlock()
		sum += x.n
		for _, k := range x.kids {
			walk(k)
		}
	}
	walk(root)
	fmt.Println("leaves", sum)
	return 0
}

// keyed has a lock for each key, and takes several of them in order.
func keyed(r *rand.Rand) int {
	type entry struct {
		mu sync.Mutex
		n  int
	}
	var mu sync.Mutex
	entries := map[int]*entry{}
	get := func(k int) *entry {
		mu.Lock()
		defer mu.Unlock()
		e := entries[k]
		if e == nil {
			e = new(entry)
			entries[k] = e
		}
		return e
	}
	var shards [64]struct {
		sync.Mutex
		n int
	}
	var wg sync.WaitGroup
	for range 8 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 5))
			for i := range 8000 {
				keys := []int{r.IntN(5000), 5000 + r.IntN(5000), 10000 + r.IntN(5000)}
				sort.Ints(keys)
				var es []*entry
				for _, k := range keys {
					e := get(k)
					e.mu.Lock()
					es = append(es, e)
				}
				for _, e := range es {
					e.n++
					e.mu.Unlock()
				}
				if i%500 == 0 {
					for j := range shards {
						shards[j].Lock()
					}
					for j := range shards {
						shards[j].n++
						shards[j].Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, e := range entries {
		sum += e.n
	}
	fmt.Println("entries", sum, shards[0].n)
	return 0
}

// resets overwrites structs with locks in them, unlocked, and uses them again.
func resets(r *rand.Rand) int {
	type item struct {
		mu   sync.Mutex
		once sync.Once
		rw   sync.RWMutex
		n    int
	}
	items := make([]item, 100)
	sum := 0
	for range 1000000 {
		x := &items[r.IntN(len(items))]
		x.once.Do(func() { x.n = 1 })
		x.mu.Lock()
		x.rw.RLock()
		sum += x.n
		x.rw.RUnlock()
		x.mu.Unlock()
		if r.IntN(3) == 0 {
			*x = item{}
		}
		if r.IntN(100) == 0 {
			items = append(items[1:], item{})
		}
	}
	fmt.Println("sum", sum)
	return 0
}
