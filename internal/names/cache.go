package names

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"
)

// A cache keeps the sections of single packages, a file each, named by the hash
// of their key. It never fails: what cannot be read is missing, and what cannot
// be written will be missing. Files not used for a month are removed.
type cache struct{ dir string }

const (
	cacheAge   = 30 * 24 * time.Hour
	cacheTouch = 24 * time.Hour // how exactly the last use is known
)

func openCache(dir string) *cache {
	c := &cache{dir}
	if dir == "" || os.MkdirAll(dir, 0o777) != nil {
		c.dir = ""
		return c
	}
	c.trim(time.Now())
	return c
}

func (c *cache) file(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:])+".names")
}

func (c *cache) get(key string) (string, bool) {
	if c.dir == "" || key == "" {
		return "", false
	}
	name := c.file(key)
	data, err := os.ReadFile(name)
	if err != nil {
		return "", false
	}
	if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > cacheTouch {
		now := time.Now()
		os.Chtimes(name, now, now)
	}
	return string(data), true
}

func (c *cache) put(key, body string) {
	if c.dir == "" || key == "" {
		return
	}
	// Written aside and renamed, so that no reader ever sees half a file.
	f, err := os.CreateTemp(c.dir, "*.tmp")
	if err != nil {
		return
	}
	_, err = f.WriteString(body)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), c.file(key)) != nil {
		os.Remove(f.Name())
	}
}

// trim removes old files, at most once a day.
func (c *cache) trim(now time.Time) {
	stamp := filepath.Join(c.dir, "trim")
	if info, err := os.Stat(stamp); err == nil && now.Sub(info.ModTime()) < cacheTouch {
		return
	}
	os.WriteFile(stamp, nil, 0o666)
	entries, _ := os.ReadDir(c.dir)
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".names" && ext != ".tmp" {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > cacheAge {
			os.Remove(filepath.Join(c.dir, e.Name()))
		}
	}
}
