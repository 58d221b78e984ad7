// A program nests new locks in new ones of the same class by the ten thousand:
// contexts that are cancelled in their parents, and nodes of short-lived trees. Each
// pair is seen once and gone. Then two nodes that live are nested in both orders, by two
// goroutines. What came before takes no room from that: it is likely, as if it had
// been the first.
package main

import (
	"context"
	"fmt"
	"sync"
)

type node struct {
	mu sync.Mutex
	n  int
}

func (n *node) add(to *node) {
	n.mu.Lock()
	to.mu.Lock()
	to.n++
	to.mu.Unlock()
	n.mu.Unlock()
}

func main() {
	for range 30000 {
		parent, cancel := context.WithCancel(context.Background())
		_, stop := context.WithCancel(parent)
		cancel()
		stop()
	}
	sum := 0
	for range 20000 {
		a, b := new(node), new(node)
		a.add(b)
		sum += b.n
	}
	a, b := new(node), new(node)
	a.add(b)
	done := make(chan bool)
	go func() {
		b.add(a)
		close(done)
	}()
	<-done
	fmt.Println(sum + a.n + b.n)
}
