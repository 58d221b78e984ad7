// The same inversion, made 100 times over by 200 goroutines. It is one fault:
// one report, with the number of times it was seen.
package main

import (
	"fmt"
	"sync"
)

type inbox struct {
	mu   sync.Mutex
	mail int
}

type outbox struct {
	mu   sync.Mutex
	mail int
}

func reply(in *inbox, out *outbox) {
	in.mu.Lock()
	defer in.mu.Unlock()
	out.mu.Lock()
	defer out.mu.Unlock()
	in.mail--
	out.mail++
}

func bounce(out *outbox, in *inbox) {
	out.mu.Lock()
	defer out.mu.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	out.mail--
	in.mail++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	in, out := &inbox{mail: 1}, &outbox{}
	for range 100 {
		run(func() { reply(in, out) })
		run(func() { bounce(out, in) })
	}
	fmt.Println("in:", in.mail, "out:", out.mail)
}
