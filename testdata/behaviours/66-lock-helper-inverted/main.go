// As 65, but wash takes the sink before the fridge: both orders of the same two
// locks, to be reported, whatever the classes are called.
package main

import (
	"fmt"
	"sync"
)

type kitchen struct {
	stove, fridge, sink sync.Mutex
	meals               int
}

func with(mu *sync.Mutex, f func()) {
	mu.Lock()
	defer mu.Unlock()
	f()
}

func (k *kitchen) cook() {
	with(&k.stove, func() {
		with(&k.fridge, func() {
			with(&k.sink, func() { k.meals++ })
		})
	})
}

func (k *kitchen) wash() {
	with(&k.sink, func() {
		with(&k.fridge, func() {})
	})
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	k := &kitchen{}
	run(k.cook)
	run(k.wash)
	fmt.Println("meals:", k.meals)
}
