// Transfers lock the account with the lower number first, swapping the pointers
// where need be. The numbers have nothing to do with the addresses, and all pairs
// are used in both directions. The order of numbers is an order: silence.
package main

import (
	"fmt"
	"sync"
)

type account struct {
	id    int
	mu    sync.Mutex
	funds int
}

func transfer(from, to *account, amount int) {
	first, second := from, to
	if first.id > second.id {
		first, second = second, first
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	from.funds -= amount
	to.funds += amount
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	var accounts [6]account
	for i, id := range []int{3, 1, 5, 0, 4, 2} {
		accounts[i].id = id
	}
	for i := range accounts {
		for j := range accounts {
			if i != j {
				run(func() { transfer(&accounts[i], &accounts[j], i+1) })
			}
		}
	}
	for i := range accounts {
		fmt.Println(accounts[i].id, accounts[i].funds)
	}
}
