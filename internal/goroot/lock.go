package goroot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const (
	lockSuffix = ".lock"
	lockPoll   = 50 * time.Millisecond

	// A lock made by creating a file is refreshed by its holder, and is free
	// when it was not refreshed for a while: the holder was killed.
	lockRefresh = 5 * time.Second
	lockStale   = time.Minute
)

var (
	errLockBusy        = errors.New("lock is held")
	errLockUnsupported = errors.New("file locks are not supported here")
)

// A processLock excludes other processes, and other callers in this one, as
// long as it is held. The kernel drops it when the process dies.
type processLock struct {
	path string
	file *os.File      // flock; nil for the fallback
	stop chan struct{} // fallback: ends the refreshing
}

// lockFile takes the lock named path. It calls waiting once if another process
// holds it, and waits until it is free or ctx ends. Where the file system has no
// file locks, it falls back on a file that only one process can create.
func lockFile(ctx context.Context, path string, waiting func()) (*processLock, error) {
	try := tryFlock
	for first := true; ; first = false {
		l, err := try(path)
		switch {
		case err == nil:
			return l, nil
		case errors.Is(err, errLockUnsupported):
			try = tryCreate
			continue
		case !errors.Is(err, errLockBusy):
			return nil, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s: %w", path, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

func tryFlock(path string) (*processLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("opening lock: %w", err)
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, err
	}
	// The last holder may have removed the file between our open and our
	// lock; then we hold a lock that nobody else can find.
	mine, err1 := f.Stat()
	now, err2 := os.Stat(path)
	if err1 != nil || err2 != nil || !os.SameFile(mine, now) {
		f.Close()
		return nil, errLockBusy
	}
	return &processLock{path: path, file: f}, nil
}

func tryCreate(path string) (*processLock, error) {
	path += ".held"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > lockStale {
			os.Remove(path)
		}
		return nil, errLockBusy
	}
	if err != nil {
		return nil, fmt.Errorf("creating lock: %w", err)
	}
	f.Close()
	l := &processLock{path: path, stop: make(chan struct{})}
	go func() {
		tick := time.NewTicker(lockRefresh)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case now := <-tick.C:
				os.Chtimes(path, now, now)
			}
		}
	}()
	return l, nil
}

func (l *processLock) unlock() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	if l.stop != nil {
		close(l.stop)
		l.stop = nil
		os.Remove(l.path)
	}
}

// remove deletes the file of a lock that is held.
func (l *processLock) remove() error {
	if l.file == nil {
		return nil // unlock does it
	}
	return os.Remove(l.path)
}
