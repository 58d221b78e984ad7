// As 12, but the gate is an RWMutex: requests hold it for reading, compaction for
// writing. A reader and a writer exclude each other, so the order of a request
// and that of compaction never meet: silence.
package main

import (
	"fmt"
	"sync"
)

type db struct {
	gate sync.RWMutex
	mem  memtable
	disk segments
}

type memtable struct {
	mu   sync.Mutex
	rows int
}

type segments struct {
	mu   sync.Mutex
	rows int
}

func (d *db) flush() {
	d.gate.RLock()
	defer d.gate.RUnlock()
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.disk.rows += d.mem.rows
	d.mem.rows = 0
}

func (d *db) compact() {
	d.gate.Lock()
	defer d.gate.Unlock()
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	d.disk.rows /= 2
	d.mem.rows++
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	d := &db{mem: memtable{rows: 8}}
	run(d.flush)
	run(d.compact)
	run(d.flush)
	fmt.Println("disk:", d.disk.rows, "mem:", d.mem.rows)
}
