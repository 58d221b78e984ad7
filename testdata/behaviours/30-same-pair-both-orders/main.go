// transfer locks the payer, then the payee. Ann pays Bob and Bob pays Ann: two
// goroutines take the same two locks of one class in both orders, the textbook
// deadlock. To be reported.
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
	from.mu.Lock()
	defer from.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	from.funds -= amount
	to.funds += amount
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	ann, bob := &account{funds: 10}, &account{funds: 10}
	run(func() { transfer(ann, bob, 3) })
	run(func() { transfer(bob, ann, 5) })
	fmt.Println("ann:", ann.funds, "bob:", bob.funds)
}
