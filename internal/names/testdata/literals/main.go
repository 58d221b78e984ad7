// Program literals has function literals side by side, beside code that changes how
// the compiler numbers them. Each prints where it runs, and the lock that it takes.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

var a, b, c sync.Mutex

//go:noinline
func at(lock string) {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	f, _ := runtime.CallersFrames(pcs[:]).Next()
	fmt.Println(f.Function, f.Line, lock)
}

//go:noinline
func do(fs ...func()) {
	for _, f := range fs {
		f()
	}
}

func small(fs ...func()) {
	for _, f := range fs {
		f()
	}
}

func one(f func()) { f() }

const (
	yes = true
	no  = false
)

type T struct{ n int }

func (t *T) m()                { do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func (t T) v()                 { do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func plain()                   { do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func inlined()                 { small(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func ones()                    { one(func() { a.Lock(); at("a"); a.Unlock() }); one(func() { b.Lock(); at("b"); b.Unlock() }) }
func spot()                    { func() { a.Lock(); at("a"); a.Unlock() }(); func() { b.Lock(); at("b"); b.Unlock() }() }
func results() (f, g func())   { return func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() } }
func vars()                    { var f, g = func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }; g(); f() }
func blank()                   { _ = func() { c.Lock() }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func element(m []int)          { m[func() int { a.Lock(); at("a"); a.Unlock(); return 0 }()] = func() int { b.Lock(); at("b"); b.Unlock(); return 1 }() }
func fields()                  { x := struct{ f, g func() }{g: func() { a.Lock(); at("a"); a.Unlock() }, f: func() { b.Lock(); at("b"); b.Unlock() }}; x.f(); x.g() }
func keyed()                   { for k, f := range map[any]func(){func() int { a.Lock(); at("a"); a.Unlock(); return 1 }(): func() { b.Lock(); at("b"); b.Unlock() }} { _ = k; f() } }
func nested()                  { do(func() { do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }, func() { c.Lock(); at("c"); c.Unlock() }) }
func nestedSpot()              { func() { func() { a.Lock(); at("a"); a.Unlock() }(); func() { b.Lock(); at("b"); b.Unlock() }() }(); func() { c.Lock(); at("c"); c.Unlock() }() }
func nestedOne()               { one(func() { one(func() { a.Lock(); at("a"); a.Unlock() }); one(func() { b.Lock(); at("b"); b.Unlock() }) }); one(func() { c.Lock(); at("c"); c.Unlock() }) }
func loop()                    { for i, f := 0, func() { a.Lock(); at("a"); a.Unlock() }; i < 1; func() { b.Lock(); at("b"); b.Unlock() }() { i++; func() { c.Lock(); at("c"); c.Unlock(); f() }() } }
func constIf()                 { if no { do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func constElse()               { if yes && len("x") == 1 { do() } else { do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func constAnd()                { if no && func() bool { c.Lock(); return true }() { do() }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func constFor()                { for no { do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func constSwitch()             { switch 1 { case 2: do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func trueSwitch()              { switch { case no: do(func() { c.Lock() }); case yes: }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func constant()                { _ = len([1]func(){func() { c.Lock() }}); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func size()                    { _ = unsafe.Sizeof(func() { c.Lock() }); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func behindReturn(x bool)      { if x { return; do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func behindPanic(x bool)       { if x { panic(1); do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func behindIf(x bool)          { if x { { if x { return } else { return } }; do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func behindYes(x bool)         { if x { if yes { return }; do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func behindCase(x bool)        { switch { case x: return; do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func behindGoto(x bool)        { if x { goto end; do(func() { c.Lock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }); end: }
func early(x bool)             { if x { return }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func over(s func(func() bool)) { for range s { do(func() { c.Lock(); at("c"); c.Unlock() }) }; do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func wraps(x int)              { defer func(int) { c.Lock(); at("c"); c.Unlock() }(x); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func wait(x int)               { var w sync.WaitGroup; w.Add(2); go func(int) { a.Lock(); at("a"); a.Unlock(); w.Done() }(x); go func(int) { b.Lock(); at("b"); b.Unlock(); w.Done() }(x); w.Wait() }

func id[K any](k K) K { return k }

type G[K any] struct{ k K }

func (g G[K]) get() K { return g.k }

func (g *G[K]) m()         { do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func value[K any](k K)     { f := id[K]; f(k); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func method[K any](g G[K]) { f := g.get; f(); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func expr[K any](g G[K])   { G[K].get(g); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func calls[K any](g G[K])  { id[K](g.get()); id(g.k); do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }

var inVar = []func(){func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }}

func init() { do(func() { a.Lock(); at("a"); a.Unlock() }, func() { b.Lock(); at("b"); b.Unlock() }) }
func init() { do(func() { b.Lock(); at("b"); b.Unlock() }, func() { a.Lock(); at("a"); a.Unlock() }) }

func main() {
	new(T).m()
	T{}.v()
	for _, f := range []func(){plain, inlined, ones, spot, vars, blank, fields, keyed, nested, nestedSpot, nestedOne, loop, constIf, constElse, constAnd, constFor, constSwitch, trueSwitch, constant, size} {
		f()
	}
	do(inVar...)
	plain()
	inlined()
	ones()
	nestedOne()
	f, g := results()
	do(f, g)
	element([]int{0})
	for _, f := range []func(bool){behindReturn, behindPanic, behindIf, behindYes, behindCase, behindGoto, early} {
		f(false)
	}
	over(func(yield func() bool) { yield() })
	wraps(1)
	wait(1)
	new(G[int]).m()
	new(G[string]).m()
	value(1)
	method(G[string]{})
	expr(G[int]{})
	calls(G[string]{})
}
