//go:build pins

package main

// These imports pin the modules of the table [modules] in go.mod; nothing is
// built from them. A module is upgraded with `go get PATH@VERSION`.
import (
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/dgraph-io/badger/v4"
	_ "github.com/dgraph-io/ristretto/v2"
	_ "github.com/hashicorp/memberlist"
	_ "github.com/hashicorp/raft"
	_ "github.com/hashicorp/serf/serf"
	_ "github.com/hashicorp/yamux"
	_ "github.com/libp2p/go-libp2p/p2p/net/swarm"
	_ "github.com/nats-io/nats-server/v2/server"
	_ "github.com/panjf2000/ants/v2"
	_ "github.com/patrickmn/go-cache"
	_ "github.com/puzpuzpuz/xsync/v4"
	_ "github.com/quic-go/quic-go"
	_ "go.etcd.io/bbolt"
	_ "go.etcd.io/etcd/server/v3/lease"
	_ "go.etcd.io/raft/v3"
	_ "google.golang.org/grpc"
	_ "k8s.io/client-go/tools/cache"
	_ "tailscale.com/wgengine"
)
