// As 05, but the writer comes and goes before the nested read is ever seen. Which
// of the two was seen first makes no difference: to be reported.
package main

import (
	"fmt"
	"sync"
)

type prices struct {
	mu  sync.RWMutex
	net map[string]int
}

func (p *prices) set(item string, v int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.net[item] = v
}

func (p *prices) gross(item string) int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.net[item] * 5 / 4
}

func (p *prices) total(items ...string) (sum int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, i := range items {
		sum += p.gross(i)
	}
	return sum
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	p := &prices{net: map[string]int{}}
	run(func() { p.set("tea", 4) })
	run(func() { p.set("cup", 8) })
	run(func() { fmt.Println("total:", p.total("tea", "cup")) })
}
