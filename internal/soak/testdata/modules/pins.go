// Package modules pins, in go.mod, modules of other people whose tests the soak
// runs. Nothing is built from it. A module is upgraded with go get -t PATH@VERSION.
package modules

import (
	_ "github.com/hashicorp/golang-lru/v2"
	_ "github.com/hashicorp/yamux"
	_ "github.com/jackc/puddle/v2"
	_ "github.com/patrickmn/go-cache"
	_ "github.com/puzpuzpuz/xsync/v4"
	_ "github.com/rs/zerolog"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sync/semaphore"
	_ "golang.org/x/sync/singleflight"
)
