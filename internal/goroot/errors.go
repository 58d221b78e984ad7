package goroot

import (
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"strings"
	"syscall"
)

// An AnchorError says that a file of the user's GOROOT does not look as
// expected, so that the hooks cannot be put in. Nothing was written.
type AnchorError struct {
	File      string // path below GOROOT/src, with slashes
	Func      string // function or type, as "(*RWMutex).RLock"; empty if the whole file is meant
	GoVersion string // release, as "go1.26.1"
	Reason    string // what was looked for
}

func (e *AnchorError) Error() string {
	where := e.File
	if e.Func != "" {
		where += ": " + e.Func
	}
	return fmt.Sprintf("cannot instrument %s: %s: %s; update lockdep, or select another Go release, for example with GOTOOLCHAIN=%s.0",
		e.GoVersion, where, e.Reason, newestGo)
}

// A VersionError says that the selected Go release is not supported.
type VersionError struct {
	GoVersion string // as printed by go env GOVERSION
}

func (e *VersionError) Error() string {
	oldest := strings.TrimPrefix(oldestGo, "go")
	if !version.IsValid(e.GoVersion) {
		return fmt.Sprintf("cannot instrument %s: it is no release, so it is not known which one it is like; select a release from Go %s on, for example with GOTOOLCHAIN=%s.0",
			e.GoVersion, oldest, newestGo)
	}
	return fmt.Sprintf("cannot instrument %s: Go %s is the oldest release that is supported; the source builds with a newer one too: set GOTOOLCHAIN=%s.0",
		e.GoVersion, oldest, newestGo)
}

// A SelfTestError says that the copy of a release that this package is not tested with
// does not do its work. The copy is not kept.
type SelfTestError struct {
	GoVersion string
	Reason    string // what came out, and what should
}

func (e *SelfTestError) Error() string {
	return fmt.Sprintf("cannot instrument %s, which is newer than this lockdep: the self-test of the copy failed: %s; update lockdep, or select an older release with GOTOOLCHAIN=%s.0 where go.mod allows it",
		e.GoVersion, e.Reason, newestGo)
}

// A CacheError says that the cache directory cannot hold a copy. Nothing
// half-written is left there.
type CacheError struct {
	Dir string // directory of the copies
	Err error
}

// Unwrap returns the error of the file operation.
func (e *CacheError) Unwrap() error { return e.Err }

func (e *CacheError) Error() string {
	remedy := "set LOCKDEPCACHE to a directory that can be written"
	if noSpace(e.Err) {
		remedy = "an instrumented GOROOT needs up to 250 MB: free some space, run `lockdep goroot clean`, or set LOCKDEPCACHE to a directory on another disk"
	}
	return fmt.Sprintf("cache %s: %v; %s", e.Dir, e.Err, remedy)
}

// An OwnerError says that somebody else may have written the copies in a cache. They are not used:
// their code would run as this user.
type OwnerError struct {
	Dir    string // directory of the copies
	Reason string
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("cache %s is not used: %s; set LOCKDEPCACHE to a directory of your own", e.Dir, e.Reason)
}

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// cacheError makes err a [*CacheError] if the cache directory is to blame for it.
func cacheError(dir string, err error) error {
	if noSpace(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) ||
		errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
		return &CacheError{Dir: dir, Err: err}
	}
	return err
}
