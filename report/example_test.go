package report_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/report"
)

func finding() report.Finding {
	lock := func(class, fn, file string, line int) engine.Lock {
		return engine.Lock{Class: class, Mode: "W", At: engine.Frame{Func: fn, File: file, Line: line}}
	}
	return report.Finding{
		ID: "a41f00", Kind: report.KindCircular, Level: engine.Likely, Count: 1,
		Sides: []engine.Side{
			{Holds: lock("shop.index", "shop.Rebuild", "index.go", 29), Wants: lock("shop.store", "shop.Rebuild", "index.go", 31), Test: "TestRebuild"},
			{Holds: lock("shop.store", "shop.Put", "store.go", 50), Wants: lock("shop.index", "shop.Put", "store.go", 52), Test: "TestPut"},
		},
	}
}

func ExampleExplain() {
	f := finding()
	if err := report.Explain(os.Stdout, &f, report.Facts{Before: 4, After: 1}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Put holds shop.store and wants shop.index.
	// Rebuild holds shop.index and wants shop.store.
	// If both run at once, each can wait for the other for ever.
	//
	//         shop.store  ----- Put (store.go:50 -> store.go:52) ---->  shop.index
	//              ^                                                         |
	//              '--------- Rebuild (index.go:29 -> index.go:31) <---------'
	//
	// Both orders were seen, in TestPut and TestRebuild; whether they overlapped is not known,
	// and need not be: the program has them.
	// Level likely: same instances, at least two goroutines, no common gate lock.
	// The usual repair: take shop.store before shop.index in Rebuild, or let go of shop.index
	// before taking shop.store.
	// In the whole graph shop.store comes before shop.index in 3 other places and after it
	// only here.
}

func ExampleParseIgnore() {
	g, err := report.ParseIgnore("lockdep.ignore", strings.NewReader(`
shop.store -> shop.index  # Rebuild runs before the store is shared
exit-held shop.*          # tests only
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	f := finding()
	fmt.Println(g.Match(&f))
	for _, r := range g.Unused() {
		fmt.Println(r.Pos(), r)
	}
	// Output:
	// true
	// lockdep.ignore:3 exit-held shop.*  # tests only
}
