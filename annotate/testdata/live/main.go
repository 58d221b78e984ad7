// The program runs the scenarios named by its arguments, each with locks of its
// own. What lockdep prints is in the .txt file of the scenario's name; a
// scenario without a file must stay silent.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/golockdep/lockdep/annotate"
)

type node struct {
	mu sync.Mutex
	rw sync.RWMutex
	n  int
}

// do runs f on a goroutine of its own.
func do(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// both takes first and then second.
func both(first, second sync.Locker) {
	first.Lock()
	second.Lock()
	second.Unlock()
	first.Unlock()
}

var scenarios = map[string]func(){
	// Two locks get their classes before their first use; the report names them.
	"set-class": func() {
		var a, b sync.Mutex
		annotate.SetClass(&a, "example.com/bank.accounts")
		annotate.SetClass(&b, "example.com/bank.log")
		do(func() { both(&a, &b) })
		do(func() { both(&b, &a) })
	},
	// The same order of classes on other locks: nothing.
	"set-class-quiet": func() {
		var a, b, c, d sync.Mutex
		for _, mu := range []*sync.Mutex{&a, &c} {
			annotate.SetClass(mu, "example.com/bank.accounts")
		}
		for _, mu := range []*sync.Mutex{&b, &d} {
			annotate.SetClass(mu, "example.com/bank.log")
		}
		do(func() { both(&a, &b) })
		do(func() { both(&c, &d) })
	},
	// A lock that was used gets its class late. What was learned under the old
	// class is not held against the new one.
	"set-class-late": func() {
		var a, b sync.Mutex
		annotate.SetClass(&a, "example.com/late.a")
		annotate.SetClass(&b, "example.com/late.b")
		do(func() { both(&a, &b) })
		annotate.SetClass(&b, "example.com/late.c")
		do(func() { both(&b, &a) })
		if annotate.Nested(&a, 0) != &a {
			panic("Nested returned another lock")
		}
	},
	// A directory before its files, and once the other way about.
	"nested": func() {
		var dir, file node
		annotate.SetClass(&dir.mu, "example.com/fs.node.mu")
		annotate.SetClass(&file.mu, "example.com/fs.node.mu")
		do(func() {
			dir.mu.Lock()
			annotate.Nested(&file.mu, 1).Lock()
			file.mu.Unlock()
			dir.mu.Unlock()
		})
		do(func() {
			annotate.Nested(&file.mu, 1).Lock()
			dir.mu.Lock()
			dir.mu.Unlock()
			file.mu.Unlock()
		})
	},
	// A subclass is for one acquisition, and void if another lock is taken first.
	"nested-once": func() {
		var dir, file, other, x, y node
		annotate.SetClass(&dir.mu, "example.com/once.dir")
		annotate.SetClass(&file.mu, "example.com/once.file")
		annotate.SetClass(&other.mu, "example.com/once.file")
		annotate.SetClass(&x.mu, "example.com/once.x")
		annotate.SetClass(&y.mu, "example.com/once.y")
		do(func() { both(&dir.mu, annotate.Nested(&file.mu, 0)) })
		do(func() {
			dir.mu.Lock()
			annotate.Nested(&file.mu, 1).Lock()
			file.mu.Unlock()
			dir.mu.Unlock()
		})
		do(func() {
			annotate.Nested(&other.mu, 2).Lock()
			other.mu.Unlock()
			other.mu.Lock() // not other/2
			y.mu.Lock()
			y.mu.Unlock()
			other.mu.Unlock()
		})
		do(func() {
			annotate.Nested(&other.mu, 2)
			x.mu.Lock()
			other.mu.Lock() // not other/2 either
			y.mu.Lock()
			y.mu.Unlock()
			other.mu.Unlock()
			x.mu.Unlock()
		})
		do(func() {
			y.mu.Lock()
			annotate.Nested(&file.mu, 2).Lock()
			file.mu.Unlock()
			y.mu.Unlock()
		})
	},
	// Readers, writers and tries of a subclass.
	"nested-rw": func() {
		var dir, file node
		annotate.SetClass(&dir.rw, "example.com/rw.node.rw")
		annotate.SetClass(&file.rw, "example.com/rw.node.rw")
		for range 3 {
			do(func() {
				dir.rw.Lock()
				annotate.Nested(&file.rw, 1).Lock()
				file.rw.Unlock()
				dir.rw.Unlock()
			})
			do(func() {
				dir.rw.Lock()
				if annotate.Nested(&file.rw, 2).TryLock() {
					file.rw.Unlock()
				}
				dir.rw.Unlock()
			})
		}
		do(func() {
			annotate.Nested(&file.rw, 1).RLock()
			dir.rw.RLock()
			dir.rw.RUnlock()
			file.rw.RUnlock()
		})
	},
	// A lock out of the graph, with others of its class still in it.
	"no-validate": func() {
		var a, b, c node
		annotate.SetClass(&a.mu, "example.com/nv.a")
		annotate.SetClass(&b.mu, "example.com/nv.b")
		annotate.SetClass(&c.mu, "example.com/nv.a")
		annotate.NoValidate(&a.mu)
		do(func() { both(&a.mu, &b.mu) })
		do(func() { both(&b.mu, &a.mu) }) // silent
		a.mu.Lock()
		annotate.AssertHeld(&a.mu)
		a.mu.Unlock()
		do(func() { both(&c.mu, &b.mu) })
		do(func() { both(&b.mu, &c.mu) }) // reported
	},
	"assert-held": func() {
		var a, b node
		annotate.SetClass(&a.mu, "example.com/assert.a")
		annotate.SetClass(&b.mu, "example.com/assert.b")
		b.mu.Lock()
		for range 3 { // reported once
			annotate.AssertHeld(&a.mu)
		}
		b.mu.Unlock()
	},
	"assert-held-nothing": func() {
		var a node
		annotate.SetClass(&a.mu, "example.com/assert.a")
		annotate.AssertHeld(&a.mu)
	},
	"assert-held-write": func() {
		var a node
		annotate.SetClass(&a.rw, "example.com/assert.rw")
		a.rw.RLock()
		annotate.AssertHeldWrite(&a.rw)
		a.rw.RUnlock()
	},
	"assert-not-held": func() {
		var a node
		annotate.SetClass(&a.rw, "example.com/assert.rw")
		a.rw.RLock()
		annotate.AssertNotHeld(&a.rw)
		a.rw.RUnlock()
	},
	"assert-quiet": func() {
		var a node
		a.mu.Lock()
		annotate.AssertHeld(&a.mu)
		annotate.AssertHeldWrite(&a.mu)
		do(func() { annotate.AssertNotHeld(&a.mu) })
		do(func() { a.mu.Unlock() }) // handed over
		annotate.AssertNotHeld(&a.mu)
		a.rw.RLock()
		annotate.AssertHeld(&a.rw)
		a.rw.RUnlock()
		annotate.AssertNotHeld(&a.rw)
		if a.rw.TryLock() {
			annotate.AssertHeldWrite(&a.rw)
			a.rw.Unlock()
		}
		cond := sync.NewCond(&a.mu)
		a.mu.Lock()
		do(func() { go func() { a.mu.Lock(); a.n++; cond.Broadcast(); a.mu.Unlock() }() })
		for a.n == 0 {
			cond.Wait()
		}
		annotate.AssertHeld(&a.mu)
		a.mu.Unlock()
		annotate.AssertNotHeld((*sync.Mutex)(nil))
	},
	// The second order is on a path that did not run.
	"might-lock": func() {
		var a, b node
		annotate.SetClass(&a.mu, "example.com/might.a")
		annotate.SetClass(&b.mu, "example.com/might.b")
		do(func() { both(&a.mu, &b.mu) })
		do(func() {
			b.mu.Lock()
			annotate.MightLock(&a.mu)
			annotate.AssertNotHeld(&a.mu)
			b.mu.Unlock()
		})
	},
	"might-rlock": func() {
		var a, b node
		annotate.SetClass(&a.rw, "example.com/might.a")
		annotate.SetClass(&b.rw, "example.com/might.b")
		do(func() { both(&a.rw, &b.rw) })
		do(func() {
			b.rw.Lock()
			annotate.MightRLock(&a.rw)
			b.rw.Unlock()
		})
	},
	"might-lock-held": func() {
		var a node
		annotate.SetClass(&a.mu, "example.com/might.a")
		a.mu.Lock()
		annotate.MightLock(&a.mu)
		a.mu.Unlock()
	},
	"might-quiet": func() {
		var a, b node
		for range 3 {
			do(func() {
				a.mu.Lock()
				annotate.MightLock(&b.mu)
				annotate.MightLock(&b.rw)
				annotate.MightRLock(&b.rw)
				both(&b.mu, &b.rw)
				a.mu.Unlock()
			})
		}
		do(func() { both(&a.mu, &b.rw) })
	},
	// A semaphore of the program's own, against a mutex.
	"map": func() {
		tokens := newPool(1, "example.com/pool.tokens")
		var mu sync.Mutex
		annotate.SetClass(&mu, "example.com/pool.mu")
		do(func() {
			tokens.get()
			mu.Lock()
			mu.Unlock()
			tokens.put()
		})
		do(func() {
			mu.Lock()
			tokens.get()
			tokens.put()
			mu.Unlock()
		})
	},
	// Tokens are given back by others, and got by tries.
	"map-quiet": func() {
		tokens := newPool(1, "example.com/pool.quiet")
		var mu sync.Mutex
		annotate.SetClass(&mu, "example.com/pool.mu")
		do(func() {
			tokens.get()
			do(tokens.put)
			mu.Lock() // holds nothing any more
			annotate.AssertNotHeld(&tokens.dep)
			mu.Unlock()
		})
		do(func() {
			mu.Lock()
			tokens.get()
			annotate.AssertHeld(&tokens.dep)
			tokens.put()
			if tokens.try() {
				tokens.put()
			}
			mu.Unlock()
		})
		do(func() {
			if tokens.try() {
				tokens.put()
			}
		})
	},
	// The function for reports takes the very locks that the report is about.
	"on-report": func() {
		var a, b node
		annotate.SetClass(&a.mu, "example.com/hook.a")
		annotate.SetClass(&b.mu, "example.com/hook.b")
		heard := make(chan string, 10)
		annotate.OnReport(func(text string) {
			a.mu.Lock()
			a.mu.Unlock()
			b.mu.Lock()
			b.mu.Unlock()
			heard <- text
			runtime.Goexit() // as testing's FailNow does
		})
		do(func() { both(&a.mu, &b.mu) })
		do(func() { both(&b.mu, &a.mu) })
		fmt.Println("heard", len(<-heard) > 100)
		annotate.AssertHeld(&a.mu)
		fmt.Println("heard", len(<-heard) > 100)
		annotate.OnReport(nil)
		annotate.AssertHeld(&b.mu)
	},
	// The last report is heard, too; a function that hangs does not stop the end.
	"on-report-at-exit": func() {
		var a node
		annotate.SetClass(&a.mu, "example.com/exit.a")
		annotate.OnReport(func(string) { fmt.Println("heard at the end") })
		annotate.AssertHeld(&a.mu)
	},
	"on-report-stuck": func() {
		var a node
		annotate.SetClass(&a.mu, "example.com/exit.a")
		a.mu.Lock()
		annotate.OnReport(func(string) { a.mu.Lock() })
		annotate.AssertNotHeld(&a.mu)
	},
}

// A pool is a lock of the program's own making.
type pool struct {
	dep    annotate.Map
	tokens chan struct{}
}

func newPool(n int, class string) *pool {
	p := &pool{tokens: make(chan struct{}, n)}
	annotate.SetClass(&p.dep, class)
	return p
}

func (p *pool) get() {
	p.dep.Acquire(annotate.Write)
	p.tokens <- struct{}{}
	p.dep.Acquired(annotate.Write)
}

func (p *pool) try() bool {
	select {
	case p.tokens <- struct{}{}:
		p.dep.TryAcquire(annotate.Write)
		return true
	default:
		return false
	}
}

func (p *pool) put() {
	p.dep.Release(annotate.Write)
	<-p.tokens
}

func main() {
	for _, name := range os.Args[1:] {
		run := scenarios[name]
		if run == nil {
			fmt.Fprintln(os.Stderr, "no scenario", name)
			os.Exit(2)
		}
		run()
	}
	if len(os.Args) == 1 {
		for name := range scenarios {
			fmt.Println(name)
		}
	}
}
