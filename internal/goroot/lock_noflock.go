//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package goroot

import "os"

func flock(*os.File) error { return errLockUnsupported }
