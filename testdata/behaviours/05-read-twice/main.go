// render holds the template cache for reading and calls lookup, which takes it
// for reading again. That passes as long as no writer waits between the two: a
// writer that does makes the second reader queue behind it, and it waits for the
// first. A writer exists (reload), so this must be reported, and shown with it.
package main

import (
	"fmt"
	"sync"
)

type templates struct {
	mu    sync.RWMutex
	files map[string]string
}

func (t *templates) lookup(name string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.files[name]
}

func (t *templates) render(names ...string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := ""
	for _, n := range names {
		out += t.lookup(n)
	}
	return out
}

func (t *templates) reload() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files["foot"] = "</html>"
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	t := &templates{files: map[string]string{"head": "<html>", "foot": "</p>"}}
	run(func() { fmt.Println(t.render("head", "foot")) })
	run(t.reload)
	fmt.Println("files:", len(t.files))
}
