package goroot

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeCopy makes a directory that passes for a copy of that size, used last at a time.
func fakeCopy(t *testing.T, parent, name string, size int64, used time.Time) {
	t.Helper()
	dir := filepath.Join(parent, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(dir, markerName)
	if err := os.WriteFile(marker, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(marker, used, used); err != nil {
		t.Fatal(err)
	}
}

func TestTrim(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day, mb = 24 * time.Hour, 1 << 20
	for _, c := range []struct {
		name string
		make func(t *testing.T, parent string)
		want []string
	}{
		{"old", func(t *testing.T, p string) {
			fakeCopy(t, p, "go1.24.0-1", mb, ago(31*day))
			fakeCopy(t, p, "go1.25.0-1", mb, ago(29*day))
		}, []string{"go1.24.0-1"}},
		{"the one that is used now stays, however old", func(t *testing.T, p string) {
			fakeCopy(t, p, "go1.26.0-1", mb, ago(400*day))
		}, nil},
		{"too much: the oldest go, as many as it takes", func(t *testing.T, p string) {
			for i, n := range []string{"go1.21-1", "go1.22-1", "go1.23-1", "go1.24-1"} {
				fakeCopy(t, p, n, 700*mb, ago(time.Duration(9-i)*day))
			}
		}, []string{"go1.21-1", "go1.22-1"}},
		{"too much, but all of today", func(t *testing.T, p string) {
			for _, n := range []string{"go1.21-1", "go1.22-1", "go1.23-1", "go1.24-1"} {
				fakeCopy(t, p, n, 700*mb, ago(time.Hour))
			}
		}, nil},
		{"left by a killed builder", func(t *testing.T, p string) {
			dir := filepath.Join(p, "go1.24.0-1.tmp-5")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(dir, ago(40*day), ago(40*day)); err != nil {
				t.Fatal(err)
			}
		}, []string{"go1.24.0-1"}},
		{"being built", func(t *testing.T, p string) {
			fakeCopy(t, p, "go1.24.0-1", mb, ago(31*day))
			lock, err := tryFlock(filepath.Join(p, "go1.24.0-1"+lockSuffix))
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(lock.unlock)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := t.TempDir()
			c.make(t, p)
			before := copies(p)
			got := trim(p, "go1.26.0-1", now)
			if !slices.Equal(got, c.want) {
				t.Errorf("removed %v, want %v", got, c.want)
			}
			left := slices.DeleteFunc(before, func(n string) bool { return slices.Contains(c.want, n) })
			if now := copies(p); !slices.Equal(now, left) {
				t.Errorf("left %v, want %v", now, left)
			}
		})
	}
}

// The last use is noted, and the others are trimmed once a day.
func TestUsed(t *testing.T) {
	p := t.TempDir()
	now := time.Now()
	old := now.Add(-40 * 24 * time.Hour)
	fakeCopy(t, p, "go1.26.0-1", 1, old)
	b := &builder{final: filepath.Join(p, "go1.26.0-1")}
	for i, at := range []time.Time{now, now.Add(time.Hour), now.Add(25 * time.Hour)} {
		fakeCopy(t, p, "go1.25.0-1", 1, old)
		b.used(at)
		if info, err := os.Stat(filepath.Join(p, "go1.26.0-1", markerName)); err != nil || at.Sub(info.ModTime()).Abs() > noteUse+time.Second {
			t.Errorf("used at %v, noted %v (%v)", at, info.ModTime(), err)
		}
		if gone := !slices.Contains(copies(p), "go1.25.0-1"); gone != (i != 1) {
			t.Errorf("use %d: the old copy is gone: %v", i, gone)
		}
		os.Chtimes(filepath.Join(p, trimName), now, now)
	}
}

// What somebody else can have written is not used.
func TestForeign(t *testing.T) {
	info := func(p string) os.FileInfo {
		i, err := os.Lstat(p)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if why := foreign(info(dir)); why != "" {
		t.Fatalf("our own: %s", why)
	}
	if err := os.Chmod(dir, 0o775); err != nil {
		t.Fatal(err)
	}
	if why := foreign(info(dir)); why == "" {
		t.Skip("no owners here")
	}
	final := filepath.Join(dir, "go1.26.0-1")
	fakeCopy(t, dir, "go1.26.0-1", 1, time.Now())
	b := &builder{final: final}
	if !b.ready() {
		t.Error("our own copy is not used")
	}
	if err := os.Chmod(final, 0o775); err != nil {
		t.Fatal(err)
	}
	if b.ready() {
		t.Error("a copy that others may write to is used")
	}
	// A directory of ours is closed to them.
	if err := secure(dir); err != nil || info(dir).Mode().Perm() != 0o755 {
		t.Errorf("%v, mode %v", err, info(dir).Mode())
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	if err := errors.Join(os.Chmod(final, 0o755), os.Chown(final, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if b.ready() {
		t.Error("another user's copy is used")
	}
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	var e *OwnerError
	if err := secure(dir); !errors.As(err, &e) || !strings.Contains(err.Error(), "LOCKDEPCACHE") {
		t.Errorf("another user's cache: %v", err)
	}
}
