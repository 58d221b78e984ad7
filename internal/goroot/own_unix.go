//go:build unix

package goroot

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// foreign says why somebody else may have written what info describes; "" is nobody.
// Root is not somebody else: it can replace what is ours as well.
func foreign(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return ""
	case int(st.Uid) != os.Geteuid() && st.Uid != 0:
		return fmt.Sprintf("it belongs to another user (uid %d, not %d)", st.Uid, os.Geteuid())
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Sprintf("others may write to it (mode %#o)", info.Mode().Perm())
	}
	return ""
}

// mine reports whether this user may change the mode of what info describes.
func mine(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
