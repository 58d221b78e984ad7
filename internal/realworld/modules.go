package main

import "time"

// modules are the rows of the table, in its order. A time in a reason is that
// of the test in plain go on two cores.
var modules = []module{
	{
		name: "bbolt", path: "go.etcd.io/bbolt",
		packages: []string{".", "./cmd/...", "./errors/...", "./internal/...", "./version/..."},
		short:    true,
		timeout:  5 * time.Minute,
		why: "./tests/dmflakey and ./tests/robustness want root and device-mapper, ./tests/failpoint sources rewritten by gofail; " +
			"-short leaves out simulations and quick checks of many minutes",
	},
	{
		name: "etcd-raft", path: "go.etcd.io/raft/v3",
		packages: []string{"./..."},
		timeout:  2 * time.Minute,
	},
	{
		name: "hashicorp-raft", path: "github.com/hashicorp/raft",
		packages: []string{"./..."},
		timeout:  6 * time.Minute,
		skips: []skipped{
			{"TestFileSS_BadPerm", "fails for root, whom permissions do not bind"},
		},
	},
	{
		name: "memberlist", path: "github.com/hashicorp/memberlist",
		packages: []string{"./..."},
		timeout:  3 * time.Minute,
	},
	{
		name: "serf", path: "github.com/hashicorp/serf",
		packages: []string{"./..."},
		timeout:  3 * time.Minute,
		skips: []skipped{
			{"TestSyslogFilter", "needs a syslog daemon"},
		},
	},
	{
		name: "badger", path: "github.com/dgraph-io/badger/v4",
		packages: []string{"./..."},
		short:    true,
		timeout:  6 * time.Minute,
		why:      "-short and the slowest two left out, for time",
		skips: []skipped{
			{"TestProtosRegenerate", "runs protoc"},
			{"TestValueGCManaged", "70 s"},
			{"TestStreamWriterIncremental", "26 s"},
		},
	},
	{
		name: "grpc", path: "google.golang.org/grpc",
		packages: []string{"./..."},
		timeout:  5 * time.Minute,
	},
	{
		name: "client-go", path: "k8s.io/client-go",
		packages: []string{
			".", "./discovery/...", "./dynamic/...", "./examples/fake-client/...", "./features/...", "./kubernetes/fake/...",
			"./kubernetes/typed/core/v1/...", "./kubernetes_test/...", "./metadata/...", "./openapi/...", "./openapi3/...",
			"./plugin/...", "./rest/...", "./restmapper/...", "./scale/...", "./testing/...", "./tools/...", "./transport/...", "./util/...",
		},
		timeout: 4 * time.Minute,
		why:     "all packages that have tests but for two with one test of generated code each",
	},
	{
		name: "ristretto", path: "github.com/dgraph-io/ristretto/v2",
		packages: []string{"./..."},
		timeout:  3 * time.Minute,
	},
	{
		name: "ants", path: "github.com/panjf2000/ants/v2",
		packages: []string{"./..."},
		timeout:  5 * time.Minute,
	},
	{
		name: "xsync", path: "github.com/puzpuzpuz/xsync/v4",
		packages: []string{"./..."},
		timeout:  2 * time.Minute,
	},
	{
		name: "go-cache", path: "github.com/patrickmn/go-cache",
		packages: []string{"./..."},
		timeout:  time.Minute,
	},
}
