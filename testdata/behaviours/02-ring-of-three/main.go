// Three stages hand work on: orders lock stock, stock locks billing, billing
// locks orders. No two goroutines ever take the same two locks in opposite
// orders, so a tool that compares pairs sees nothing. Three goroutines at once
// can each hold one lock and wait for the next: the whole ring must be reported.
package main

import (
	"fmt"
	"sync"
)

type orders struct {
	mu   sync.Mutex
	open int
}

type stock struct {
	mu   sync.Mutex
	left int
}

type billing struct {
	mu  sync.Mutex
	due int
}

type shop struct {
	orders  orders
	stock   stock
	billing billing
}

func (s *shop) reserve() {
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	s.stock.mu.Lock()
	defer s.stock.mu.Unlock()
	s.orders.open++
	s.stock.left--
}

func (s *shop) invoice() {
	s.stock.mu.Lock()
	defer s.stock.mu.Unlock()
	s.billing.mu.Lock()
	defer s.billing.mu.Unlock()
	s.billing.due += 10
}

func (s *shop) settle() {
	s.billing.mu.Lock()
	defer s.billing.mu.Unlock()
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	s.billing.due -= 10
	s.orders.open--
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	s := &shop{stock: stock{left: 5}}
	run(s.reserve)
	run(s.invoice)
	run(s.settle)
	fmt.Println("open:", s.orders.open, "left:", s.stock.left, "due:", s.billing.due)
}
