module github.com/golockdep/lockdep/internal/bench

go 1.26.0

require (
	github.com/linkdata/deadlock v0.5.5
	github.com/sasha-s/go-deadlock v0.3.9
	golang.org/x/perf v0.0.0-20260908200009-22c9c6c9d4da
	gvisor.dev/gvisor v0.0.0-20260224225140-573d5e7127a8
)

require (
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	github.com/petermattis/goid v0.0.0-20250813065127-a731cc31b4fe // indirect
	golang.org/x/time v0.12.0 // indirect
)
