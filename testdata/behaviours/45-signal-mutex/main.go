// A mutex used as a signal: main locks it, a worker unlocks it when its result is
// there, and main's second Lock waits for that. Legal, and it ends. At the moment
// of the second Lock it looks exactly like 04; what tells them apart is that here
// somebody else is left who can unlock, and does: silence. The worker sleeps, so
// that main is surely waiting when the unlock comes.
package main

import (
	"fmt"
	"sync"
	"time"
)

type job struct {
	done   sync.Mutex
	result int
}

func (j *job) start() {
	j.done.Lock()
	go func() {
		time.Sleep(50 * time.Millisecond)
		j.result = 42
		j.done.Unlock()
	}()
}

func (j *job) wait() int {
	j.done.Lock()
	defer j.done.Unlock()
	return j.result
}

func main() {
	j := &job{}
	j.start()
	fmt.Println("result:", j.wait())
}
