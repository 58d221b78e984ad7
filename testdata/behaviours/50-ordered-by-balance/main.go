// A well-meant order that is none: the poorer account is locked first. A balance
// changes, so the same two accounts are locked in one order today and in the
// other tomorrow: to be reported.
package main

import (
	"fmt"
	"sync"
)

type account struct {
	mu    sync.Mutex
	funds int
}

func transfer(from, to *account, amount int) {
	first, second := from, to
	if first.funds > second.funds {
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
	ann, bob := &account{funds: 10}, &account{funds: 20}
	run(func() { transfer(bob, ann, 12) })
	run(func() { transfer(ann, bob, 1) })
	fmt.Println("ann:", ann.funds, "bob:", bob.funds)
}
