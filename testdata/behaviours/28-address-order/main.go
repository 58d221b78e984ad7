// A transfer locks two accounts of one slice, the one with the lower index first.
// Two locks of one class are held at a time, but there is one order of instances,
// that of their addresses: silence.
package main

import (
	"fmt"
	"sync"
)

type account struct {
	mu    sync.Mutex
	funds int
}

type bank struct{ accounts []account }

func (b *bank) transfer(from, to, amount int) {
	lo, hi := min(from, to), max(from, to)
	b.accounts[lo].mu.Lock()
	defer b.accounts[lo].mu.Unlock()
	b.accounts[hi].mu.Lock()
	defer b.accounts[hi].mu.Unlock()
	b.accounts[from].funds -= amount
	b.accounts[to].funds += amount
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	b := &bank{accounts: make([]account, 4)}
	for from := range b.accounts {
		for to := range b.accounts {
			if from != to {
				run(func() { b.transfer(from, to, 10*from) })
			}
		}
	}
	for i := range b.accounts {
		fmt.Println(i, b.accounts[i].funds)
	}
}
