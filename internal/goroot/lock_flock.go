//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package goroot

import (
	"fmt"
	"os"
	"syscall"
)

// flock takes an exclusive lock on f without waiting.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch err {
		case nil:
			return nil
		case syscall.EINTR:
			continue
		case syscall.EWOULDBLOCK:
			return errLockBusy
		case syscall.ENOSYS, syscall.ENOTSUP, syscall.ENOLCK:
			return errLockUnsupported
		}
		return fmt.Errorf("locking %s: %w", f.Name(), err)
	}
}
