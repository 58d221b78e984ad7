// A Once runs in init and its function takes the settings lock. Requests pass the
// same Once before they take that lock, never under it, and another Once nests
// inside the first one's function: one order throughout, silence.
package main

import (
	"fmt"
	"sync"
)

type settings struct {
	mu   sync.Mutex
	once sync.Once
	vals map[string]string
}

var (
	global  settings
	environ = sync.OnceValue(func() string { return "test" })
)

func init() {
	global.once.Do(global.load)
}

func (s *settings) load() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vals = map[string]string{"env": environ()}
}

func (s *settings) get(key string) string {
	s.once.Do(s.load)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vals[key]
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	run(func() { fmt.Println("env:", global.get("env"), environ()) })
}
