// publish holds the hub while it sends; the only receiver takes the hub before it
// receives. The receiver comes second here: it waits for the hub, publish waits
// for the receiver. A live deadlock of a lock and a channel; Go's detector ends
// the program only because nothing else runs.
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

func (h *hub) publish(msg string, locked chan<- struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(locked)
	h.msgs <- msg
	h.sent++
}

func (h *hub) receive() string {
	h.mu.Lock()
	n := h.sent
	h.mu.Unlock()
	return fmt.Sprint(n, <-h.msgs)
}

func main() {
	h := &hub{msgs: make(chan string)}
	locked := make(chan struct{})
	go h.publish("hello", locked)
	<-locked
	fmt.Println("published")
	fmt.Println("received:", h.receive())
}
