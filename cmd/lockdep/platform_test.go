//go:build linux

package main

import (
	"path/filepath"
	"runtime"
	"testing"
)

// narrow are behaviours that together use each kind of lock and wait: they are
// run with words of 32 bits as well.
var narrow = []string{
	"01-abba", "06-read-twice-no-writer", "08-read-cycle-writers", "14-unlock-elsewhere", "20-send-under-lock-passes",
	"21-waitgroup-under-lock", "26-ends-holding", "27-live-abba", "31-shards", "32-once-and-lock", "35-generic",
	"38-many-goroutines", "40-sync-locker", "57-cond-wait-loop", "89-live-readers", "94-send-under-lock-rescued",
}

// TestPlatform386 runs programs whose words have 32 bits, which an amd64 machine
// runs as well: an atomic operation on 64 bits panics there unless its word is
// aligned, and an address is no 64-bit number. The layouts themselves are held by
// TestAlign64 of internal/goroot.
func TestPlatform386(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the instrumented standard library once more")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("runs programs for linux/386")
	}
	tool := commandTool(t)
	t.Setenv("GOARCH", "386")
	t.Setenv("CGO_ENABLED", "0")

	t.Run("behaviours", func(t *testing.T) {
		plain, checked := t.TempDir(), t.TempDir()
		args := []string{"build", "-o"}
		var dirs []string
		for _, name := range narrow {
			dirs = append(dirs, "./"+name)
		}
		behaviourBuild(t, behaviourDir, "go", append(append(args, plain+"/"), dirs...)...)
		behaviourBuild(t, behaviourDir, tool, append(append(args, checked+"/"), dirs...)...)
		for _, name := range narrow {
			t.Run(name, func(t *testing.T) {
				testBehaviourProgram(t, readBehaviour(t, name), tool, filepath.Join(plain, name), filepath.Join(checked, name))
			})
		}
	})
	t.Run("live", TestLive)     // pages, and times with stat=1
	t.Run("record", TestRecord) // a recorded run, and its prediction
}
