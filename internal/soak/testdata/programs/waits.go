package main

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

type queue struct {
	mu       sync.Mutex
	notEmpty *sync.Cond
	notFull  *sync.Cond
	items    []int
	closed   bool
}

func conds(r *rand.Rand) int {
	q := new(queue)
	q.notEmpty, q.notFull = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	var producers, consumers sync.WaitGroup
	var sum atomic.Int64
	for range 8 {
		seed := r.Uint64()
		producers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 8))
			for range 8000 {
				q.mu.Lock()
				for len(q.items) == 16 {
					q.notFull.Wait()
				}
				q.items = append(q.items, r.IntN(1000))
				q.notEmpty.Signal()
				q.mu.Unlock()
			}
		})
		consumers.Go(func() {
			for {
				q.mu.Lock()
				for len(q.items) == 0 && !q.closed {
					q.notEmpty.Wait()
				}
				if len(q.items) == 0 {
					q.mu.Unlock()
					return
				}
				sum.Add(int64(q.items[0]))
				q.items = q.items[1:]
				q.notFull.Broadcast()
				q.mu.Unlock()
			}
		})
	}
	producers.Wait()
	q.mu.Lock()
	q.closed = true
	q.notEmpty.Broadcast()
	q.mu.Unlock()
	consumers.Wait()
	fmt.Println("sum", sum.Load())
	return 0
}

func onces(r *rand.Rand) int {
	var m sync.Map
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 9))
			for range 10000 {
				k := r.IntN(2000)
				f, _ := m.LoadOrStore(k, sync.OnceValue(func() int { made.Add(1); return k * k }))
				if f.(func() int)() != k*k {
					panic("a wrong value")
				}
			}
		})
	}
	wg.Wait()
	var bad sync.Once
	twice := sync.OnceFunc(func() { panic("always") })
	caught := 0
	for range 100 {
		for _, f := range []func(){twice, func() { bad.Do(func() { panic("once") }) }} {
			func() {
				defer func() {
					if recover() != nil {
						caught++
					}
				}()
				f()
			}()
		}
	}
	n := 0
	m.Range(func(any, any) bool { n++; return true })
	fmt.Println("made", made.Load() == int64(n), "caught", caught)
	return 0
}

// channels passes numbers through stages, each with its lock.
func channels(r *rand.Rand) int {
	type stage struct {
		mu   sync.Mutex
		seen int
	}
	const n = 30000
	in := make(chan int)
	c := in
	var stages []*stage
	for i := range 8 {
		s := new(stage)
		stages = append(stages, s)
		from, to := c, make(chan int, i%3*10)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for v := range from {
					s.mu.Lock()
					s.seen++
					s.mu.Unlock()
					to <- v + 1
				}
			})
		}
		go func() { wg.Wait(); close(to) }()
		c = to
	}
	go func() {
		for range n {
			in <- r.IntN(100)
		}
		close(in)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	for _, s := range stages {
		s.mu.Lock()
		sum += s.seen
		s.mu.Unlock()
	}
	fmt.Println("sum", sum)
	return 0
}

// selects has one big loop over hundreds of channels, as a dispatcher has.
func selects(r *rand.Rand) int {
	var mu sync.Mutex
	sent, got := 0, 0
	const width = 100
	cases := make([]reflect.SelectCase, width)
	var wg sync.WaitGroup
	for i := range cases {
		c := make(chan int, i%4)
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)}
		n := 50 + r.IntN(100)
		wg.Go(func() {
			for j := range n {
				mu.Lock()
				sent += j
				mu.Unlock()
				c <- j
			}
			close(c)
		})
	}
	open := width
	for open > 0 {
		i, v, ok := reflect.Select(cases)
		if !ok {
			cases[i].Chan = reflect.Value{}
			open--
			continue
		}
		mu.Lock()
		got += int(v.Int())
		mu.Unlock()
	}
	wg.Wait()
	// The same with a select statement, a timer and a default.
	a, b, quit := make(chan int), make(chan int, 10), make(chan bool)
	go func() {
		for i := range 20000 {
			select {
			case a <- i:
			case b <- i:
			}
		}
		close(quit)
	}()
	n := 0
	for run := true; run; {
		select {
		case <-a:
			n++
		case <-b:
			n++
		case <-time.After(time.Minute):
			return 1
		case <-quit:
			for {
				select {
				case <-b:
					n++
					continue
				default:
				}
				break
			}
			run = false
		}
	}
	fmt.Println("sent", sent, "got", got, "selected", n)
	return 0
}

func timers(r *rand.Rand) int {
	var mu sync.Mutex
	fired := 0
	var wg sync.WaitGroup
	for range 20000 {
		wg.Add(1)
		time.AfterFunc(time.Duration(r.IntN(300))*time.Millisecond, func() {
			defer wg.Done()
			mu.Lock()
			fired++
			mu.Unlock()
		})
	}
	stopped := 0
	for range 5000 {
		t := time.AfterFunc(time.Hour, func() {})
		mu.Lock()
		t.Reset(2 * time.Hour)
		mu.Unlock()
		if t.Stop() {
			stopped++
		}
	}
	tick := time.NewTicker(time.Millisecond)
	for range 100 {
		<-tick.C
		mu.Lock()
		tick.Reset(time.Duration(1+r.IntN(2)) * time.Millisecond)
		mu.Unlock()
	}
	tick.Stop()
	wg.Wait()
	fmt.Println("fired", fired, "stopped", stopped)
	return 0
}
