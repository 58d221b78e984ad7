// As 41, but both sides hold the gate for reading only. Readers exclude nobody,
// so this gate is none: an inversion like any other, to be reported.
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

func (d *db) scan() int {
	d.gate.RLock()
	defer d.gate.RUnlock()
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	return d.disk.rows + d.mem.rows
}

func (d *db) close() {
	d.gate.Lock()
	defer d.gate.Unlock()
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	d := &db{mem: memtable{rows: 8}}
	run(d.flush)
	run(func() { fmt.Println("scan:", d.scan()) })
	run(d.close)
}
