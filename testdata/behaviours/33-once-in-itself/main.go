// setup, run by a Once, calls logger, which runs setup by the same Once: Do waits
// for the call it is part of. The report must be out before the hang; Go's
// detector ends the program.
package main

import (
	"fmt"
	"sync"
)

type app struct {
	once sync.Once
	name string
}

func (a *app) logger() string {
	a.once.Do(a.setup)
	return "log of " + a.name
}

func (a *app) setup() {
	a.name = "shop"
	fmt.Println("setting up", a.name)
	fmt.Println(a.logger())
}

func main() {
	a := &app{}
	fmt.Println(a.logger())
}
