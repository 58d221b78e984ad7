// Locks are freed in the order they were taken, not the reverse. copyOut takes
// the source, tries the buffer, lets go of the source and only then takes the
// sink: the sink was taken under the buffer alone. Who drops the newest held lock
// on any Unlock believes it was the source, and with drop (sink -> source) sees a
// cycle that never was: silence.
package main

import (
	"fmt"
	"sync"
)

type source struct {
	mu   sync.Mutex
	left int
}

type buffer struct {
	mu   sync.Mutex
	full int
}

type sink struct {
	mu  sync.Mutex
	got int
}

func copyOut(src *source, b *buffer, dst *sink) bool {
	src.mu.Lock()
	if !b.mu.TryLock() {
		src.mu.Unlock()
		return false
	}
	src.left--
	b.full++
	src.mu.Unlock()
	dst.mu.Lock()
	b.full--
	dst.got++
	b.mu.Unlock()
	dst.mu.Unlock()
	return true
}

func drop(dst *sink, src *source) {
	dst.mu.Lock()
	src.mu.Lock()
	dst.got--
	src.left++
	dst.mu.Unlock()
	src.mu.Unlock()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	src, b, dst := &source{left: 4}, &buffer{}, &sink{}
	run(func() { fmt.Println("copied:", copyOut(src, b, dst)) })
	run(func() { drop(dst, src) })
	run(func() { fmt.Println("copied:", copyOut(src, b, dst)) })
	fmt.Println("left:", src.left, "got:", dst.got)
}
