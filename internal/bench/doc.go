// Package bench measures what a lock costs under each of several lock
// validators, on the same cases, in one run.
//
// Terms. An implementation is one provider of Mutex and RWMutex: plain sync,
// sync of lockdep's instrumented GOROOT, go-deadlock, linkdata/deadlock,
// gVisor's locking package, and sync under the race detector. A case is one
// way of using locks, an entry of [Cases]. A round runs every case once on
// every implementation, so that what is compared was measured within seconds
// of each other.
//
// The guarantee: every implementation runs the same source. The names Mutex
// and RWMutex are aliases chosen by a build tag (peers_*.go), so calls are
// direct and inlined wherever the implementation allows it; neither an
// interface nor a type parameter stands between a case and the lock. Each
// implementation is therefore a test binary of its own.
//
// The limits: the numbers are wall time on one machine. Two CPUs make a global
// lock look better than it is on thirty-two. Ratios within a round carry over
// to other machines better than nanoseconds do.
//
// Use, from this directory:
//
//	go run ./compare                        # plain sync and the peers
//	go run ./compare -goroot="$GOROOT_LD"   # and lockdep, from an instrumented GOROOT
//	go run ./compare -lockdep=lockdep       # and lockdep, built by `lockdep test -c`
//
// One implementation alone:
//
//	go test -bench=. .
//	go test -bench=. -tags=bench_godeadlock .
//	go test -bench=. -tags=bench_linkdata,deadlock .
//	go test -bench=. -tags=bench_gvisor,lockdep .
//	go test -bench=. -race .
package bench
