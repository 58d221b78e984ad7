package main

import (
	"fmt"
	"os"
	"time"

	"github.com/sasha-s/go-deadlock"
	"go.uber.org/goleak"
)

const timeout = time.Second // of go-deadlock, whose default is 30 s

func init() { deadlock.Opts.DeadlockTimeout = timeout }

// after is called when a kernel's function has returned. goleak looks now, as it
// does when a test has ended; go-deadlock gets twice the time that it takes to speak.
func after() {
	if os.Getenv("GOKER_LEAKS") == "" {
		time.Sleep(2 * timeout)
		return
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "GOLEAK:", err)
	}
}
