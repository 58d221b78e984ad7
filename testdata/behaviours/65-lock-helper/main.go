// Every lock of the program is taken on one line, in a helper that runs a
// function under a lock it gets by pointer. By place there is one class only,
// nested in itself three deep. The locks themselves follow one order: silence.
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
	with(&k.fridge, func() {
		with(&k.sink, func() {})
	})
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	k := &kitchen{}
	run(k.wash)
	run(k.cook)
	run(k.wash)
	fmt.Println("meals:", k.meals)
}
