package main

import "time"

var modules = []module{
	{name: "go-cache", path: "github.com/patrickmn/go-cache", packages: []string{"./..."}, timeout: time.Minute},
	{name: "xsync", path: "github.com/puzpuzpuz/xsync/v4", packages: []string{"./..."}, timeout: time.Minute},
}
