// Goroutines that wait at the end of the program, each for something that can
// still come: a server, a ticker, a pool's workers, a sleeper, a reader of
// a pipe.
package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

var jobs = make(chan func())

type server struct {
	mu    sync.Mutex
	conns int
}

func (s *server) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		go io.Copy(io.Discard, c)
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go new(server).serve(l)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(c, "hello")
	for range 3 {
		go func() {
			for job := range jobs {
				job()
			}
		}()
	}
	done := make(chan struct{})
	jobs <- func() { close(done) }
	<-done
	go func() {
		for range time.Tick(time.Hour) {
			fmt.Println("tick")
		}
	}()
	go time.Sleep(time.Hour)
	var mu sync.Mutex
	cond := sync.NewCond(&mu)
	time.AfterFunc(time.Hour, cond.Broadcast)
	go func() {
		mu.Lock()
		defer mu.Unlock()
		cond.Wait()
	}()
	time.Sleep(20 * time.Millisecond)
	fmt.Println("done")
}
