package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"weak"
)

type resource struct {
	mu   sync.Mutex
	name string
	pad  [100]byte
}

// finalizers counts the ends of objects, each told by a finalizer or a cleanup
// that takes locks.
func finalizers(r *rand.Rand) int {
	var mu sync.Mutex
	ended := 0
	gone := func() {
		mu.Lock()
		ended++
		mu.Unlock()
	}
	const n = 30000
	var cache sync.Map // of weak pointers
	for i := range n {
		x := &resource{name: "x"}
		x.mu.Lock()
		x.pad[i%100] = byte(r.Uint32())
		x.mu.Unlock()
		switch i % 3 {
		case 0:
			runtime.SetFinalizer(x, func(x *resource) { x.mu.Lock(); gone(); x.mu.Unlock() })
		case 1:
			runtime.AddCleanup(x, func(int) { gone() }, i)
		case 2:
			cache.Store(i, weak.Make(x))
			runtime.AddCleanup(x, func(k int) { cache.Delete(k); gone() }, i)
		}
		runtime.KeepAlive(x)
	}
	for range 2000 {
		runtime.GC()
		cache.Range(func(k, v any) bool {
			if p := v.(weak.Pointer[resource]).Value(); p != nil {
				p.mu.Lock()
				p.mu.Unlock()
			}
			return true
		})
		mu.Lock()
		done := ended >= n-100 // what is on a stack may stay
		mu.Unlock()
		if done {
			fmt.Println("ended")
			return 0
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("ended", ended, "of", n)
	return 1
}

// contexts makes trees of contexts by the hundred thousand.
func contexts(r *rand.Rand) int {
	type key int
	ended := 0
	var after atomic.Int64
	for range 400 {
		root, cancel := context.WithCancel(context.Background())
		all := []context.Context{root}
		for i := range 250 {
			parent := all[r.IntN(len(all))]
			switch i % 5 {
			case 0:
				c, stop := context.WithTimeout(parent, time.Hour)
				if i%50 == 0 {
					stop()
				}
				defer stop()
				all = append(all, c)
			case 1:
				all = append(all, context.WithValue(parent, key(i), i))
			case 2:
				c, stop := context.WithCancelCause(parent)
				defer stop(nil)
				all = append(all, c)
			case 3:
				c, stop := context.WithCancel(parent)
				context.AfterFunc(c, func() { after.Add(1) })
				if r.IntN(10) == 0 {
					stop()
				}
				defer stop()
				all = append(all, c)
			case 4:
				all = append(all, context.WithoutCancel(parent))
			}
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { <-root.Done() })
		}
		cancel()
		wg.Wait()
		for _, c := range all {
			if c.Err() != nil && errors.Is(context.Cause(c), context.Canceled) {
				ended++
			}
		}
	}
	fmt.Println("ended", ended)
	return 0
}

// panics recovers from panics under locks that deferred calls release.
func panics(r *rand.Rand) int {
	var outer, inner sync.Mutex
	var rw sync.RWMutex
	var once sync.Once
	caught := map[string]int{}
	var mu sync.Mutex
	work := func(n int) {
		defer func() {
			if e := recover(); e != nil {
				mu.Lock()
				caught[fmt.Sprint(e)]++
				mu.Unlock()
			}
		}()
		outer.Lock()
		defer outer.Unlock()
		rw.RLock()
		defer rw.RUnlock()
		func() {
			inner.Lock()
			defer inner.Unlock()
			switch n {
			case 0:
				panic("zero")
			case 1:
				var m map[int]int
				m[1] = 1
			case 2:
				_ = []int{}[n]
			case 3:
				defer func() { panic("second") }()
				panic("first")
			case 4:
				once.Do(func() { panic("once") })
			}
		}()
	}
	var wg sync.WaitGroup
	for range 8 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 6))
			for range 20000 {
				work(r.IntN(6))
			}
		})
	}
	wg.Wait()
	fmt.Println(caught)
	return 3
}

// goexits ends goroutines in the middle, with deferred calls that unlock.
func goexits(r *rand.Rand) int {
	var mu sync.Mutex
	n := 0
	var wg sync.WaitGroup
	for range 30000 {
		deep := r.IntN(5)
		wg.Add(1)
		go func() {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			n++
			var down func(d int)
			down = func(d int) {
				var own sync.Mutex
				own.Lock()
				defer own.Unlock()
				if d == 0 {
					runtime.Goexit()
				}
				down(d - 1)
			}
			down(deep)
		}()
	}
	wg.Wait()
	fmt.Println("ended", n)
	return 0
}

// threads locks goroutines to threads, some of which die with them.
func threads(r *rand.Rand) int {
	var mu sync.Mutex
	sum := 0
	var wg sync.WaitGroup
	for i := range 300 {
		n := r.IntN(1000)
		wg.Go(func() {
			runtime.LockOSThread()
			if i%3 != 0 {
				defer runtime.UnlockOSThread()
			}
			for range 50 {
				mu.Lock()
				sum += n
				mu.Unlock()
				runtime.Gosched()
			}
		})
		if i%50 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	fmt.Println("sum", sum)
	return 0
}

// pulls runs iterators as coroutines, which take locks on both sides.
func pulls(r *rand.Rand) int {
	var mu sync.Mutex
	sum := 0
	numbers := func(n int) iter.Seq[int] {
		return func(yield func(int) bool) {
			var own sync.Mutex
			for i := range n {
				own.Lock()
				mu.Lock()
				sum++
				mu.Unlock()
				own.Unlock()
				if !yield(i) {
					return
				}
			}
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 7))
			for range 1000 {
				next, stop := iter.Pull(numbers(100))
				for range r.IntN(40) {
					mu.Lock()
					sum++
					mu.Unlock()
					next()
				}
				stop()
			}
		})
	}
	wg.Wait()
	fmt.Println("sum", sum)
	return 0
}

// dies panics for good, with locks held.
func dies(r *rand.Rand) int {
	var a, b sync.Mutex
	a.Lock()
	done := make(chan bool)
	go func() {
		b.Lock()
		close(done)
		time.Sleep(time.Hour)
	}()
	<-done
	fmt.Println("dying", r.IntN(100))
	panic("the end")
}

// killed ends by a signal.
func killed(r *rand.Rand) int {
	var mu sync.Mutex
	mu.Lock()
	fmt.Println("killed", r.IntN(100))
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	time.Sleep(time.Hour)
	return 0
}
