// As 19, but the receiver has been through its locked part before publish takes
// the hub, so this run passes. In another run it does not: report it, as
// possible.
package main

import (
	"fmt"
	"sync"
)

type hub struct {
	mu   sync.Mutex
	msgs chan string
	sent int
}

func (h *hub) publish(msg string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.msgs <- msg
	h.sent++
}

func (h *hub) receive(unlocked chan<- struct{}) string {
	h.mu.Lock()
	n := h.sent
	h.mu.Unlock()
	close(unlocked)
	return fmt.Sprint(n, " ", <-h.msgs)
}

func main() {
	h := &hub{msgs: make(chan string)}
	unlocked, got := make(chan struct{}), make(chan string)
	go func() { got <- h.receive(unlocked) }()
	<-unlocked
	h.publish("hello")
	fmt.Println("received:", <-got)
}
