// A directory tree: a walk holds a directory while it locks one of its children,
// three levels deep. All are one class; parent before child is an order, and no
// pair is ever taken both ways. Children are made before and after their parents,
// so their addresses say nothing: silence.
package main

import (
	"fmt"
	"sync"
)

type dir struct {
	mu       sync.Mutex
	name     string
	size     int
	children []*dir
}

func (d *dir) total() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.size
	for _, c := range d.children {
		n += c.total()
	}
	return n
}

func (d *dir) rename(child int, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.children[child]
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
}

func main() {
	run := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	leaf := &dir{name: "leaf", size: 1}
	root := &dir{name: "root"}
	mid := &dir{name: "mid", size: 2, children: []*dir{leaf, {name: "late", size: 4}}}
	early := &dir{name: "early", size: 8}
	root.children = []*dir{mid, early}
	run(func() { mid.rename(0, "leaf2") })
	run(func() { fmt.Println("total:", root.total()) })
	run(func() { root.rename(1, "early2") })
	run(func() { fmt.Println("mid:", mid.total()) })
	fmt.Println(leaf.name, early.name)
}
