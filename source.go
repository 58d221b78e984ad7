// Package lockdep carries the source text of the lock validator.
//
// The validator (package engine) has two homes. Compiled as an ordinary
// package it judges kernel traces and scenarios; laid inside a copy of the Go
// standard library it judges a live program. The second home is built by
// package internal/goroot from the text in [EngineSource], so that both homes
// always hold the same code.
package lockdep

import "embed"

// EngineSource holds the files engine/*.go, tests included, exactly as they
// are compiled into the tools of this module.
//
//go:embed engine/*.go
var EngineSource embed.FS
