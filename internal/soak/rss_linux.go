package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// watchRSS returns the peak memory of a process in bytes, looked at until it
// ended. That of its rusage is no use: there a child has the memory of the
// process that started it, for a moment.
func watchRSS(pid int, ended chan bool) (peak int64) {
	for {
		select {
		case <-ended:
			return peak
		case <-time.After(5 * time.Millisecond):
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		_, after, _ := bytes.Cut(text, []byte("VmHWM:"))
		if f := bytes.Fields(after); len(f) > 0 {
			kb, _ := strconv.ParseInt(string(f[0]), 10, 64)
			peak = max(peak, kb<<10)
		}
	}
}
