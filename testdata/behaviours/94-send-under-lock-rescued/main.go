// As 20, but another receiver takes from the same channel without the hub: it can
// come while the first one waits for the hub, so publish does not hang. Silent.
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
	go func() { got <- <-h.msgs }()
	h.publish("again")
	fmt.Println("received:", <-got)
}
