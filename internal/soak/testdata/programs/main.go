// Programs are small programs of many kinds in one binary. Each prints what it
// computed, which depends on its seed alone, and ends with a status of its own.
//
//	programs -seed=N NAME
package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"

	"soak.example/programs/meter"
)

// programs are the programs by name; each returns its exit status.
var programs = map[string]func(r *rand.Rand) int{
	"pools": pools, "handover": handover, "finalizers": finalizers, "goroutines": goroutines, "contexts": contexts,
	"readers": readers, "conds": conds, "onces": onces, "channels": channels, "selects": selects, "timers": timers,
	"panics": panics, "goexits": goexits, "threads": threads, "signals": signals, "children": children,
	"tlsserver": tlsServer, "database": database, "profiles": profiles, "logs": logs, "trees": trees, "pulls": pulls,
	"keyed": keyed, "resets": resets, "dies": dies, "killed": killed, "child": child,
}

func main() {
	seed := flag.Uint64("seed", 1, "the seed")
	flag.Parse()
	if flag.NArg() == 0 {
		for _, n := range slices.Sorted(maps.Keys(programs)) {
			fmt.Println(n)
		}
		return
	}
	p := programs[flag.Arg(0)]
	if p == nil {
		fmt.Fprintln(os.Stderr, "no such program")
		os.Exit(2)
	}
	m := meter.Start()
	status := p(rand.New(rand.NewPCG(*seed, 1)))
	m.Stop()
	os.Exit(status)
}
