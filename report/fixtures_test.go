package report

import (
	"github.com/golockdep/lockdep/engine"
)

const shop = "example.org/shop/"

func at(fn, file string, line int) engine.Frame {
	return engine.Frame{Func: shop + fn, File: "/src/shop/" + file, Line: line}
}

func lock(class, mode string, inst uint64, f engine.Frame) engine.Lock {
	return engine.Lock{Class: shop + class, Mode: mode, At: f, Inst: inst}
}

func side(g uint64, test string, holds, wants engine.Lock, calls ...engine.Frame) engine.Side {
	std := func(fn, file string, line int) engine.Frame {
		return engine.Frame{Func: fn, File: "/go/src/" + file, Line: line}
	}
	stack := append([]engine.Frame{wants.At}, calls...)
	return engine.Side{
		Holds: holds, Wants: wants, Held: []engine.Lock{holds}, Goroutine: g, Test: test,
		Stack:  append(stack, std("testing.tRunner", "testing/testing.go", 1690), std("runtime.goexit", "runtime/asm_amd64.s", 1700)),
		Origin: std("testing.(*T).Run", "testing/testing.go", 1742),
	}
}

// fixtures are findings by the name of their golden file: every kind, both
// sizes of cycles, every part of a side.
func fixtures() map[string]Finding {
	put := side(33, "TestPut",
		lock("store.Store.mu", "W", 1, at("store.(*Store).Put", "store/store.go", 50)),
		lock("index.Index.mu", "W", 2, at("index.(*Index).Add", "index/index.go", 17)),
		at("store.(*Store).Put", "store/store.go", 52), at("store.TestPut", "store/store_test.go", 12))
	rebuild := side(41, "TestRebuild",
		lock("index.Index.mu", "W", 2, at("index.Rebuild", "index/index.go", 29)),
		lock("store.Store.mu", "W", 1, at("store.(*Store).Flush", "store/store.go", 77)),
		at("index.Rebuild", "index/index.go", 31), at("index.TestRebuild", "index/index_test.go", 20))

	log := side(7, "",
		lock("wal.Log.mu", "R", 9, at("wal.(*Log).Sync.func1", "wal/log one.go", 8)),
		lock("store.Store.mu", "W", 3, at("wal.(*Log).Sync.func1", "wal/log one.go", 9)))
	log.Process, log.Init = "wal.test.311", true
	add := side(8, "",
		lock("store.Store.mu", "W", 1, at("store.(*Store).Put", "store/store.go", 50)),
		lock("index.Index.mu", "R", 2, at("index.(*Index).Get", "index/index.go", 40)))
	add.Process = "store.test.310"
	writer := engine.Side{Wants: lock("index.Index.mu", "W", 2, at("index.(*Index).Add", "index/index.go", 17)), Goroutine: 12, Test: "TestAdd"}
	add.Writer = &writer
	flush := side(9, "TestFlush",
		lock("index.Index.mu", "R", 2, at("index.Flush", "index/index.go", 60)),
		lock("wal.Log.mu", "W", 9, at("wal.(*Log).Append", "wal/log one.go", 20)), at("index.Flush", "index/index.go", 62))
	flush.Held = append([]engine.Lock{lock("index.gate", "R", 4, at("index.Flush", "index/index.go", 58))}, flush.Held...)
	flush.Held[0].Try = true

	again := side(5, "TestDouble",
		lock("count.counter.mu", "W", 1, at("count.(*counter).double", "count/count.go", 17)),
		lock("count.counter.mu", "W", 1, at("count.(*counter).get", "count/count.go", 11)),
		at("count.(*counter).double", "count/count.go", 19))

	pair := side(6, "TestPair",
		lock("table.mu", "R", 1, at("table.pair", "table.go", 16)),
		lock("table.mu", "R", 1, at("table.get", "table.go", 11)), at("table.pair", "table.go", 18))
	set := engine.Side{Wants: lock("table.mu", "W", 1, at("table.set", "table.go", 22)), Goroutine: 8, Test: "TestSet"}
	pair.Writer = &set

	ab := side(10, "TestTransfer",
		lock("bank.account.mu", "W", 1, at("bank.transfer", "bank/bank.go", 11)), lock("bank.account.mu", "W", 2, at("bank.transfer", "bank/bank.go", 13)))
	ba := side(11, "TestTransfer",
		lock("bank.account.mu", "W", 2, at("bank.transfer", "bank/bank.go", 11)), lock("bank.account.mu", "W", 1, at("bank.transfer", "bank/bank.go", 13)))

	gone := side(12, "TestWork",
		lock("work.mu", "W", 1, at("work.work", "work.go", 11)), lock("work.mu", "W", 1, at("work.next", "work.go", 30)))

	publish := side(13, "TestPublish",
		lock("hub.hub.mu", "W", 1, at("hub.(*hub).publish", "hub/hub.go", 18)), lock("hub.hub.mu", "W", 1, at("hub.(*hub).receive", "hub/hub.go", 25)),
		at("hub.(*hub).publish", "hub/hub.go", 20))
	publish.Waits = &engine.Wait{For: "send", Of: at("hub.newHub", "hub/hub.go", 12), Goroutine: 14}
	crawl := side(15, "TestCrawl",
		lock("index.Index.mu", "W", 2, at("index.Crawl", "index/crawl.go", 9)), lock("store.Store.mu", "W", 1, at("index.Crawl.func1", "index/crawl.go", 14)),
		at("index.Crawl", "index/crawl.go", 17))
	crawl.Waits = &engine.Wait{For: "WaitGroup.Wait", Of: at("index.Crawl", "index/crawl.go", 17), Goroutine: 16}

	return map[string]Finding{
		"circular":       {ID: "a41f00", Kind: KindCircular, Level: engine.Likely, Count: 3, Sides: []engine.Side{rebuild, put}},
		"circular-three": {ID: "b41f01", Kind: KindCircular, Level: engine.Possible, Why: engine.WhyInstances | engine.WhyInit | engine.WhyProcesses, Count: 1, Sides: []engine.Side{flush, log, add}},
		"circular-gated": {ID: "b41f02", Kind: KindCircular, Level: engine.Suppressed, Why: engine.WhyGate, Count: 1, Sides: []engine.Side{rebuild, put}, Gates: []string{shop + "index.gate"}},
		"recursive":      {ID: "c41f02", Kind: KindRecursive, Level: engine.Proved, Count: 1, Sides: []engine.Side{again}},
		"recursive-read": {ID: "d41f03", Kind: KindRecursiveRead, Level: engine.Likely, Count: 2, Sides: []engine.Side{pair}},
		"same-class":     {ID: "e41f04", Kind: KindSameClass, Level: engine.Possible, Why: engine.WhyOneGoroutine, Count: 1, Sides: []engine.Side{ab, ba}},
		"wait":           {ID: "0a1f06", Kind: KindEvent, Level: engine.Possible, Why: engine.WhyEvent, Count: 1, Sides: []engine.Side{publish}},
		"circular-wait":  {ID: "0a1f07", Kind: KindCircular, Level: engine.Possible, Why: engine.WhyEvent, Count: 1, Sides: []engine.Side{crawl, put}},
		"exit-held":      {ID: "f41f05", Kind: KindExitHeld, Level: engine.Possible, Why: engine.WhyHandoff, Count: 1, Sides: []engine.Side{gone}},
	}
}

// sortedFixtures are the fixtures in the order of their names, less the one
// that is no finding.
func sortedFixtures() []Finding {
	var out []Finding
	all := fixtures()
	for _, name := range []string{"circular", "circular-three", "exit-held", "recursive", "recursive-read", "same-class"} {
		out = append(out, all[name])
	}
	return out
}
