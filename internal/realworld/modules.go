package main

import "time"

// modules are the rows of the table, in its order. A time in a reason is that
// of the test in plain go on two cores.
var modules = []module{
	{
		name: "bbolt", path: "go.etcd.io/bbolt",
		packages: []string{".", "./cmd/...", "./errors/...", "./internal/...", "./version/..."},
		timeout:  5 * time.Minute,
		why:      "./tests/dmflakey and ./tests/robustness want root and device-mapper, ./tests/failpoint wants sources rewritten by gofail",
		skips: []skipped{
			{"TestConcurrentGenericReadAndWrite", "168 s, of CPU and disk"},
			{"TestOpen_Size_Large", "32 s, and a database of gigabytes"},
		},
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
			{"TestNetworkTransport_AppendEntriesPipeline_CloseStreams", "flaky, alone too: the error it expects may not come in time"},
			{"TestRaft_ProtocolVersion_Upgrade...", "both flaky, alone too: peer mismatch"},
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
			{"TestForceLeaveCommandRun_prune", "flaky under load: a member is not pruned in time"},
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
		name: "nats-server", path: "github.com/nats-io/nats-server/v2",
		packages: []string{"./conf", "./server/..."},
		run: "^Test(Account|Auth|Client|ClosedConn|Config|Gateway[A-Q]|IPQueue|LeafNode[A-N]|Monitor|NRG[A-B]|Route[D-O]|" +
			"Server|Sublist|System|WS|Websocket|JWTUpdate|" +
			"JetStream(Add|Basic|Ephemeral|Pull|Push|Request|Snapshot|WorkQueue)|JetStreamCluster(Delete|Direct))",
		timeout: 6 * time.Minute,
		serial:  true, // as in nats-server's own CI
		noVet:   true, // likewise
		why: "the project's own CI splits the whole over a dozen jobs of up to 30 minutes; here groups of every part of the server that takes many locks " +
			"(accounts, clients, gateways, leaf nodes, routes, reload, monitoring, raft, JetStream alone and clustered)",
		skips: []skipped{
			{"TestClientFlushOutboundNoSlowConsumer", "17 s"},
			{"TestConfigReloadLeafNodeCompression", "8 s"},
			{"TestGatewayOCSPMissingPeerStapleIssue", "18 s"},
			{"TestJWTUpdateAccountClaimsStreamAndServiceImportDeadlock", "61 s"},
			{"TestLeafNodeConnectionSucceedsEvenWithDelayedFirstINFO", "6 s"},
			{"TestLeafNodeMinVersion", "5 s"},
			{"TestJetStreamClusterDeletedNodeDoesNotReviveStreamAfterCatchup", "6 s"},
			{"TestAuthCalloutProxyRequiredInUserNotInAuthJWT", "flaky under load: the reason it expects is empty"},
			{"TestJetStreamSnapshotsAPI", "flaky under load: does not find the restored stream"},
			{"TestLeafNodeJetStreamDomainMapCrossTalk", "flaky under load: an expected error does not come"},
			{"TestGatewayPingPongReplyAcrossGateways", "flaky under load: no responders"},
			{"TestJetStreamClusterDeleteConsumerWhileServerDown", "flaky under load: raft: no snapshot available"},
			{"TestJetStreamWorkQueueNakRedelivery", "flaky, alone too: order of redelivery"},
		},
	},
	{
		name: "grpc", path: "google.golang.org/grpc",
		packages: []string{"./..."},
		timeout:  5 * time.Minute,
		skips: []skipped{
			{"Test/ConcurrentHandshakes", "of credentials/alts: passes after less than 0.1 s or after 43 s, by load"},
		},
	},
	{
		name: "client-go", path: "k8s.io/client-go",
		packages: []string{
			".", "./discovery/...", "./dynamic/...", "./examples/fake-client/...", "./features/...", "./kubernetes/fake/...",
			"./kubernetes/typed/core/v1/...", "./kubernetes/typed/events/v1beta1", "./kubernetes_test/...",
			"./listers/extensions/v1beta1", "./metadata/...", "./openapi/...", "./openapi3/...",
			"./plugin/...", "./rest/...", "./restmapper/...", "./scale/...", "./testing/...", "./tools/...", "./transport/...", "./util/...",
		},
		timeout: 4 * time.Minute,
		why:     "all packages that have tests; ./... would build hundreds of generated ones too",
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
	{
		name: "pebble", path: "github.com/cockroachdb/pebble/v2",
		packages: []string{
			".", "./internal/cache/...", "./internal/genericcache/...", "./internal/manifest/...", "./internal/problemspans/...",
			"./metamorphic", "./objstorage/...", "./record", "./replay", "./vfs/...",
		},
		short:   true,
		timeout: 10 * time.Minute,
		why: "the packages that lock; internal/lint wants tools, internal/mkbench wants data that the module zip does not hold, " +
			"internal/metamorphic takes five minutes",
	},
	{
		name: "quic-go", path: "github.com/quic-go/quic-go",
		packages: []string{"./..."},
		timeout:  5 * time.Minute,
	},
	{
		name: "yamux", path: "github.com/hashicorp/yamux",
		packages: []string{"./..."},
		timeout:  3 * time.Minute,
	},
	{
		name: "libp2p-swarm", path: "github.com/libp2p/go-libp2p",
		packages: []string{"./p2p/net/swarm/..."},
		timeout:  3 * time.Minute,
		why:      "the connection manager, whose locks callbacks cross",
	},
	{
		name: "etcd", path: "go.etcd.io/etcd/server/v3",
		packages: []string{"./lease/...", "./storage/mvcc/..."},
		timeout:  5 * time.Minute,
		why:      "the store of revisions and the leases: read transactions, watchers and the hand-over of locks between them",
	},
	{
		name: "tailscale", path: "tailscale.com",
		packages: []string{"./wgengine/..."},
		timeout:  5 * time.Minute,
		why:      "the engine: WireGuard, magicsock, filters and routes",
	},
}
