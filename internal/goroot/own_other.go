//go:build !unix

package goroot

import "io/fs"

// Where there are no owners, a user's cache directory is the user's.
func foreign(fs.FileInfo) string { return "" }

func mine(fs.FileInfo) bool { return false }
